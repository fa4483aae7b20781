"""Security events from structlog to MozDef: fast in the log call, and without loss.

>>> import structlog, structlog_mozdef as mozdef
>>> sink = mozdef.configure("https://mozdef.example.com:8443/events", tags=["openvpn"])
>>> structlog.get_logger().info("User logged in", username="kang", success=True)

Each name is loaded when it is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from structlog_mozdef._version import __version__

if TYPE_CHECKING:
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
    from structlog_mozdef.sink import Sink
    from structlog_mozdef.stats import Stats
    from structlog_mozdef.transports.amqp import AMQPTransport
    from structlog_mozdef.transports.base import Delivery, Transport
    from structlog_mozdef.transports.file import FileTransport
    from structlog_mozdef.transports.http import HTTPTransport
    from structlog_mozdef.transports.sqs import SQSTransport
    from structlog_mozdef.transports.syslog import SyslogTransport

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
    "RetryPolicy",
    "Sink",
    "Stats",
    # Transports
    "AMQPTransport",
    "Delivery",
    "FileTransport",
    "HTTPTransport",
    "SQSTransport",
    "SyslogTransport",
    "Transport",
    # Errors
    "MozDefError",
    "Rejected",
    "SpoolError",
    "TransportError",
    "__version__",
]

_HOMES = {
    "chain": ("build_processors", "configure"),
    "event": ("SEVERITIES",),
    "exceptions": ("MozDefError", "Rejected", "SpoolError", "TransportError"),
    "handler": ("MozDefHandler",),
    "logger": ("MozDefLogger", "MozDefLoggerFactory"),
    "processors": (
        "SequenceAdder",
        "TagAdder",
        "add_hostname",
        "add_processid",
        "add_processname",
        "add_timestamp",
        "add_trace_ids",
    ),
    "redaction": ("Redactor",),
    "renderer": ("MozDefRenderer", "MozDefTee"),
    "retry": ("RetryPolicy",),
    "sink": ("Sink",),
    "stats": ("Stats",),
    "transports.amqp": ("AMQPTransport",),
    "transports.base": ("Delivery", "Transport"),
    "transports.file": ("FileTransport",),
    "transports.http": ("HTTPTransport",),
    "transports.sqs": ("SQSTransport",),
    "transports.syslog": ("SyslogTransport",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"structlog_mozdef.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
