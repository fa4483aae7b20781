"""Locks that are never kept, wherever a signal handler raises.

A handler of the program (a time limit, Ctrl-C) runs between any two bytecodes of its main thread.
Where it raises right after a lock was acquired, and before the ``try`` that releases it, nobody
ever gets that lock again; from Python 3.14 on that can happen in ``with lock`` as well. So here the
lock is acquired inside of the ``try``, and released by the first call behind it. A re-entrant lock
knows its owner: where the exception came before it was acquired, that release raises RuntimeError.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from structlog_mozdef._raised import pass_on

_P = ParamSpec("_P")
_R = TypeVar("_R")


class HasLock(Protocol):
    """An object with a re-entrant lock."""

    _lock: Any  # a threading.RLock, which is no type before Python 3.13


_Owner = TypeVar("_Owner", bound=HasLock)


def locked(method: Callable[Concatenate[_Owner, _P], _R]) -> Callable[Concatenate[_Owner, _P], _R]:
    """Let a method hold ``self._lock`` while it runs."""

    @functools.wraps(method)
    def call(self: _Owner, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        lock = self._lock
        try:
            lock.acquire()
            return method(self, *args, **kwargs)
        finally:
            try:
                lock.release()
            except RuntimeError as error:  # the exception came while it waited for the lock
                pass_on(error)

    return call


class Turn:
    """One thread at a time has the turn, and no second time inside of it.

    Unlike a re-entrant lock it is not given to a signal handler, or a ``__del__``, that interrupts
    its owner.
    """

    def __init__(self) -> None:
        self._lock: Any = threading.RLock()
        self._owner = 0

    def is_mine(self) -> bool:
        """Return whether the calling thread has the turn."""
        return self._owner == threading.get_ident()

    def take(self, function: Callable[[], _R], patience: float = 0.0) -> _R | None:
        """Call *function* when it is the calling thread's turn.

        Args:
            function: what to call.
            patience: seconds to wait for the turn.

        Returns:
            What *function* returned; None where it was not called.
        """
        me = threading.get_ident()
        if self._owner == me:
            return None
        lock = self._lock
        try:
            if not lock.acquire(timeout=patience):
                return None
            self._owner = me
            return function()
        finally:
            if self._owner == me:
                self._owner = 0
            try:
                lock.release()
            except RuntimeError as error:  # another thread has the turn
                pass_on(error)
