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
    from structlog_mozdef.configuration import build_processors, configure
    from structlog_mozdef.delivery.retry import RetryPolicy
    from structlog_mozdef.exceptions import MozDefError, Rejected, SpoolError, TransportError
    from structlog_mozdef.handler import MozDefHandler
    from structlog_mozdef.logger import MozDefLogger, MozDefLoggerFactory
    from structlog_mozdef.processors.context import (
        TagAdder,
        add_hostname,
        add_processid,
        add_processname,
        add_timestamp,
    )
    from structlog_mozdef.processors.redactor import Redactor
    from structlog_mozdef.processors.sequence import SequenceAdder
    from structlog_mozdef.processors.trace import add_trace_ids
    from structlog_mozdef.rendering.fields import SEVERITIES
    from structlog_mozdef.rendering.renderer import MozDefRenderer
    from structlog_mozdef.rendering.tee import MozDefTee
    from structlog_mozdef.sink import Sink
    from structlog_mozdef.sink.stats import Stats
    from structlog_mozdef.transports.amqp import AMQPTransport
    from structlog_mozdef.transports.base import SendResult, Transport
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
    "SendResult",
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
    "configuration": ("build_processors", "configure"),
    "rendering.fields": ("SEVERITIES",),
    "exceptions": ("MozDefError", "Rejected", "SpoolError", "TransportError"),
    "handler": ("MozDefHandler",),
    "logger": ("MozDefLogger", "MozDefLoggerFactory"),
    "processors.context": (
        "TagAdder",
        "add_hostname",
        "add_processid",
        "add_processname",
        "add_timestamp",
    ),
    "processors.sequence": ("SequenceAdder",),
    "processors.trace": ("add_trace_ids",),
    "processors.redactor": ("Redactor",),
    "rendering.renderer": ("MozDefRenderer",),
    "rendering.tee": ("MozDefTee",),
    "delivery.retry": ("RetryPolicy",),
    "sink": ("Sink",),
    "sink.stats": ("Stats",),
    "transports.amqp": ("AMQPTransport",),
    "transports.base": ("SendResult", "Transport"),
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
