"""Where events wait until the destination has them.

Before: `structlog_mozdef.sink` appends. After: `structlog_mozdef.delivery` peeks and acknowledges.

- `base`: the contract of a buffer; start here.
- `memory`: `MemoryBuffer`. `spool`: `Spool`, on disk.
- `accounting`: what was lost, why and when.
"""
