"""From an event dict to the bytes of a MozDef event.

Before: `structlog_mozdef.processors` have added who, when and what. After: the bytes go to
`structlog_mozdef.sink`, and nothing changes them any more.

- `renderer`: `MozDefRenderer`, the end of a chain; start here. `tee`: `MozDefTee`, in its middle.
- `fields`: the ten fields of an event, their types, and how odd values become what MozDef keeps.
- `timestamps`: points in time as strings with an offset, and time zones.
- `log_records`, `tracebacks`: the standard library's records and exceptions as fields.
- `convert`: any object as JSON's own types, or as a string. `encode`: JSON bytes, fast.
- `repair`: the slow path, for events that `encode` cannot encode as they are. `fit`: their size.
"""
