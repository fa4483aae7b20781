"""From an event dict to the bytes of a MozDef event.

Before: `structlog_mozdef.processors` have added who, when and what. After: the bytes go to
`structlog_mozdef.sink`, and nothing changes them any more.

- `renderer`: `MozDefRenderer`, the end of a chain; start here. `tee`: `MozDefTee`, in its middle.
- `fields`: the ten fields of an event, and how odd values become what MozDef keeps.
- `log_records`, `tracebacks`, `timestamps`: what comes from the standard library.
- `convert`: any object in terms of JSON, or as text. `encode`: JSON bytes, fast.
- `repair`: the slow way, for events that `encode` cannot make as they are.
"""
