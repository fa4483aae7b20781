"""Check a record of events: whether any is missing, and whether any was changed or forged.

Before: the numbers of `structlog_mozdef.processors.sequence`, in events that any transport has
delivered. After: the command ``structlog-mozdef audit``, which prints what is found here,
and ``structlog-mozdef seal verify``.

- `sources`: the events of files, spools and the collector's database; `index`: those of an index.
- `numbers`: a set of numbers that takes little memory, whatever order they come in.
- `completeness`: what is missing in each stream, what came twice, and how each ended.
- `report`: the same as text, and as JSON.
- `seals`: which events are authentic, by `verification_keys`; `seal_report`: that as text and JSON.
"""
