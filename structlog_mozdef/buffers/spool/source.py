"""What a spool takes events from, and what its streams tell it."""

from __future__ import annotations

from typing import Protocol


class Source(Protocol):
    """Something that a spool takes events from, in their order."""

    def take(self, max_events: int, max_bytes: int, *, one: bool) -> list[bytes]:
        """The next events, without their line ends; the first even if it is too large, if *one*."""

    def has_more(self) -> bool:
        """Whether `take` left events that it knows of."""

    def advance(self, count: int) -> None:
        """The oldest *count* of the events that were taken are settled."""


class ReadStream(Protocol):
    """A stream, as far as an observer needs to know it.

    Attributes:
        adopted: whether another process has written it.
        waiting: events in it, where nothing is written to it any more.
    """

    adopted: bool
    waiting: int


class Observer(Protocol):
    """Is told of what a stream has left behind; it is never asked for it again."""

    def found_damaged(self, stream: ReadStream, line: bytes, reason: str) -> None:
        """A line that is no event."""

    def found_blank(self, stream: ReadStream) -> None:
        """An empty line, which never was an event."""

    def found_missing(self, stream: ReadStream, events: int, sequence: int) -> None:
        """So many events, from *sequence* on, are not where they should be."""
