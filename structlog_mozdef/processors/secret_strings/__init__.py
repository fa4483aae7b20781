"""Secrets inside strings, for strings in which a look has found a hint.

Before: `structlog_mozdef.processors.redactor`, which walks through an event.

- `texts`: by the names before them; it asks all others. `values`: whether what follows is one.
- `formats`: by their form. `commands`: by their place in commands, protocols and calls.
- `sql`: by the columns of an INSERT.
"""
