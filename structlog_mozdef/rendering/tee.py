"""Ship a copy of an event in the middle of a chain."""

from __future__ import annotations

from datetime import tzinfo
from typing import Protocol

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef.rendering.renderer import MozDefRenderer


class Destination(Protocol):
    """A destination of rendered events: a `Sink`."""

    def put(self, event: bytes) -> None:
        """Accept one event. Never raises, never blocks."""


class MozDefTee:
    """Ship a copy of each event in the middle of a chain, and pass the event on unchanged.

    So a console can follow: ``[..., MozDefTee(sink), structlog.dev.ConsoleRenderer()]``. The tee
    belongs before ``format_exc_info`` and similar processors. Hostname, process and timestamp need
    no processors before it; they are added to the copy.

    Args:
        sink: the destination of the rendered events.
        category, source, timezone: as for `MozDefRenderer`.

    Raises:
        ValueError: as for `MozDefRenderer`.
    """

    __slots__ = ("_put", "_renderer")

    def __init__(
        self,
        sink: Destination,
        category: str = "event",
        source: str | None = None,
        timezone: str | tzinfo | None = None,
    ) -> None:
        self._put = sink.put
        self._renderer = MozDefRenderer(category, source, timezone)

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        self._put(self._renderer(logger, name, dict(event_dict)))
        return event_dict

    def __repr__(self) -> str:
        return f"MozDefTee({self._renderer!r})"
