"""The error class, in the module where mozdef_client has it."""

from structlog_mozdef.exceptions import MozDefError

__all__ = ["MozDefError"]
