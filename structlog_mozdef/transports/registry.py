"""The transport that a URL asks for, by its scheme. Each is imported only when it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.transports.base import Transport
from structlog_mozdef.transports.urls import scheme_of

#: scheme -> module under `structlog_mozdef.transports`, and its class.
_CLASSES = {
    "https": ("http", "HTTPTransport"),
    "http": ("http", "HTTPTransport"),
    "amqps": ("amqp", "AMQPTransport"),
    "amqp": ("amqp", "AMQPTransport"),
    "sqs": ("sqs", "SQSTransport"),
    "syslog+tls": ("syslog", "SyslogTransport"),
    "syslog+tcp": ("syslog", "SyslogTransport"),
    "syslog+udp": ("syslog", "SyslogTransport"),
    "syslog": ("syslog", "SyslogTransport"),
    "file": ("file", "FileTransport"),
    "-": ("file", "FileTransport"),
}
#: Parameters of a transport that are no options of a user.
_NO_OPTIONS = ("url", "own_log", "clock", "chance")


def transport_for_url(
    url: str, own_log: RateLimitedLogger, options: Mapping[str, Any]
) -> Transport:
    """Return a new transport for *url*, by its scheme; ``-`` is standard output.

    Raises:
        ValueError: the scheme is not known, or an option cannot work.
        TypeError: the transport does not know an option.
        MozDefError: the library that the transport needs is not installed.
    """
    scheme = scheme_of(url, tuple(_CLASSES))
    module, name = _CLASSES[scheme]
    loaded = importlib.import_module(f"structlog_mozdef.transports.{module}")
    transport: Callable[..., Transport] = getattr(loaded, name)
    parameters = signature(transport).parameters
    allowed = [name for name in parameters if name not in _NO_OPTIONS]
    for option in options:
        if option not in allowed:
            kind = "standard output" if scheme == "-" else f"{scheme}://"
            raise TypeError(f"{option} is no option of {kind}; allowed are {', '.join(allowed)}")
    if "own_log" in parameters:
        return transport(url, own_log=own_log, **options)
    return transport(url, **options)
