"""Security events from structlog to MozDef: fast in the log call, and without loss.

>>> import structlog, structlog_mozdef as mozdef
>>> sink = mozdef.configure("https://mozdef.example.com:8443/events", tags=["openvpn"])
>>> structlog.get_logger().info("User logged in", username="kang", success=True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from structlog_mozdef._version import __version__
from structlog_mozdef.chain import build_processors, configure
from structlog_mozdef.event import SEVERITIES
from structlog_mozdef.exceptions import MozDefError, Rejected, SpoolError, TransportError
from structlog_mozdef.handler import MozDefHandler
from structlog_mozdef.logger import MozDefLogger, MozDefLoggerFactory
from structlog_mozdef.processors import (
    SequenceAdder,
    TagAdder,
    add_hostname,
    add_processid,
    add_processname,
    add_timestamp,
    add_trace_ids,
)
from structlog_mozdef.redaction import Redactor
from structlog_mozdef.renderer import MozDefRenderer, MozDefTee
from structlog_mozdef.retry import RetryPolicy
from structlog_mozdef.sink import Sink, Stats
from structlog_mozdef.transports.base import Delivery, Transport

if TYPE_CHECKING:
    from structlog_mozdef.transports.http import HTTPTransport

__all__ = [  # noqa: RUF022 - grouped by topic
    # Set up in one line
    "configure",
    "build_processors",
    # Processors
    "add_hostname",
    "add_processid",
    "add_processname",
    "add_timestamp",
    "add_trace_ids",
    "Redactor",
    "SequenceAdder",
    "TagAdder",
    # Rendering
    "MozDefRenderer",
    "MozDefTee",
    "SEVERITIES",
    # Loggers and handlers
    "MozDefHandler",
    "MozDefLogger",
    "MozDefLoggerFactory",
    # Shipping
    "Delivery",
    "HTTPTransport",
    "RetryPolicy",
    "Sink",
    "Stats",
    "Transport",
    # Errors
    "MozDefError",
    "Rejected",
    "SpoolError",
    "TransportError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name == "HTTPTransport":  # it needs requests, which takes longer to load than all the rest
        from structlog_mozdef.transports.http import HTTPTransport

        return HTTPTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
