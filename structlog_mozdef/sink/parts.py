"""What a sink is made of: the transport of its URL, and the buffer of its settings."""

from __future__ import annotations

from typing import Any

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.base import Buffer
from structlog_mozdef.buffers.memory import MemoryBuffer
from structlog_mozdef.sink.config import SinkConfig
from structlog_mozdef.sink.nowhere import Nowhere, is_nowhere
from structlog_mozdef.transports.base import Transport
from structlog_mozdef.transports.registry import transport_for_url


def transport_of(
    url_or_transport: str | Transport | None, own_log: RateLimitedLogger, options: dict[str, Any]
) -> Transport:
    """Return the transport of a URL, or the one that was given.

    Raises:
        ValueError: it is neither, or an option cannot work.
        TypeError: the transport does not know an option.
        MozDefError: the library that the transport needs is not installed.
    """
    if is_nowhere(url_or_transport):
        return Nowhere()
    if isinstance(url_or_transport, str):
        return transport_for_url(url_or_transport, own_log, options)
    if url_or_transport is None or not callable(getattr(url_or_transport, "send", None)):
        raise ValueError(
            f"url_or_transport is {url_or_transport!r}; it must be a URL, a transport or None"
        )
    if options:
        names = ", ".join(options)
        raise TypeError(f"{names}: such options belong to the transport that was given")
    return url_or_transport


def new_buffer(config: SinkConfig, spool_folder: Any, own_log: RateLimitedLogger) -> Buffer:
    """Return the buffer in which events wait: in *spool_folder*, or in memory where it is None."""
    max_events, max_bytes = config.bounds()
    if spool_folder is None:
        return MemoryBuffer(max_events, max_bytes, config.when_full)
    # Loaded only where it is used, when the program is configured.
    from structlog_mozdef.buffers.spool import Spool, SpoolOptions

    limit = config.max_dead_letter_bytes
    options = SpoolOptions(max_events, max_bytes, config.when_full, config.sync, limit)
    return Spool(spool_folder, options, own_log)
