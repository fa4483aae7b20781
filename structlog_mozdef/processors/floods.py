"""All floods of one `RateLimiter`, and the thread that tells each when it is over.

The thread lives as long as there is a flood. What it should have told and has not, since a program
allows no threads, is told by the next log call.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import queue
import threading
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict

from structlog_mozdef._deadline import LONGEST_WAIT, Deadline, monotonic
from structlog_mozdef._lock import Turn
from structlog_mozdef._log import CountedWarning, RateLimitedLogger
from structlog_mozdef._raised import pass_on
from structlog_mozdef.process.standard_error import count_of, write_line
from structlog_mozdef.process.threads import start_without_signals
from structlog_mozdef.processors import held_back
from structlog_mozdef.processors.flood import Flood
from structlog_mozdef.rendering.convert import name_of_type

#: Floods at the same time: with more, the older half is told before its end.
_MANY_FLOODS = 1_000
#: Beyond this number, events pass.
_MAX_FLOODS = 2_000
#: Seconds that a log call waits for another thread that holds an event back.
_PATIENCE = 1.0
#: Seconds after the end of a flood after which a log call tells it.
_LATE = 1.0


class Floods:
    """What is held back, by the keys of a `RateLimiter`.

    Args:
        owner: the `RateLimiter`, which is kept while something is held back.

    Attributes:
        late: when a log call is to call `tell_due`, on the monotonic clock; `math.inf` while
            nothing is held back.
        count: how many events were held back so far.
    """

    def __init__(self, owner: held_back.HoldsBack) -> None:
        self.late = math.inf
        self.count = 0
        self._owner = owner
        self._floods: dict[Any, Flood] = {}
        # Not given to a signal handler that logs in the middle: then its event passes.
        self._turn = Turn()
        self._thread: threading.Thread | None = None
        # Unlike an Event it is not broken by a signal handler that raises in the middle of a call.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._told_now: Flood | None = None
        self._own_log = RateLimitedLogger()
        self._own_log.never_wait_where(self._is_awaited)
        self._warning = CountedWarning(self._own_log, "held back")
        self._warning_of_failures = CountedWarning(self._own_log, "not told")

    def hold(self, key: Any, event_dict: EventDict, begin: Callable[[], Flood]) -> bool:
        """Count one event; return False if that is not possible, and it has to pass."""
        add = functools.partial(self._add, key, event_dict, begin)
        try:
            return self._turn.take(add, _PATIENCE) is not None
        except Exception as error:  # of a value in it, or no memory is left
            pass_on(error)
            return False

    def _add(self, key: Any, event_dict: EventDict, begin: Callable[[], Flood]) -> bool | None:
        flood = self._floods.get(key)
        if flood is None:
            if len(self._floods) >= _MAX_FLOODS:
                return None  # the thread is behind
            flood = begin()
            flood.add(event_dict)
            self._insert(key, flood)
        else:
            flood.add(event_dict)
        self.count += 1
        # Each time: a signal handler may have raised right here the last time.
        if flood.end + _LATE < self.late or not self._is_running():
            self._expect(flood)
        return True

    def _insert(self, key: Any, flood: Flood) -> None:
        self._floods[key] = flood
        held_back.busy.add(self._owner)
        if len(self._floods) > _MANY_FLOODS:
            for older in itertools.islice(self._floods.values(), _MANY_FLOODS // 2):
                older.end = -math.inf
            self._wake.put(None)

    def _expect(self, flood: Flood) -> None:
        """Make sure that *flood* is told in time."""
        if not self._is_running():
            self._start_thread()
        self._wake.put(None)
        self.late = min(self.late, flood.end + _LATE)

    def _start_thread(self) -> None:
        self._thread = threading.Thread(
            target=self._run, name="structlog-mozdef-rate-limiter", daemon=True
        )
        try:
            start_without_signals(self._thread)
        except Exception as error:
            pass_on(error)

    def _is_awaited(self) -> bool:
        """Return whether others may wait for the calling thread, with the lock of a log handler."""
        return self._thread is threading.current_thread()

    def _is_running(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _run(self) -> None:
        while (seconds := self._turn.take(self._seconds_left, LONGEST_WAIT)) is not None:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=seconds)
            self.tell_due()

    def _seconds_left(self) -> float | None:
        """Return how long the thread can wait; None where nothing is held back, and it ends."""
        if not self._floods:
            self._thread = None
            return None
        return max(0.0, min(flood.end for flood in self._floods.values()) - monotonic())

    def tell_due(self) -> None:
        """Tell all floods that are over."""
        while (due := self._turn.take(self._take_due, _PATIENCE)) is not None:
            self._tell(*due)

    def _take_due(self) -> tuple[Any, Flood] | None:
        now = monotonic()
        for key, flood in self._floods.items():
            if flood.end <= now:
                self._told_now = flood
                del self._floods[key]
                ends = (each.end for each in self._floods.values())
                self.late = min(ends, default=math.inf) + _LATE
                if not self._floods:
                    held_back.busy.discard(self._owner)
                return key, flood
        return None

    def _tell(self, key: Any, flood: Flood) -> None:
        problem = ""
        try:
            try:
                flood.tell()
            except structlog.DropEvent:
                pass  # a processor asked for that
            except Exception as error:
                pass_on(error)
                problem = name_of_type(type(error))
        except BaseException:  # of a signal handler: it is told the next time
            self._turn.take(functools.partial(self._put_back, key, flood), _PATIENCE)
            raise
        try:
            self._warn(flood, problem)
        finally:
            flood.mark_told()

    def _warn(self, flood: Flood, problem: str) -> None:
        failed = f", and telling them failed with {problem}" if problem else ""
        warning = self._warning_of_failures if problem else self._warning
        warning.add(
            flood.count,
            lambda count: (
                f"{count_of(count, 'event', 'were')} held back since they came too often,"
                f" the last of them {flood.summary!r}{failed}"
            ),
        )
        warning.report()

    def _put_back(self, key: Any, flood: Flood) -> bool:
        later = self._floods.get(key)
        if later is not None:
            flood.merge(later)
        self._insert(key, flood)
        self._expect(flood)
        return True

    def report_at_exit(self) -> None:
        """Say on standard error how many were held back, as far as no warning has said it."""
        self._own_log.write_with(write_line)
        for warning in (self._warning, self._warning_of_failures):
            warning.report(at_once=True)

    def is_interrupted(self) -> bool:
        """Return whether the calling thread is in the middle of a change."""
        return self._turn.is_mine()

    def tell_all(self, deadline: Deadline) -> None:
        """Tell now what is held back, and wait for it until *deadline*."""
        if not self._floods and (self._told_now is None or self._told_now.is_told):
            return
        if self._thread is threading.current_thread():
            return
        floods = self._turn.take(self._end_all, deadline.left()) or []
        if not self._is_running():
            self.tell_due()
        for flood in floods:
            flood.wait(deadline)

    def _end_all(self) -> list[Flood]:
        """Let all floods be over, and return them with the one that is told at this moment."""
        for flood in self._floods.values():
            flood.end = -math.inf
        self._wake.put(None)
        return [*self._floods.values(), *([self._told_now] if self._told_now else [])]
