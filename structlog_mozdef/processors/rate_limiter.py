"""Hold back the same event where it comes too often, and tell how often it came.

An event that is not held back takes no lock: its window is read, counted and opened by single
operations that are atomic. Those that are held back are the matter of `floods`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from structlog_mozdef._deadline import Deadline, monotonic
from structlog_mozdef._raised import shows_half_made
from structlog_mozdef._validate import check_number
from structlog_mozdef.process.exit import close_at_exit
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.processors import held_back
from structlog_mozdef.processors.flood import Flood, Route, is_told, summary_of, to_logger
from structlog_mozdef.processors.floods import Floods
from structlog_mozdef.rendering.convert import safe_str
from structlog_mozdef.rendering.renderer import MozDefRenderer

#: Kinds of events that are remembered.
_MAX_WINDOWS = 10_000
#: A longer text stands in a key by its hash.
_MAX_CHARACTERS = 256
#: Seconds that the end of the process waits for a destination that takes no event at the moment.
_EXIT_TIMEOUT = 1.0


class RateLimiter:
    """Let the same event pass *limit* times in *interval* seconds, and count the others.

    The same are events with the same summary, category, level and values of *names*. Those beyond
    the limit are held back, and told as one event when the interval is over: it has their summary,
    category, level, tags and *names*, and in ``rate_limited``

    - ``count``, ``first`` and ``last``: how many were held back, and when;
    - ``limit`` and ``interval``: as they are set here;
    - ``samples``: the other fields of the first few, as JSON.

    What is held back is also told when a sink is flushed or closed, and when the process ends. Like
    an event in memory, it is lost where the process is killed; so the interval is also what a
    ``kill -9`` can cost. A warning says once a minute at most how many were held back, and
    `structlog_mozdef.metrics` exports how many.

    It belongs behind the processors that add or remove fields, and before `SequenceAdder`, which
    would number what does not arrive::

        processors=[..., RateLimiter(), SequenceAdder(), MozDefRenderer()]

    Each process, and each copy, counts for itself. At most 10,000 kinds of events are remembered;
    with more, the oldest may pass more often than *limit* says.

    Args:
        limit: how many of the same event pass in an interval. Default 100.
        interval: its length in seconds, from the first of them. Default 10.
        names: of fields that events must have in common to be the same.
        samples: how many are shown. Default 3.
        then: the processors that follow, for the events that tell. Default: those that follow in
            the configuration of structlog, or in that of a `MozDefHandler`. Where this is in
            neither of them, it is a `MozDefRenderer`.

    Raises:
        ValueError: an argument has a value that cannot work.

    .. versionadded:: 26.1.0
    """

    def __init__(
        self,
        limit: int = 100,
        interval: float = 10.0,
        *,
        names: Iterable[str] = (),
        samples: int = 3,
        then: Sequence[Processor] | None = None,
    ) -> None:
        check_number("limit", limit, minimum=1, integer=True)
        check_number("interval", interval, minimum=0.01, maximum=86_400)
        check_number("samples", samples, minimum=0, maximum=100, integer=True)
        if isinstance(names, (str, bytes)) or not isinstance(names, Iterable):
            raise ValueError(f"names is {names!r}; it must be a list of strings")
        self._names = tuple(names)
        for name in self._names:
            if not isinstance(name, str) or not name:
                raise ValueError(
                    f"a name in names is {name!r}; it must be a string that is not empty"
                )
        self._settings = (limit, interval, self._names, samples, then)
        self._limit = limit
        self._interval = float(interval)
        self._samples = samples
        self._found = Route((MozDefRenderer(),), to_logger)
        self._route = None if then is None else Route(tuple(then), to_logger)
        self.after_fork_in_child()
        reset_after_fork(self)
        close_at_exit(self)
        held_back.add(self)

    def after_fork_in_child(self) -> None:
        """Count from the beginning: the parent tells what it has held back."""
        # Key -> when the window ends, and the number of the next event. The oldest comes first.
        self._windows: dict[Any, tuple[float, itertools.count[int]]] = {}
        self._floods = Floods(self)
        held_back.busy.discard(self)

    def __call__(
        self,
        logger: WrappedLogger,
        name: str,
        event_dict: EventDict,
        route: Route | None = None,
    ) -> EventDict:
        summary = event_dict.get("event")
        if type(summary) is not str or len(summary) > _MAX_CHARACTERS:
            summary = _part(summary_of(event_dict))
        category = event_dict.get("category")
        if category is not None:
            category = _part(category)
        key: Any = (name, summary, category)
        if self._names:
            key += tuple(
                [
                    value if type(value) is str and len(value) <= _MAX_CHARACTERS else _part(value)
                    for value in map(event_dict.get, self._names)
                ]
            )
        window = self._windows.get(key)
        now = monotonic()
        if window is None or now >= window[0]:
            self._open(key, now)
        elif (
            next(window[1]) > self._limit
            and not is_told(event_dict)
            and self._hold(key, window[0], logger, name, event_dict, route=route)
        ):
            raise structlog.DropEvent
        if now >= self._floods.late:
            self._floods.tell_due()
        return event_dict

    def _open(self, key: Any, now: float) -> None:
        """Begin a window with its first event; where two threads do it at once, more may pass."""
        windows = self._windows
        if key in windows:
            windows.pop(key, None)  # so that it comes last
        windows[key] = (now + self._interval, itertools.count(2))
        if len(windows) > _MAX_WINDOWS:
            for oldest in list(windows)[: _MAX_WINDOWS // 10]:  # at once, since it takes a copy
                windows.pop(oldest, None)

    def _hold(
        self,
        key: Any,
        end: float,
        logger: WrappedLogger,
        name: str,
        event_dict: EventDict,
        *,
        route: Route | None,
    ) -> bool:
        """Count an event instead of letting it pass; return False if it has to pass."""

        def begin() -> Flood:
            return Flood(
                end,
                logger,
                name,
                event_dict,
                route or self._route or self._route_of_structlog(),
                names=self._names,
                limit=self._limit,
                interval=self._interval,
                samples=self._samples,
            )

        return self._floods.hold(key, event_dict, begin)

    def _route_of_structlog(self) -> Route:
        processors = structlog.get_config()["processors"]
        for number, processor in enumerate(processors):
            if processor is self:
                self._found = Route(tuple(processors[number + 1 :]), to_logger)
        return self._found

    def tell(self, deadline: Deadline) -> None:
        """Tell now what was held back so far, by *deadline*."""
        self._floods.tell_all(deadline)

    def restart(self) -> None:
        """Let all windows begin again, as if nothing had been logged yet."""
        self._windows = {}

    @property
    def held_back(self) -> int:
        """How many events were held back so far, in this process."""
        return self._floods.count

    @property
    def exit_timeout(self) -> float:
        """Seconds that the end of the process may take: see `begin_exit`."""
        return _EXIT_TIMEOUT

    def is_interrupted(self) -> bool:
        """Return whether a signal handler that calls this interrupts the count of an event."""
        return self._floods.is_interrupted()

    def begin_exit(self, deadline: Deadline) -> None:
        """Tell what was held back, before the sinks are closed, and hold nothing back any more."""
        self._limit = sys.maxsize
        self.tell(Deadline.after(min(_EXIT_TIMEOUT, deadline.left())))
        self._floods.report_at_exit()

    def end_exit(self, deadline: Deadline) -> None:
        """Do nothing: `begin_exit` has done it."""

    def report_exit(self) -> None:
        """Do nothing: what could not be told was reported."""

    def __reduce__(self) -> tuple[Callable[..., RateLimiter], tuple[Any, ...]]:
        return _copy_of, self._settings

    @shows_half_made
    def __repr__(self) -> str:
        return (
            f"RateLimiter(limit={self._settings[0]}, interval={self._interval},"
            f" names={self._names!r})"
        )


def followed_by(
    processors: Sequence[Processor], hand_over: Callable[[WrappedLogger, str, Any], object]
) -> tuple[Processor, ...]:
    """Return *processors* of a chain that ends in *hand_over*, which is given the last result.

    Each `RateLimiter` among them tells through those behind it.
    """
    chain = list(processors)
    for number, processor in enumerate(processors):
        if isinstance(processor, RateLimiter):
            route = Route(tuple(processors[number + 1 :]), hand_over)
            chain[number] = _Followed(processor, route)
    return tuple(chain)


class _Followed:
    """A `RateLimiter` in a chain that structlog does not know."""

    def __init__(self, limiter: RateLimiter, route: Route) -> None:
        self._limiter = limiter
        self._own_route = route

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        return self._limiter(logger, name, event_dict, self._own_route)


def _copy_of(
    limit: int,
    interval: float,
    names: tuple[str, ...],
    samples: int,
    then: Sequence[Processor] | None,
) -> RateLimiter:
    return RateLimiter(limit, interval, names=names, samples=samples, then=then)


def _part(value: Any) -> Any:
    """Return *value* as a part of a key: of a bounded size, and without methods of its own."""
    text = value if type(value) is str else safe_str(value)
    return text if len(text) <= _MAX_CHARACTERS else (len(text), hash(text))
