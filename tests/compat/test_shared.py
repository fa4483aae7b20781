"""Instances with the same settings share a sink or a connection, up to a limit, without secrets."""

from __future__ import annotations

import gc
import threading

import pytest
from support.compat_receivers import own_delivery
from support.receivers import OK, Receiver, answer
from support.running import wait_for

import structlog_mozdef.compat as mozdef
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.compat._destinations import HTTPDestination
from structlog_mozdef.compat._session import SessionSettings
from structlog_mozdef.compat._sinks import Connections, Sinks
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED

EVENT = b'{"summary":"hello"}'


@pytest.fixture
def sinks():
    return Sinks(RateLimitedLogger(), limit=3)


@pytest.fixture
def connections():
    return Connections(RateLimitedLogger(), limit=3, per_destination=4)


def with_token(url, token):
    return HTTPDestination(url, session=SessionSettings(headers=(("X-Token", str(token)),)))


def senders():
    return [thread for thread in threading.enumerate() if "mozdef-sender" in thread.name]


def test_sinks_are_limited(sinks):
    """A program that always sets new tokens keeps the threads and connections of a few."""
    before = set(senders())
    with Receiver() as receiver:
        for number in range(8):
            sinks.sink_for(with_token(receiver.url, number)).put(EVENT)
            assert sinks.flush(20)
        assert len(receiver.accepted) == 8
        gc.collect()  # a sink and its thread refer to each other
        assert len(set(senders()) - before) == len(sinks.all()) == 3


def test_the_least_recently_used_sink_is_closed(sinks):
    """The sink that is used all the time stays open, although it is the oldest."""
    with Receiver() as receiver:
        main = with_token(receiver.url, "main")
        for number in range(6):
            sinks.sink_for(main).put(EVENT)
            sinks.sink_for(with_token(receiver.url, number)).put(EVENT)
            assert sinks.flush(20)
        of_main = [r for r in receiver.accepted if r.headers.get("x-token") == "main"]
        assert len(of_main) == 6
        assert len({request.connection for request in of_main}) == 1


def test_sinks_in_which_events_wait_are_kept(sinks):
    """In an outage no sink is closed: all events arrive when it is over."""
    up = threading.Event()
    with Receiver(lambda request: OK if up.is_set() else answer(429)) as receiver:
        for number in range(8):
            sinks.sink_for(with_token(receiver.url, number)).put(EVENT)
        kept = len(sinks.all())
        up.set()
        assert sinks.flush(20)
        assert (kept, len(receiver.accepted)) == (8, 8)


def test_an_event_for_a_closed_sink_is_delivered(sinks):
    """An event that is put into a sink just after it was closed is delivered, and flushed."""
    gate = threading.Event()

    def respond(request):
        gate.wait(10)
        return OK

    with Receiver(respond) as receiver:
        late = sinks.sink_for(HTTPDestination(f"{receiver.base}/custom/late"))
        for number in range(3):
            sinks.sink_for(HTTPDestination(f"{receiver.base}/custom/{number}"))
        late.put(b'{"summary":"late"}')
        early = sinks.flush(0.1)
        gate.set()
        assert (early, sinks.flush(20), receiver.summaries()) == (False, True, ["late"])


def test_connections_are_limited(connections):
    """A program that waits, always with new tokens, keeps the connections of a few."""
    with Receiver() as receiver:
        for number in range(8):
            connections.deliver(with_token(receiver.url, number), EVENT)
        connections.deliver(with_token(receiver.url, 7), EVENT)
        assert len(receiver.accepted) == 9
        assert receiver.connections == 8
        assert wait_for(lambda: receiver.open_connections == 3)


