"""Security events from structlog to MozDef: fast in the log call, and without loss.

>>> import structlog, structlog_mozdef as mozdef
>>> sink = mozdef.configure("https://mozdef.example.com:8443/events", tags=["openvpn"])
>>> structlog.get_logger().info("User logged in", username="kang", success=True)

Each name is loaded when it is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structlog_mozdef._version import __version__ as __version__

if TYPE_CHECKING:  # what type checkers and editors see
    from structlog_mozdef.buffers.base import DeadLetter as DeadLetter
    from structlog_mozdef.configuration import build_processors as build_processors
    from structlog_mozdef.configuration import configure as configure
    from structlog_mozdef.delivery.retry import RetryPolicy as RetryPolicy
    from structlog_mozdef.exceptions import MozDefError as MozDefError
    from structlog_mozdef.exceptions import Rejected as Rejected
    from structlog_mozdef.exceptions import SpoolError as SpoolError
    from structlog_mozdef.exceptions import TransportError as TransportError
    from structlog_mozdef.handler import MozDefHandler as MozDefHandler
    from structlog_mozdef.logger import MozDefLogger as MozDefLogger
    from structlog_mozdef.logger import MozDefLoggerFactory as MozDefLoggerFactory
    from structlog_mozdef.processors.context import TagAdder as TagAdder
    from structlog_mozdef.processors.context import TimestampAdder as TimestampAdder
    from structlog_mozdef.processors.context import add_hostname as add_hostname
    from structlog_mozdef.processors.context import add_processid as add_processid
    from structlog_mozdef.processors.context import add_processname as add_processname
    from structlog_mozdef.processors.context import add_timestamp as add_timestamp
    from structlog_mozdef.processors.rate_limiter import RateLimiter as RateLimiter
    from structlog_mozdef.processors.redactor import Redactor as Redactor
    from structlog_mozdef.processors.sequence import SequenceAdder as SequenceAdder
    from structlog_mozdef.processors.trace import add_trace_ids as add_trace_ids
    from structlog_mozdef.rendering.fields import SEVERITIES as SEVERITIES
    from structlog_mozdef.rendering.renderer import MozDefRenderer as MozDefRenderer
    from structlog_mozdef.sink import Sink as Sink
    from structlog_mozdef.sink.destination import end_streams_in as end_streams_in
    from structlog_mozdef.sink.health import Health as Health
    from structlog_mozdef.sink.stats import Stats as Stats
    from structlog_mozdef.tee import MozDefTee as MozDefTee
    from structlog_mozdef.tee import NamedLoggerFactory as NamedLoggerFactory
    from structlog_mozdef.transports.amqp import AMQPTransport as AMQPTransport
    from structlog_mozdef.transports.base import SendResult as SendResult
    from structlog_mozdef.transports.base import Transport as Transport
    from structlog_mozdef.transports.file import FileTransport as FileTransport
    from structlog_mozdef.transports.http import HTTPTransport as HTTPTransport
    from structlog_mozdef.transports.sqs import SQSTransport as SQSTransport
    from structlog_mozdef.transports.syslog import SyslogTransport as SyslogTransport
else:  # what runs: the same names, each loaded from its module when it is first used
    import importlib

    _HOMES = {
        # Set up in one line
        "configure": "configuration",
        "build_processors": "configuration",
        # Processors
        "add_hostname": "processors.context",
        "add_processid": "processors.context",
        "add_processname": "processors.context",
        "add_timestamp": "processors.context",
        "add_trace_ids": "processors.trace",
        "RateLimiter": "processors.rate_limiter",
        "Redactor": "processors.redactor",
        "SequenceAdder": "processors.sequence",
        "TagAdder": "processors.context",
        "TimestampAdder": "processors.context",
        # Rendering
        "MozDefRenderer": "rendering.renderer",
        "MozDefTee": "tee",
        "SEVERITIES": "rendering.fields",
        # Loggers and handlers
        "MozDefHandler": "handler",
        "MozDefLogger": "logger",
        "MozDefLoggerFactory": "logger",
        "NamedLoggerFactory": "tee",
        # Sending
        "DeadLetter": "buffers.base",
        "Health": "sink.health",
        "RetryPolicy": "delivery.retry",
        "Sink": "sink",
        "end_streams_in": "sink.destination",
        "Stats": "sink.stats",
        # Transports
        "AMQPTransport": "transports.amqp",
        "FileTransport": "transports.file",
        "HTTPTransport": "transports.http",
        "SQSTransport": "transports.sqs",
        "SendResult": "transports.base",
        "SyslogTransport": "transports.syslog",
        "Transport": "transports.base",
        # Errors
        "MozDefError": "exceptions",
        "Rejected": "exceptions",
        "SpoolError": "exceptions",
        "TransportError": "exceptions",
    }

    __all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 - all of them are strings

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"structlog_mozdef.{home}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
