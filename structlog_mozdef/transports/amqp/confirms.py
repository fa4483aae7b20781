"""Which published events a broker has answered for: confirms, rejections and returns."""

from __future__ import annotations

from collections.abc import Sequence


class ForeignAnswer(Exception):  # noqa: N818 - says what it is
    """The broker answers for a message that was not published."""


#: Instead of a tag: to be published; confirmed since an earlier attempt.
UNPUBLISHED, DELIVERED = 0, -1


class Ledger:
    """The published events of one channel in confirm mode, and the answers for them.

    The broker numbers messages from 1 in the order of publishing; an answer names such a tag, or
    all tags up to it. A returned message comes without its tag, before it is confirmed. It is
    known by its body: events with the same bytes go the same way, and it does not matter which of
    them is sent again.

    A broker that has blocked the connection may confirm messages only after the attempt that
    published them was given up. So events that are still unanswered then are found again when they
    come with a later batch, and are not published a second time.
    """

    def __init__(self) -> None:
        self._next = 1
        self._open: dict[int, bytes] = {}
        self._failed: set[int] = set()
        self._unrouted: set[int] = set()
        # Of earlier batches: not answered yet, and confirmed meanwhile.
        self._unanswered: dict[int, bytes] = {}
        self._late: dict[bytes, int] = {}
        # Body -> tags, up to a tag, made when the first message is returned.
        self._tags_of: dict[bytes, list[int]] = {}
        self._indexed = 1

    def begin(self, events: Sequence[bytes]) -> list[int]:
        """Return for each event its tag from before, or `DELIVERED`, or `UNPUBLISHED`."""
        if not self._unanswered and not self._late:
            return [UNPUBLISHED] * len(events)
        tags_of: dict[bytes, list[int]] = {}
        for tag, event in reversed(self._unanswered.items()):
            tags_of.setdefault(event, []).append(tag)
        return [self._claim(event, tags_of) for event in events]

    def _claim(self, event: bytes, tags_of: dict[bytes, list[int]]) -> int:
        if count := self._late.pop(event, 0):
            if count > 1:
                self._late[event] = count - 1
            return DELIVERED
        if tags_of.get(event):
            tag = tags_of[event].pop()
            del self._unanswered[tag]
            return tag
        return UNPUBLISHED

    def publish(self, event: bytes) -> int:
        """Enter *event*, which is about to be published; return its tag."""
        tag = self._next
        self._next = tag + 1
        self._open[tag] = event
        return tag

    def confirm(self, tag: int, multiple: bool) -> None:
        """Enter a confirm of the message *tag*, or of all up to it.

        A message that the broker has returned is confirmed as well, and is not delivered.
        """
        for answered in self._answered(tag, multiple):
            event = self._open.pop(answered)
            was_given_up = self._unanswered.pop(answered, None) is not None
            if answered in self._unrouted:
                self._failed.add(answered)
            elif was_given_up:
                self._late[event] = self._late.get(event, 0) + 1

    def reject(self, tag: int, multiple: bool) -> None:
        """Enter a rejection (``basic.nack``) of the message *tag*, or of all up to it."""
        for answered in self._answered(tag, multiple):
            del self._open[answered]
            self._unanswered.pop(answered, None)
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
        """Enter that the broker found no queue for a message with *body*."""
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
        """Whether the broker has not answered yet for the message *tag*."""
        return tag in self._open

    def is_delivered(self, tag: int) -> bool:
        """Whether the broker has accepted the message *tag*."""
        return tag != UNPUBLISHED and tag not in self._open and tag not in self._failed

    def is_unrouted(self, tag: int) -> bool:
        """Whether the broker found no queue for the message *tag*."""
        return tag in self._unrouted

    def end(self) -> None:
        """End a batch: what is still open is unanswered from now on."""
        self._unanswered = dict(self._open)
        self._failed.clear()
        if not self._open:
            self._unrouted.clear()
            self._tags_of.clear()
            self._indexed = self._next
