"""What the comparison asks of a library: open, log, close, and what it says about loss."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

# What those that wait in memory are given as a bound where it can be set: room for the outage.
QUEUE_EVENTS = 500_000
QUEUE_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Destination:
    """Where to send, and where something can be kept.

    Attributes:
        port: of the receiver on 127.0.0.1, which takes every wire format.
        folder: on a disk, the same one for everybody; outlives the process.
    """

    port: int
    folder: str

    @property
    def base(self) -> str:
        """The receiver's address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def events_url(self) -> str:
        """The address that takes one JSON object a request."""
        return f"{self.base}/events"


class Running(Protocol):
    """A library that is set up and ready."""

    def log(self, fields: dict[str, Any]) -> None:
        """Log "User logged in" with these fields, as the library's documentation says."""

    def close(self) -> None:
        """Wait until everything is sent, as its documentation says, and end."""


@dataclass(frozen=True)
class Peer:
    """One library in one setting.

    Attributes:
        name: in tables.
        distributions: the packages whose versions belong to the result.
        imports: the statements that a program needs to use it.
        open: sets it up.
        settings: how it is used, and which settings differ from its defaults, and why.
        loss: what it promises, or what its documentation and source say happens.
        events: how many to log in one run of a few seconds.
        durable: whether events wait on disk, so that a new process can send them.
    """

    name: str
    distributions: tuple[str, ...]
    imports: str
    open: Callable[[Destination], Running]
    settings: str
    loss: str
    events: int
    durable: bool = False


class StandardLogger:
    """A logger of the standard library with one handler, for those that are a handler."""

    def __init__(self, handler: logging.Handler, flush: Callable[[], object] | None = None) -> None:
        # A traceback on standard error for every event would cost most of the time of an outage.
        logging.raiseExceptions = False
        self._handler = handler
        self._flush = flush
        self._logger = logging.getLogger("benchmark")
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        self._logger.addHandler(handler)

    def log(self, fields: dict[str, Any]) -> None:
        """Log with ``extra``."""
        self._logger.info("User logged in", extra=fields)

    def close(self) -> None:
        """Flush where that is a step of its own, and close the handler."""
        if self._flush:
            self._flush()
        self._handler.close()
