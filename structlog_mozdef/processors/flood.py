"""One flood: events that were held back since they came too often, and the event that tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from structlog.typing import EventDict, Processor, WrappedLogger

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.processors.redactor import Redactor
from structlog_mozdef.rendering import timestamps
from structlog_mozdef.rendering.callers import calling_module
from structlog_mozdef.rendering.convert import safe_str, truncate
from structlog_mozdef.rendering.encode import encode

_DETAIL = "rate_limited"
# What the event that tells has in common with those that were held back. The last ones are for
# structlog's ProcessorFormatter.
_COMMON = (
    "event",
    "category",
    "source",
    "severity",
    "level",
    "logger",
    "tags",
    "_record",
    "_from_structlog",
)
# What every event has, and no sample needs.
_NO_SAMPLE = frozenset(
    {*_COMMON, "hostname", "processid", "processname", "timestamp", "exc_info", "stack_info"}
)
_MAX_BYTES = 1_000  # of a summary, of another field, and of a sample
_SCALARS = frozenset({bool, int, float, type(None)})


class Route(NamedTuple):
    """The rest of a chain: *hand_over* is given what the last of the *processors* returns."""

    processors: tuple[Processor, ...]
    hand_over: Callable[[WrappedLogger, str, Any], object]


class _Told(dict[str, Any]):
    """The detail of an event that tells, by which another limiter knows it."""


class Flood:
    """The same event, held back *count* times.

    Args:
        end: when it is to be told, on the monotonic clock.
        logger, method: of the first one, as a processor is given them.
        event_dict: the first one. It is not kept, nor is what is in it beyond a bounded size.
        route: the rest of its chain.
        names: of the fields that all have in common.
        limit, interval: for the event that tells.
        samples: how many to keep.
    """

    def __init__(
        self,
        end: float,
        logger: WrappedLogger,
        method: str,
        event_dict: EventDict,
        route: Route,
        *,
        names: tuple[str, ...],
        limit: int,
        interval: float,
        samples: int,
    ) -> None:
        self.end = end
        self.count = 0
        self.is_told = False
        # Held until it is told. An Event would be broken by a signal handler that raises.
        self._untold = threading.Lock()
        self._untold.acquire()
        self._logger = logger
        self._method = method
        self._route = route
        self._names = names
        self._settings = {"limit": limit, "interval": interval}
        self._wanted_samples = samples
        self._samples: list[str] = []
        self._first = self._last = ""
        self._common = {name: event_dict[name] for name in _COMMON if name in event_dict}
        for name in names:
            if name in event_dict:
                self._common[name] = _bounded(event_dict[name])
        self._common["event"] = _bounded(summary_of(event_dict))
        if "logger" not in event_dict and not getattr(logger, "name", None):
            # It is told by another thread, in which the renderer does not find who has logged it.
            self._common["logger"] = calling_module()

    def add(self, event_dict: EventDict) -> None:
        """Count one more event."""
        now = event_dict.get("timestamp")
        if now is None or now is not timestamps.latest:
            now = timestamps.iso_timestamp(now) or timestamps.utc_now()
        if len(self._samples) < self._wanted_samples:
            self._samples.append(self._sample_of(event_dict))
        self._first = self._first or now
        self._last = now
        self.count += 1

    def _sample_of(self, event_dict: EventDict) -> str:
        sample: EventDict = {
            name: value
            for name, value in event_dict.items()
            if name not in _NO_SAMPLE and name not in self._names
        }
        for processor in self._route.processors:
            if isinstance(processor, Redactor):  # it could not look into the text
                sample = processor(self._logger, self._method, sample)
        text = encode({"details": sample}).decode()
        return truncate(text.removeprefix('{"details":').removesuffix("}"), _MAX_BYTES)

    def tell(self) -> None:
        """Send the event that tells through the rest of the chain.

        Raises:
            Exception: of a processor or logger of the program.
            DropEvent: a processor does not want it.
        """
        told = _Told(
            count=self.count,
            first=self._first,
            last=self._last,
            **self._settings,
            samples=self._samples,
        )
        result: Any = {**self._common, _DETAIL: told}
        for processor in self._route.processors:
            result = processor(self._logger, self._method, result)
        self._route.hand_over(self._logger, self._method, result)

    def mark_told(self) -> None:
        """Let those who wait for it go on."""
        if not self.is_told:
            self.is_told = True
            self._untold.release()

    def wait(self, deadline: Deadline) -> None:
        """Wait until it is told, *deadline* at the latest."""
        if self._untold.acquire(timeout=deadline.left()):
            self._untold.release()

    def merge(self, later: Flood) -> None:
        """Add what *later*, of the same event, has counted."""
        self.count += later.count
        self._last = later._last

    @property
    def summary(self) -> str:
        """The beginning of the summary that all have."""
        return safe_str(self._common.get("event"))[:100]


def is_told(event_dict: EventDict) -> bool:
    """Return whether *event_dict* is what a `Flood` tells."""
    return type(event_dict.get(_DETAIL)) is _Told


def to_logger(logger: WrappedLogger, method: str, result: Any) -> None:
    """Hand what the last processor returned to *logger*, as structlog does."""
    log = getattr(logger, method)
    if isinstance(result, tuple):
        args, kwargs = result
        log(*args, **kwargs)
    elif isinstance(result, dict):
        log(**result)
    else:
        log(result)


def summary_of(event_dict: EventDict) -> Any:
    """Return the summary, where the renderer looks for it."""
    for name in ("event", "summary", "message", "msg"):
        summary = event_dict.get(name)
        if summary is not None:
            return summary
    return None


def _bounded(value: Any) -> Any:
    return value if type(value) in _SCALARS else truncate(safe_str(value), _MAX_BYTES)
