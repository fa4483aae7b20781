"""No lock is kept, at whichever bytecode a signal handler raises."""

from __future__ import annotations

import threading

import pytest
from support.storms import Interrupted, storm, stormy

from structlog_mozdef._lock import Turn, locked


class Locked:
    def __init__(self):
        self._lock = threading.RLock()

    @locked
    def method(self, number):
        return number + 1

    @property
    def lock(self):
        return self._lock


def is_free(lock) -> bool:
    """Whether another thread can get it."""
    found = []

    def try_it():
        found.append(lock.acquire(timeout=1))
        if found[0]:
            lock.release()

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join(10)
    return found == [True]


def test_locked_methods_return_their_result():
    """A locked method has its arguments, its result and its name."""
    assert (Locked().method(1), Locked().method.__name__) == (2, "method")


def test_a_locked_method_holds_the_lock():
    """While a locked method runs, no other thread gets the lock."""

    class Looking(Locked):
        @locked
        def look(self):
            return is_free(self._lock)

    looking = Looking()
    assert (looking.look(), is_free(looking.lock)) == (False, True)


def test_a_turn_is_not_taken_twice():
    """Within its turn a thread, or what interrupts it, does not get another one."""
    turn = Turn()
    assert turn.take(lambda: (turn.is_mine(), turn.take(lambda: 1))) == (True, None)
    assert (turn.is_mine(), turn.take(lambda: 2)) == (False, 2)


def test_a_turn_is_waited_for():
    """A thread gets its turn when the other one is through, or None in the end."""
    turn, held, over = Turn(), threading.Event(), threading.Event()

    def hold():
        held.set()
        over.wait(10)

    thread = threading.Thread(target=turn.take, args=(hold,))
    thread.start()
    held.wait(10)
    assert turn.take(lambda: 1) is None
    over.set()
    assert turn.take(lambda: 1, patience=10) == 1
    thread.join(10)


def test_a_raise_in_the_body():
    """Whatever is raised inside, the lock is free afterwards."""

    class Failing(Locked):
        @locked
        def fail(self):
            raise Interrupted

    failing, turn = Failing(), Turn()
    with pytest.raises(Interrupted):
        failing.fail()
    with pytest.raises(Interrupted):
        turn.take(failing.fail)
    assert is_free(failing.lock)
    assert turn.take(lambda: 1) == 1


@stormy
def test_a_storm_of_signals_that_raise():
    """Ten thousand handlers that raise anywhere in a locked method or a turn keep no lock."""
    owner, turn = Locked(), Turn()

    def call():
        owner.method(1)
        turn.take(lambda: 1)

    raised = storm(call, raises=10_000, longest=4e-5)
    assert (raised > 1000, is_free(owner.lock), turn.take(lambda: 1)) == (True, True, 1)