def test_connections_of_one_destination_are_limited(connections):
    """However many calls wait at the same time, a few connections are kept for later calls."""
    barrier = threading.Barrier(7)

    def respond(request):
        barrier.wait(10)
        return OK

    with Receiver(respond) as receiver:
        arguments = [HTTPDestination(receiver.url), EVENT]
        threads = [threading.Thread(target=connections.deliver, args=arguments) for _ in range(7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(receiver.accepted) == 7
        assert wait_for(lambda: receiver.open_connections == 4)


class Counting:
    """A destination and its own transport, which counts how often it is open."""

    opened = 0
    failure = "failed"

    def __init__(self, error=None):
        self.error = error

    def transport(self, own_log):
        self.opened += 1
        return self

    def send(self, events):
        if self.error is not None:
            raise self.error
        return ALL_ACCEPTED

    def close(self):
        self.opened -= 1


@pytest.mark.parametrize("error", [TransportError("down"), KeyboardInterrupt()])
def test_a_connection_that_failed_is_closed(connections, error):
    """A connection is closed whatever exception ends its delivery."""
    destination = Counting(error)
    with pytest.raises(type(error)):
        connections.deliver(destination, EVENT)
    assert destination.opened == 0


def test_surplus_connections_are_closed(connections):
    """Connections beyond the limit are closed, not left to the garbage collection."""
    destinations = [Counting() for _ in range(5)]
    for destination in destinations:
        connections.deliver(destination, EVENT)
    assert [destination.opened for destination in destinations] == [0, 0, 1, 1, 1]


def test_a_signal_handler_opens_the_same_sink(sinks):
    """If a signal handler opens the sink that is being opened, its sink is used."""

    class Destination:
        failure = "failed"
        seal = None
        opened = False

        def transport(self, own_log):
            if not self.opened:
                self.opened = True
                self.inner = sinks.sink_for(self)  # as a signal handler that sends
            return HTTPDestination("http://127.0.0.1:9/events").transport(own_log)

    destination = Destination()
    assert sinks.sink_for(destination) is destination.inner
    assert len(sinks.all()) == 1


SETTINGS = SessionSettings(auth=("user", "word1"), headers=(("X-Token", "word2"),))


@pytest.mark.parametrize("shown", [SETTINGS, HTTPDestination("http://u:word3@h/e", True, SETTINGS)])
def test_settings_do_not_show_secrets(shown):
    """A traceback with variables shows neither credentials nor tokens."""
    assert "word" not in repr(shown)


@pytest.mark.parametrize("fire_and_forget", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        "http://user:pass-word@127.0.0.1",
        "http://user:pass-word@127.0.0.1:x/events",
        "ftp://user:pass-word@host/events",
        b"http://user:pass-word@127.0.0.1/events",
        ["http://user:pass-word@127.0.0.1/events"],
    ],
)
def test_urls_that_cannot_work_show_no_secrets(url, fire_and_forget, caplog):
    """The error, what it refers to, and the warning do not show the password."""
    msg = mozdef.MozDefMsg(url)
    msg.fire_and_forget_mode = fire_and_forget
    reported = []
    try:
        with own_delivery():
            msg.send("hello")
    except mozdef.MozDefError as error:
        reported = [str(error), repr(error), error.__cause__, error.__context__]
    assert bool(reported) is not fire_and_forget
    assert "pass-word" not in f"{reported} {caplog.text}"
    assert reported[2:] in ([], [None, None])
    assert fire_and_forget is ("an event was not sent" in caplog.text)


def test_settings_that_raise_anything(caplog):
    """A setting that raises when it is used is a warning in one mode, MozDefError in the other."""

    class Odd:
        def __bool__(self):
            raise RuntimeError("pass-word")

    msg = mozdef.MozDefMsg("https://127.0.0.1:9/events")
    msg.verify_certificate = Odd()
    with own_delivery():
        msg.send("hello")
    assert "an event was not sent: a setting cannot be used: RuntimeError" in caplog.text
    msg.fire_and_forget_mode = False
    with pytest.raises(mozdef.MozDefError, match="a setting cannot be used: RuntimeError"):
        msg.send("hello")
    assert "pass-word" not in caplog.text
