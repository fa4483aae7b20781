"""What a person can set of a `Sink`, checked, and what follows from it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from structlog_mozdef._validate import check_choice, check_number
from structlog_mozdef.buffers.base import SyncMode, WhenFull
from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.delivery.wakeup import Batching
from structlog_mozdef.transports.base import Transport

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
    retry: RetryPolicy | Mapping[str, float] | None = None
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
        object.__setattr__(self, "retry", _policy_of(self.retry))

    @property
    def policy(self) -> RetryPolicy:
        """When to try again."""
        return self.retry if isinstance(self.retry, RetryPolicy) else RetryPolicy()

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


def _policy_of(retry: object) -> RetryPolicy | None:
    """Return the policy that the option *retry* means; in JSON it has the names of its bounds."""
    if retry is None or isinstance(retry, RetryPolicy):
        return retry
    bounds = list(RetryPolicy.__dataclass_fields__)
    if not isinstance(retry, Mapping) or not set(retry) <= set(bounds):
        raise ValueError(
            f"retry is {retry!r}; it must be a RetryPolicy, None, or an object with some of"
            f" {', '.join(bounds)}"
        )
    return RetryPolicy(**retry)


def split_options(options: Mapping[str, Any]) -> tuple[SinkConfig, dict[str, Any]]:
    """Return the settings of a sink that are among *options*, and the rest: the transport's.

    Raises:
        ValueError: as for `SinkConfig`.
    """
    names = SinkConfig.__dataclass_fields__
    own = {name: value for name, value in options.items() if name in names}
    rest = {name: value for name, value in options.items() if name not in names}
    return SinkConfig(**own), rest


def settings_of(
    url: str | Transport | None, options: Mapping[str, Any]
) -> tuple[str | Transport | None, dict[str, Any]]:
    """Return *url* and all options of a sink: two sinks with equal ones do the same.

    Raises:
        ValueError: as for `SinkConfig`.
    """
    config, rest = split_options(options)
    return url, {**{name: getattr(config, name) for name in config.__dataclass_fields__}, **rest}
