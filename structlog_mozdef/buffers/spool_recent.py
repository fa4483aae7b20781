"""The latest events of a segment, kept in memory as well as on disk.

A sender that keeps up with the log calls takes them from here: to read them back would cost it
more than anything else it does, and the log calls with it, which wait for the same interpreter
lock. Where it lags behind, or anything odd is written, it reads the file.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable

from structlog_mozdef.buffers.spool_places import Place

# Takes an event and does nothing with it, at the cost of a call into C.
_IGNORE: Callable[[bytes], None] = deque[bytes](maxlen=0).append


class Recent:
    """Events that stand right behind each other in a segment. Used under the spool's lock.

    That lock is re-entrant: a signal handler or ``__del__`` may log, or deliver, at any point.

    Attributes:
        appending: this thread is in the middle of an append.
        remember: to be called with each event that was appended to the segment. To be fetched
            before that: what a signal handler writes meanwhile makes it do nothing.
    """

    def __init__(self) -> None:
        self.appending = False
        self.remember = _IGNORE
        self._events: deque[bytes] = deque()
        self._begin = Place(0, 0)

    def start(self, begin: Place, is_end: Callable[[], bool]) -> None:
        """Remember what is appended from now on at *begin*, if that *is_end* of the segment."""
        if self.appending:
            return
        self._begin = begin
        self._events = deque()
        self.remember = self._events.append
        if not is_end():  # asked last: what is appended after that is remembered
            self.forget()

    def stop(self) -> None:
        """Remember no more, not even by a `remember` that was fetched already."""
        if self.remember is not _IGNORE:
            self.remember = _IGNORE
            self._events = self._events.copy()  # what was remembered so far can be taken

    def forget(self) -> None:
        """Remember no more, and nothing of what was remembered so far."""
        self.remember = _IGNORE
        self._events = deque()

    def take(self, place: Place) -> list[bytes] | None:
        """The events from *place* on; None where only the file can tell."""
        if self._begin != place or not (self._events or self.remember is not _IGNORE):
            return None
        # In one step of C, which no signal handler interrupts.
        move = iter(self._events.popleft, None)
        events: list[bytes] = list(itertools.islice(move, len(self._events)))
        self._begin = place.behind(events)
        return events
