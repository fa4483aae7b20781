"""The transport that a URL asks for."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from structlog_mozdef.reporting import Reporter
from structlog_mozdef.transports.base import Transport
from structlog_mozdef.urls import parse_address

_NO_OPTIONS = ("url", "reporter")


def transport_for_url(url: str, reporter: Reporter, options: Mapping[str, Any]) -> Transport:
    """Make the transport that goes with the scheme of *url*.

    Raises:
        ValueError: for a scheme that is not known, or an option that cannot work.
        TypeError: for an option that the transport does not know.
    """
    parse_address(url, ("https", "http"))
    from structlog_mozdef.transports.http import HTTPTransport

    allowed = [name for name in signature(HTTPTransport).parameters if name not in _NO_OPTIONS]
    for name in options:
        if name not in allowed:
            raise TypeError(f"{name} is no option; allowed are {', '.join(allowed)}")
    return HTTPTransport(url, reporter=reporter, **options)
