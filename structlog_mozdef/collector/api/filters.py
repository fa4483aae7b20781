"""The parameters of a question, read from the query of a URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from structlog_mozdef.collector.api.summary import FACETS, label
from structlog_mozdef.collector.api.texts import words_to_query
from structlog_mozdef.process.standard_error import count_of

_T = TypeVar("_T")

_STATUSES = ("stored", "refused", "dropped")
_KINDS = ("dropped", "refused", "rejected", "renamed", "mangled")
_VALUES_MAX = 100
# The index of words remembers what it found for so many queries.
_TEXTS_MAX = 16
_TEXT_MAX_LENGTH = 500
_ID_MAX = 2**63 - 1
_LIMIT_MAX = 1_000
_BUCKETS_MAX = 500
_WAIT_MAX = 300.0
_TIME_MAX = 4_102_444_800  # the year 2100

FILTERS = frozenset(
    {*FACETS, "status", "kind", "text", "differing", "refused", "since", "until", "after", "before"}
)


class BadParameterError(ValueError):
    """A parameter is unknown or has an impossible value; its text is the sentence to answer."""


@dataclass(frozen=True)
class Filter:
    """Which events are asked for: those that meet every condition.

    Args:
        labels: names with the values of which the event must have one.
        queries: of the full-text search, of which one must match; empty: all do.
        since: seconds since the epoch: events received then or later.
        until: events received before.
        after: events with a larger number.
        before: events with a smaller number.
    """

    labels: tuple[tuple[str, frozenset[str]], ...] = ()
    queries: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    after: int = 0
    before: int = _ID_MAX


class Parameters:
    """The parameters of one question.

    Args:
        pairs: names and values, in their order.
        known: the names that this question knows, beside those of filters.
        filtered: whether the question knows those of filters.

    Raises:
        BadParameterError: one is unknown, or one that can be there once is there twice.
    """

    def __init__(
        self,
        pairs: Iterable[tuple[str, str]],
        known: Collection[str] = (),
        *,
        filtered: bool = True,
    ) -> None:
        self._values: dict[str, list[str]] = {}
        names = {*known, *(FILTERS if filtered else ())}
        for name, value in pairs:
            if name not in names:
                allowed = ", ".join(sorted(names)) or "none"
                raise BadParameterError(
                    f"The parameter {label(name)!r} is unknown; these are known: {allowed}."
                )
            values = self._values.setdefault(name, [])
            values.append(value)
            maximum = _TEXTS_MAX if name == "text" else _VALUES_MAX
            if len(values) > maximum:
                raise BadParameterError(f"{name} is there more than {count_of(maximum, 'time')}.")

    def has(self, name: str) -> bool:
        """Return whether a parameter is there."""
        return name in self._values

    def filter(self) -> Filter:
        """Return the filter."""
        labels = [(name, self._labels(name)) for name in FACETS if name in self._values]
        labels += self._choices("status", _STATUSES)
        labels += self._choices("kind", _KINDS)
        if self._flag("differing"):
            labels.append(("differing", frozenset({"true"})))
        if self._flag("refused"):
            labels.append(("status", frozenset({"refused"})))
        return Filter(
            tuple(labels),
            self._queries(),
            self._one("since", _read_time, None),
            self._one("until", _read_time, None),
            self.integer("after", 0, 0, _ID_MAX),
            self.integer("before", _ID_MAX, 0, _ID_MAX),
        )

    def limit(self) -> int:
        """Return how many events to list at most."""
        return self.integer("limit", 100, 1, _LIMIT_MAX)

    def buckets(self) -> int:
        """Return how many buckets a histogram has at most."""
        return self.integer("buckets", 60, 1, _BUCKETS_MAX)

    def newest_first(self, *, default: str = "newest") -> bool:
        """Return the order of a list."""
        orders = ("newest", "oldest")
        return self._one("order", lambda value: _one_of("order", value, orders), default) == (
            "newest"
        )

    def count(self) -> int:
        """Return how many events to wait for."""
        return self.integer("count", 1, 1, 1_000_000)

    def timeout(self) -> float:
        """Return how long to wait, in seconds."""

        def read(value: str) -> float:
            seconds = float(value)
            if not 0 <= seconds <= _WAIT_MAX:
                raise ValueError
            return seconds

        return self._one("timeout", read, 10.0)

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """Return an integer.

        Raises:
            BadParameterError: it is none, or out of range.
        """

        def read(value: str) -> int:
            if not re.fullmatch(r"[0-9]{1,19}", value) or not minimum <= int(value) <= maximum:
                allowed = f"from {minimum:,} to {maximum:,}"
                raise BadParameterError(f"{name} is {label(value)!r}, not an integer {allowed}.")
            return int(value)

        return self._one(name, read, default)

    def _one(self, name: str, read: Callable[[str], _T], default: _T) -> _T:
        values = self._values.get(name)
        if values is None:
            return default
        if len(values) > 1:
            raise BadParameterError(f"{name} is there more than once.")
        try:
            return read(values[0])
        except BadParameterError:
            raise
        except (ValueError, OverflowError):
            hint = _HINTS.get(name, "what is allowed")
            raise BadParameterError(f"{name} is {label(values[0])!r}, not {hint}.") from None

    def _labels(self, name: str) -> frozenset[str]:
        values = map(label, self._values[name])
        return frozenset(map(str.upper, values) if name == "severity" else values)

    def _choices(self, name: str, allowed: tuple[str, ...]) -> list[tuple[str, frozenset[str]]]:
        if name not in self._values:
            return []
        values = (_one_of(name, value, allowed) for value in self._values[name])
        return [(name, frozenset(values))]

    def _flag(self, name: str) -> bool:
        return self._one(name, lambda value: _one_of(name, value, ("true",)), "") == "true"

    def _queries(self) -> tuple[str, ...]:
        queries = []
        for text in self._values.get("text", []):
            if len(text) > _TEXT_MAX_LENGTH:
                raise BadParameterError(f"text is longer than {_TEXT_MAX_LENGTH} characters.")
            if text.strip():
                queries.append(words_to_query(text.encode("utf-8", "replace").decode()))
        return tuple(queries)


_HINTS = {
    "since": "a time as ISO 8601, such as 2026-01-31T12:00:00Z",
    "until": "a time as ISO 8601, such as 2026-01-31T12:00:00Z",
    "timeout": f"seconds from 0 to {_WAIT_MAX:.0f}",
}


def is_id(text: str) -> bool:
    """Return whether a text is a number that an event could have."""
    return text.isascii() and text.isdecimal() and len(text) < len(str(_ID_MAX))


def _one_of(name: str, value: str, allowed: Collection[str]) -> str:
    if value not in allowed:
        choices = " or ".join(allowed)
        raise BadParameterError(f"{name} is {label(value)!r}, not {choices}.")
    return value


def _read_time(value: str) -> float | None:
    # A plus that was not encoded arrives as a space.
    time = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
    seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds <= _TIME_MAX:
        raise ValueError(value)
    return seconds
