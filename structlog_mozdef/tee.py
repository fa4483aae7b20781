"""Ship a copy of an event in the middle of a chain, and know the loggers that stand at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from structlog import DropEvent
from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef._validate import check_names
from structlog_mozdef.options import ChainOptions, ShippingOptions, part_of, rest_of
from structlog_mozdef.options.chain import is_sealed, own_processors, renderer_of
from structlog_mozdef.processors.rate_limiter import followed_by
from structlog_mozdef.sink.destination import Destination, destination_of, end_streams_in


class MozDefTee:
    """Ship a copy of each event in the middle of a chain, and pass the event on unchanged.

    So a console can follow: ``[..., MozDefTee(sink), structlog.dev.ConsoleRenderer()]``. The tee
    belongs before ``format_exc_info`` and similar processors. Hostname, process and timestamp need
    no processors before it; they are added to the copy.

    Args:
        sink: the destination of the rendered events: a `Sink`, or a URL of which one is made.
        options: ``category``, ``source``, ``timezone``, ``typed_names``, ``listed_names`` and
            ``max_names`` are as for `MozDefRenderer`; ``tags``, ``processors``, ``sequence`` and
            ``redact`` as for `configure`, but for the copy alone, and sequence is False by default.
            The others are for a URL, as for `Sink`: ``spool``, ``verify``, ...

    Raises:
        TypeError: an option does not exist, or not for this URL.
        ValueError: as for `MozDefRenderer` and `Sink`.
    """

    __slots__ = ("_processors", "_put", "_renderer")

    @clears_locals
    def __init__(self, sink: Destination | str | None, **options: Unpack[ShippingOptions]) -> None:
        check_names(options, ShippingOptions.__annotations__, "a tee")
        chain = part_of(options, ChainOptions)
        self._renderer = renderer_of(chain)
        if is_sealed(sink, options):
            chain["sequence"] = False  # the sink numbers what it seals
        processors = own_processors(chain, sequence=False)
        destination = destination_of(sink, rest_of(options, ChainOptions))
        self._put = destination.put
        self._processors = followed_by(processors, self._ship)
        end_streams_in(destination, (*self._processors, self._renderer))

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        if self._processors:
            self._ship_processed(logger, name, dict(event_dict))
        else:
            self._put(self._renderer(logger, name, dict(event_dict)))
        return event_dict

    def _ship_processed(self, logger: WrappedLogger, name: str, copy: Any) -> None:
        try:
            for processor in self._processors:
                copy = processor(logger, name, copy)
        except DropEvent:
            return  # of the copy
        self._ship(logger, name, copy)

    def _ship(self, logger: WrappedLogger, name: str, event_dict: Any) -> None:
        self._put(self._renderer(logger, name, event_dict))

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
