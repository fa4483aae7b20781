"""Which published events a broker has answered for: confirms, refusals and returns."""

from __future__ import annotations

from collections.abc import Sequence


class ForeignAnswer(Exception):  # noqa: N818 - says what it is
    """The broker answers for what was not published."""


#: Instead of a tag: to be published; confirmed since an earlier attempt.
UNPUBLISHED, DELIVERED = 0, -1


class Ledger:
    """The books of one channel in confirm mode.

    The broker numbers what is published from 1; an answer names such a tag, or all up to it. A
    returned message comes without its tag, before it is confirmed. It is known by its body:
    events with the same bytes go the same way, and which of them is sent again is the same.

    A broker that has blocked the connection may confirm what it was sent only after the attempt
    was given up. So events that are still unanswered then are found again when they come with a
    later batch, and are not published a second time.
    """

    def __init__(self) -> None:
        self._next = 1
        self._open: dict[int, bytes] = {}
        self._failed: set[int] = set()
        self._unrouted: set[int] = set()
        # Of earlier batches: not answered yet, and confirmed meanwhile.
        self._left: dict[int, bytes] = {}
        self._late: dict[bytes, int] = {}
        # Body -> tags, up to a tag, made when the first message is returned.
        self._tags_of: dict[bytes, list[int]] = {}
        self._indexed = 1

    def begin(self, events: Sequence[bytes]) -> list[int]:
        """For each event its tag where it was published before, `DELIVERED` or `UNPUBLISHED`."""
        if not self._left and not self._late:
            return [UNPUBLISHED] * len(events)
        tags_of: dict[bytes, list[int]] = {}
        for tag, event in reversed(self._left.items()):
            tags_of.setdefault(event, []).append(tag)
        return [self._take(event, tags_of) for event in events]

    def _take(self, event: bytes, tags_of: dict[bytes, list[int]]) -> int:
        if count := self._late.pop(event, 0):
            if count > 1:
                self._late[event] = count - 1
            return DELIVERED
        if tags_of.get(event):
            tag = tags_of[event].pop()
            del self._left[tag]
            return tag
        return UNPUBLISHED

    def publish(self, event: bytes) -> int:
        """Enter *event*, which is about to be published; the result is its tag."""
        tag = self._next
        self._next = tag + 1
        self._open[tag] = event
        return tag

    def confirm(self, tag: int, multiple: bool) -> None:
        """The broker has taken the message *tag*, or all up to it; or has returned it before."""
        for answered in self._answered(tag, multiple):
            event = self._open.pop(answered)
            was_left = self._left.pop(answered, None) is not None
            if answered in self._unrouted:
                self._failed.add(answered)
            elif was_left:
                self._late[event] = self._late.get(event, 0) + 1

    def refuse(self, tag: int, multiple: bool) -> None:
        """The broker has not taken the message *tag*, or all up to it."""
        for answered in self._answered(tag, multiple):
            del self._open[answered]
            self._left.pop(answered, None)
            self._failed.add(answered)

    def _answered(self, tag: int, multiple: bool) -> list[int]:
        if tag >= self._next:
            raise ForeignAnswer
        if not multiple:
            return [tag] if tag in self._open else []
        tags = []
        for known in self._open:  # in ascending order
            if tag and known > tag:
                break
            tags.append(known)
        return tags

    def returned(self, body: bytes) -> None:
        """The broker found no queue for a message with *body*."""
        for tag in range(self._indexed, self._next):
            if tag in self._open:
                self._tags_of.setdefault(self._open[tag], []).append(tag)
        self._indexed = self._next
        for tag in self._tags_of.get(body, ()):
            if tag in self._open and tag not in self._unrouted:
                self._unrouted.add(tag)
                return
        raise ForeignAnswer

    def is_open(self, tag: int) -> bool:
        """Whether the broker has still to answer for what was published as *tag*."""
        return tag in self._open

    def is_delivered(self, tag: int) -> bool:
        """Whether the broker has taken it."""
        return tag != UNPUBLISHED and tag not in self._open and tag not in self._failed

    def is_unrouted(self, tag: int) -> bool:
        """Whether no queue was found for it."""
        return tag in self._unrouted

    def end(self) -> None:
        """Close the books on a batch."""
        self._left = dict(self._open)
        self._failed.clear()
        if not self._open:
            self._unrouted.clear()
            self._tags_of.clear()
            self._indexed = self._next
