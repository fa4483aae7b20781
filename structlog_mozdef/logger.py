"""Hand rendered events to a sink: the wrapped logger at the end of a structlog chain."""

from __future__ import annotations

from typing import Any

from structlog_mozdef.rendering.fields import claim_detail
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.rendering.tee import Destination


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
        self._sink = sink
        self._put = sink.put
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

    def __repr__(self) -> str:
        return f"<MozDefLogger(name={self.name!r}, sink={self._sink!r})>"

    def __copy__(self) -> MozDefLogger:
        return self

    def __deepcopy__(self, memo: object) -> MozDefLogger:
        """Return another logger of the same sink: bound loggers are copied with their context."""
        return MozDefLogger(self._sink, self.name)


class MozDefLoggerFactory:
    """Make a `MozDefLogger` for each ``structlog.get_logger()``.

    Args:
        sink: the destination of the events of all loggers.
    """

    __slots__ = ("_sink",)

    def __init__(self, sink: Destination) -> None:
        self._sink = sink

    def __call__(self, *args: Any) -> MozDefLogger:
        """Make a logger; the first argument of ``get_logger`` is its name."""
        name = args[0] if args and isinstance(args[0], str) and args[0] else None
        return MozDefLogger(self._sink, name)

    def __repr__(self) -> str:
        return f"MozDefLoggerFactory({self._sink!r})"
