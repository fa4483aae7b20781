"""What a signal handler of the program raises in a log call reaches the program."""

from __future__ import annotations

import functools
import signal
import sys

import pytest
from support.running import run
from support.storms import storm, stormy

from structlog_mozdef._raised import is_from_signal_handler, pass_on
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport


@pytest.mark.parametrize("way", ["logger", "tee", "handler"])
def test_no_exception_of_a_handler_is_swallowed(way):
    """Thousands of exceptions reach the program, and every event whose log call returned ships."""
    found = dict(map(str.split, run("raising_handler", way, 3).stdout.splitlines()))
    assert (int(found["raised"]) > 500, found["swallowed"], found["lost"]) == (True, "0", "0")


@pytest.mark.slow
def test_a_flush_that_was_interrupted_locks_nothing():
    """Exceptions in flush and close leave nothing locked: all events are sent in the end."""
    found = dict(map(str.split, run("raising_handler", "flush", 3).stdout.splitlines()))
    # Python itself swallows what is raised in a weakref's callback, as when a thread's object goes.
    assert found["lost"] == "0"


class Program:
    def method(self, signum, frame):
        raise TimeoutError

    def __call__(self, signum, frame):
        self.method(signum, frame)

    @staticmethod
    def any_arguments(*args):
        raise TimeoutError

    @staticmethod
    def one_more(more, signum, frame, **kwargs):
        raise TimeoutError

    @staticmethod
    def own_error(signum, frame):
        try:
            raise ValueError
        except ValueError as error:
            raise TimeoutError from error


HANDLERS = {
    "method": Program().method,
    "object": Program(),
    "any arguments": Program.any_arguments,
    "partial": functools.partial(Program.one_more, "more"),
    "with a cause": Program.own_error,
}


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_is_known_by_its_frame(name):
    """However a handler is written, what it raises is known to be from it."""
    before = signal.signal(signal.SIGUSR1, HANDLERS[name])
    try:
        with pytest.raises(TimeoutError) as caught:
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert is_from_signal_handler(caught.value)


class Value:
    def __init__(self, *values):
        if values:
            raise TimeoutError

    def __repr__(self):
        raise TimeoutError


@pytest.mark.parametrize("fail", [lambda: repr(Value()), lambda: Value(1, 2)])
def test_the_methods_of_a_value_are_no_handlers(fail):
    """What the methods of a value raise is not taken for a handler's."""
    with pytest.raises(TimeoutError) as caught:
        fail()
    assert not is_from_signal_handler(caught.value)


def interrupted_by(handler):
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def fail_after(handler):
    """Raise another error in place of the handler's, and let `pass_on` see it."""
    try:
        try:
            interrupted_by(handler)
        finally:
            raise RuntimeError("release unlocked lock")
    except RuntimeError as error:
        pass_on(error)


def test_an_error_in_its_place():
    """What a handler raised is passed on where another error has taken its place."""
    with pytest.raises(TimeoutError):
        fail_after(HANDLERS["method"])


def test_what_the_program_handles_already():
    """An exception of a handler that the program is handling is not raised once more."""
    try:
        interrupted_by(HANDLERS["method"])
    except TimeoutError:
        fail_after(lambda signum, frame: None)  # raises nothing


def still_sends(sink):
    sink.put(b'{"summary": "last"}')
    assert (sink.flush(10), sink.close(10), sink.stats().buffered) == (True, True, 0)


@stormy
def test_a_closed_sink_still_sends():
    """After thousands of exceptions in `close`, the same thread can send and flush as before."""
    sink = Sink(MemoryTransport())
    assert storm(sink.close, longest=1e-4) > 1000
    still_sends(sink)


@pytest.mark.skipif(
    sys.version_info[:2] == (3, 14), reason="its threading keeps a lock of its own (GH-148874)"
)
@stormy
def test_a_sink_that_starts_threads_still_sends():
    """The same where each call sends an event, and starts and ends the sender's thread."""
    sink = Sink(MemoryTransport())

    def send_and_close():
        sink.put(b"{}")
        sink.close(0.01)

    assert storm(send_and_close, raises=500) > 100
    still_sends(sink)
