"""The options of a sink, for type checkers; `structlog_mozdef.sink.config` checks them."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from structlog_mozdef.buffers.base import SyncMode, WhenFull
from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.transports.options import TransportOptions


class SinkOptions(TransportOptions, total=False):
    """Options of a `Sink`, but for its spool, and of the transport of its URL; see `Sink`."""

    sync: SyncMode
    max_events: int | None
    max_bytes: int | None
    max_dead_letter_bytes: int | None
    when_full: WhenFull
    batch_events: int
    batch_bytes: int
    linger: float
    retry: RetryPolicy | Mapping[str, float] | None
    exit_timeout: float
    handle_sigterm: bool
    seal: str | PathLike[str] | None


class SpooledSinkOptions(SinkOptions, total=False):
    """All options of a `Sink`."""

    spool: str | PathLike[str] | None
