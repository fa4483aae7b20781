"""Ship a copy of an event in the middle of a chain, and know the loggers that stand at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef.processors.redactor import Redactor, redactor_of
from structlog_mozdef.rendering.convert import NAMES_LIMIT
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink.destination import Destination, destination_of


class MozDefTee:
    """Ship a copy of each event in the middle of a chain, and pass the event on unchanged.

    So a console can follow: ``[..., MozDefTee(sink), structlog.dev.ConsoleRenderer()]``. The tee
    belongs before ``format_exc_info`` and similar processors. Hostname, process and timestamp need
    no processors before it; they are added to the copy.

    Args:
        sink: the destination of the rendered events: a `Sink`, or a URL of which one is made.
        category, source, timezone, typed_names, listed_names, max_names: as for
            `MozDefRenderer`.
        redact: whether secrets are replaced in the copy; a `Redactor` with rules of its own.
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
        typed_names: Mapping[str, type] | None = None,
        *,
        listed_names: Iterable[str] = (),
        max_names: int = NAMES_LIMIT,
        redact: bool | Redactor = True,
        **sink_options: Any,
    ) -> None:
        self._renderer = MozDefRenderer(
            category,
            source,
            timezone,
            typed_names,
            listed_names=listed_names,
            max_names=max_names,
            redactor=redactor_of(redact),
        )
        self._put = destination_of(sink, sink_options).put

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        self._put(self._renderer(logger, name, dict(event_dict)))
        return event_dict

    @shows_half_made
    def __repr__(self) -> str:
        return f"MozDefTee({self._renderer!r})"


class NamedLoggerFactory:
    """Make loggers that know the name given to ``structlog.get_logger``.

    structlog's own factories for consoles and files ignore it. A `MozDefTee` before them then
    cannot say which logger an event comes from, and names the module that logs::

        structlog.configure(
            processors=[MozDefTee(sink), structlog.dev.ConsoleRenderer()],
            logger_factory=NamedLoggerFactory(structlog.PrintLoggerFactory()),
        )

    Args:
        factory: makes the loggers that write.

    .. versionadded:: 26.1.0
    """

    __slots__ = ("_factory",)

    def __init__(self, factory: Callable[..., WrappedLogger]) -> None:
        self._factory = factory

    def __call__(self, *args: Any) -> WrappedLogger:
        logger = self._factory(*args)
        if args and isinstance(args[0], str) and args[0]:
            return _NamedLogger(logger, args[0])
        return logger

    @shows_half_made
    def __repr__(self) -> str:
        return f"NamedLoggerFactory({self._factory!r})"


class _NamedLogger:
    """A logger with a name; the rest is that of *logger*."""

    __slots__ = ("_logger", "name")

    def __init__(self, logger: WrappedLogger, name: str) -> None:
        self._logger = logger
        self.name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # `copy` and `pickle` ask for some before there is a logger
            raise AttributeError(attribute)
        return getattr(self._logger, attribute)

    @shows_half_made
    def __repr__(self) -> str:
        return f"<{self._logger!r} named {self.name!r}>"
