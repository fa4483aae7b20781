"""What a person can set of a `Sink`, checked, and what follows from it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from structlog_mozdef._validate import check_choice, check_number
from structlog_mozdef.buffers.base import SyncMode, WhenFull
from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.delivery.wakeup import Batching

_MEMORY_EVENTS = 100_000
_MEMORY_BYTES = 64 * 1024 * 1024
_SPOOL_BYTES = 1024 * 1024 * 1024
_NO_LIMIT = sys.maxsize


@dataclass(frozen=True, kw_only=True)
class SinkConfig:
    """The settings of a sink; see `Sink` for their meaning.

    Raises:
        ValueError: for a value that cannot work, in one sentence that names it.
    """

    spool: str | os.PathLike[str] | None = None
    sync: SyncMode = "interval"
    max_events: int | None = None
    max_bytes: int | None = None
    max_dead_letter_bytes: int | None = None
    when_full: WhenFull = "drop_newest"
    batch_events: int = 1000
    batch_bytes: int = 1_000_000
    linger: float = 0.5
    retry: RetryPolicy | None = None
    exit_timeout: float = 5.0
    handle_sigterm: bool = False
    seal: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        spool = self.spool
        if spool is not None and (not isinstance(spool, (str, os.PathLike)) or not str(spool)):
            raise ValueError(f"spool is {spool!r}; it must be the path of a folder, or None")
        check_choice("sync", self.sync, ("interval", "always", "never"))
        for name in ("max_events", "max_bytes"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), minimum=1, integer=True)
        if self.max_dead_letter_bytes is not None:
            check_number(
                "max_dead_letter_bytes",
                self.max_dead_letter_bytes,
                minimum=0,
                maximum=self.bounds()[1] // 2,
                integer=True,
            )
        for name in ("batch_events", "batch_bytes"):
            check_number(name, getattr(self, name), minimum=1, integer=True)
        for name in ("linger", "exit_timeout"):
            check_number(name, getattr(self, name), minimum=0)
        if not isinstance(self.handle_sigterm, bool):
            raise ValueError(f"handle_sigterm is {self.handle_sigterm!r}; it must be True or False")
        check_choice("when_full", self.when_full, ("drop_newest", "drop_oldest", "block"))
        if self.retry is not None and not isinstance(self.retry, RetryPolicy):
            raise ValueError(f"retry is {self.retry!r}; it must be a RetryPolicy or None")

    def bounds(self) -> tuple[int, int]:
        """Return how many events may wait, and their size together in bytes."""
        in_memory = self.spool is None
        return (
            self.max_events or (_MEMORY_EVENTS if in_memory else _NO_LIMIT),
            self.max_bytes or (_MEMORY_BYTES if in_memory else _SPOOL_BYTES),
        )

    def batching(self) -> Batching:
        """Return when events are sent."""
        max_events, _ = self.bounds()
        # A small buffer never holds a whole batch.
        complete = max(1, min(self.batch_events, max_events // 2))
        return Batching(
            events=complete,
            size_bytes=self.batch_bytes,
            linger=self.linger,
            yield_threshold=max(complete * 4, min(max_events, _MEMORY_EVENTS) // 8),
        )
