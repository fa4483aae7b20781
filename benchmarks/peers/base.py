"""What the comparison needs from a library: open, log, close, and what it says about loss."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

# The limits of queues in memory, if they can be set: enough for the outage.
QUEUE_EVENTS = 500_000
QUEUE_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Destination:
    """Where to send, and where to store events.

    Attributes:
        port: of the receiver on 127.0.0.1, which understands every wire format.
        folder: on a disk, the same one for all libraries; outlives the process.
    """

    port: int
    folder: str

    @property
    def base(self) -> str:
        """Return the URL of the receiver without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def events_url(self) -> str:
        """Return the URL that accepts one JSON object in each request."""
        return f"{self.base}/events"


class Running(Protocol):
    """A library that is set up and ready."""

    def log(self, fields: dict[str, Any]) -> None:
        """Log "User logged in" with these fields, as the library's documentation says."""

    def close(self) -> None:
        """Wait until everything is sent, as its documentation says, and end."""


def _no_agent(_: Destination) -> AbstractContextManager[object]:
    return contextlib.nullcontext()


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
        ours: whether it is this project.
        agent: starts a program that ships what the library writes, and ends it with the block. It
            is another process, and goes on when that of the library is killed.
    """

    name: str
    distributions: tuple[str, ...]
    imports: str
    open: Callable[[Destination], Running]
    settings: str
    loss: str
    events: int
    durable: bool = False
    ours: bool = False
    agent: Callable[[Destination], AbstractContextManager[object]] = _no_agent


class StandardLogger:
    """A logger of the standard library, for a library that is a handler."""

    def __init__(self, handler: logging.Handler, flush: Callable[[], object] | None = None) -> None:
        # A traceback on standard error for every event would dominate the time of an outage.
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
        """Flush, if that is a separate step, and close the handler."""
        if self._flush:
            self._flush()
        self._handler.close()


class StructlogLogger:
    """A logger of structlog with the floor's first processors, for a library that goes on there.

    Args:
        processors: the rest of the chain.
        logger: what is called with what the last one returns. Default: nothing is.
        close: waits until everything is sent.
    """

    def __init__(
        self, *processors: Any, logger: Any = None, close: Callable[[], object] | None = None
    ) -> None:
        import structlog

        self._log = structlog.make_filtering_bound_logger(logging.INFO)(
            logger or structlog.ReturnLogger(),
            [
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
                *processors,
            ],
            {},
        )
        self._close = close

    def log(self, fields: dict[str, Any]) -> None:
        """Log with keyword arguments."""
        self._log.info("User logged in", **fields)

    def close(self) -> None:
        """Wait until everything is sent."""
        if self._close:
            self._close()


def render_nothing(_logger: object, _name: str, _event_dict: object) -> str:
    """End a chain in which an earlier processor has sent the event."""
    return ""
