"""From an event dict to the bytes of a MozDef event.

Before: `structlog_mozdef.processors` have added who, when and what. After: the bytes go to
`structlog_mozdef.sink`, and nothing changes them any more.

- `renderer`: `MozDefRenderer`, the end of a chain; start here.
- `fields`: the ten fields of an event, their types, and how odd values become what MozDef keeps.
- `timestamps`: points in time as strings with an offset, and time zones.
- `log_records`, `tracebacks`: the standard library's records and exceptions as fields. `stacks`:
  stacks as strings. `callers`: the module and the frame of a log call.
- `detection`: what an index reads into names and strings. `typed_details`: details of which its
  template says the type. `indexable`: the repair of names and types.
- `convert`: any object as JSON's own types, or as a string. `encode`: JSON bytes, fast.
- `repair`: the slow path, for events that `encode` cannot encode as they are. `fit`: their size.
"""
