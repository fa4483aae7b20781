"""Hand rendered events to a sink: the wrapped logger at the end of a structlog chain."""

from __future__ import annotations

from typing import Any, Unpack

from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef.rendering.fields import claim_detail
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink.destination import Destination, destination_of
from structlog_mozdef.sink.options import SpooledSinkOptions

_REMEMBERED_LOGGERS = 10_000


class MozDefLogger:
    """Hand each rendered event to a sink, whatever the level.

    The results of other renderers than `MozDefRenderer` (a string, keyword arguments) become
    events as well, so that a mistake in the configuration loses nothing.

    Args:
        sink: the destination of the events.
        name: of the logger: the source of events that have no other.
    """

    __slots__ = ("_put", "_sink", "name")

    def __init__(self, sink: Destination, name: str | None = None) -> None:
        self._ship_to(sink)
        self.name = name

    def msg(self, event: Any = None, /, *args: Any, **fields: Any) -> None:
        """Ship one event: the bytes that `MozDefRenderer` returns."""
        if type(event) is bytes and not args and not fields:
            self._put(event)
        else:
            self._put_odd(event, args, fields)

    log = debug = info = notice = warn = warning = msg
    err = error = exception = critical = alert = emergency = fatal = failure = msg

    def _put_odd(self, event: Any, args: tuple[Any, ...], fields: dict[str, Any]) -> None:
        event_dict = dict(fields)
        if event is not None:
            claim_detail(event_dict, "event", event)
        if args:
            event_dict["positional_args"] = args
        self._put(MozDefRenderer()(self, "info", event_dict))

    @shows_half_made
    def __repr__(self) -> str:
        return f"<MozDefLogger(name={self.name!r}, sink={self._sink!r})>"

    def __reduce__(self) -> tuple[type[MozDefLogger], tuple[Destination, str | None]]:
        """Bound loggers are passed to other processes; see `Sink` for what it becomes there."""
        return MozDefLogger, (self._sink, self.name)

    def _ship_to(self, sink: Destination) -> None:
        self._sink = sink
        self._put = sink.put

    def __copy__(self) -> MozDefLogger:
        return self

    def __deepcopy__(self, memo: object) -> MozDefLogger:
        """Return another logger of the same sink: bound loggers are copied with their context."""
        return MozDefLogger(self._sink, self.name)


class MozDefLoggerFactory:
    """Make a `MozDefLogger` for each ``structlog.get_logger()``.

    Args:
        sink: the destination of the events of all loggers: a `Sink`, or a URL of which one is
            made.
        sink_options: for a URL, as for `Sink`: ``spool``, ``verify``, ...

    Raises:
        TypeError: an option that the transport of the URL does not know.
        ValueError: as for `Sink`.
    """

    __slots__ = ("_loggers", "_sink")

    @clears_locals
    def __init__(
        self, sink: Destination | str | None, **sink_options: Unpack[SpooledSinkOptions]
    ) -> None:
        self._sink: Destination = destination_of(sink, sink_options)
        # One for each name, found again by `ship_to`.
        self._loggers: dict[str | None, MozDefLogger] = {}

    def __call__(self, *args: Any) -> MozDefLogger:
        """Make a logger; the first argument of ``get_logger`` is its name."""
        name = args[0] if args and isinstance(args[0], str) and args[0] else None
        logger = self._loggers.get(name)
        if logger is None:
            logger = MozDefLogger(self._sink, name)
            if len(self._loggers) < _REMEMBERED_LOGGERS:  # names can come from outside
                self._loggers[name] = logger
        return logger

    def ship_to(self, sink: Destination) -> None:
        """Let all loggers ship to *sink* from now on, those that were made before as well.

        With ``cache_logger_on_first_use``, structlog keeps a logger for the life of the program.
        """
        self._sink = sink
        for logger in list(self._loggers.values()):
            logger._ship_to(sink)  # noqa: SLF001 - ours

    def __reduce__(self) -> tuple[type[MozDefLoggerFactory], tuple[Destination]]:
        return MozDefLoggerFactory, (self._sink,)

    @shows_half_made
    def __repr__(self) -> str:
        return f"MozDefLoggerFactory({self._sink!r})"
