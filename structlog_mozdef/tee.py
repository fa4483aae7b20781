"""Ship a copy of an event in the middle of a chain."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink.destination import Destination, destination_of


class MozDefTee:
    """Ship a copy of each event in the middle of a chain, and pass the event on unchanged.

    So a console can follow: ``[..., MozDefTee(sink), structlog.dev.ConsoleRenderer()]``. The tee
    belongs before ``format_exc_info`` and similar processors. Hostname, process and timestamp need
    no processors before it; they are added to the copy.

    Args:
        sink: the destination of the rendered events: a `Sink`, or a URL of which one is made.
        category, source, timezone: as for `MozDefRenderer`.
        sink_options: for a URL, as for `Sink`: ``spool``, ``verify``, ...

    Raises:
        TypeError: an option that the transport of the URL does not know.
        ValueError: as for `MozDefRenderer` and `Sink`.
    """

    __slots__ = ("_put", "_renderer")

    @clears_locals
    def __init__(
        self,
        sink: Destination | str,
        category: str = "event",
        source: str | None = None,
        timezone: str | tzinfo | None = None,
        **sink_options: Any,
    ) -> None:
        self._renderer = MozDefRenderer(category, source, timezone)
        self._put = destination_of(sink, sink_options).put

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        self._put(self._renderer(logger, name, dict(event_dict)))
        return event_dict

    @shows_half_made
    def __repr__(self) -> str:
        return f"MozDefTee({self._renderer!r})"
