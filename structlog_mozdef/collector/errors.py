"""The error that the receiver raises to whoever starts it."""

from __future__ import annotations

from structlog_mozdef.exceptions import MozDefError


class CollectorError(MozDefError):
    """The receiver cannot start: its address, database or certificate cannot be used."""
