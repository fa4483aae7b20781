"""Instances with the same settings share a sink or a connection; not without limit, nor secrets."""

from __future__ import annotations

import gc
import threading

import pytest
from support.receivers import OK, Receiver, answer
from support.running import wait_for

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat import _delivery, _sinks
from structlog_mozdef.compat._delivery import HTTPDestination
from structlog_mozdef.compat._session import SessionSettings
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED


@pytest.fixture
def few(monkeypatch):
    """Sinks and connections of their own, for three settings."""
    monkeypatch.setattr(_sinks, "MOST_SETTINGS", 3)
    monkeypatch.setattr(_delivery, "_sinks", _sinks.Sinks())
    monkeypatch.setattr(_delivery, "_connections", _sinks.Connections())


def message(url, token, **settings):
    msg = mozdef.MozDefMsg(url)
    msg.httpsession.headers["X-Token"] = token
    for name, value in settings.items():
        setattr(msg, name, value)
    return msg


def senders():
    return [thread for thread in threading.enumerate() if "mozdef-sender" in thread.name]


@pytest.mark.usefixtures("few")
def test_sinks_are_limited():
    """A program with ever new tokens keeps the threads and connections of a few."""
    before = len(senders())
    with Receiver() as receiver:
        for number in range(8):
            message(receiver.url, str(number)).send(str(number))
            assert mozdef.flush(20)
        assert receiver.summaries() == [str(number) for number in range(8)]
        gc.collect()  # a sink and its thread know each other
        assert len(senders()) - before == len(_delivery._sinks.all()) == 3


@pytest.mark.usefixtures("few")
def test_the_least_used_sink_is_closed():
    """The sink that is used all the time stays, though it is the oldest."""
    with Receiver() as receiver:
        main = mozdef.MozDefMsg(receiver.url)
        main.send("main")
        for number in range(6):
            message(receiver.url, str(number)).send(str(number))
            main.send("main")
            assert mozdef.flush(20)
        connections = {
            request.connection
            for request in receiver.accepted
            if "main" in [event["summary"] for event in request.events()]
        }
        assert len(connections) == 1


@pytest.mark.usefixtures("few")
def test_sinks_in_which_events_wait_are_kept():
    """In an outage no sink is given up: all events arrive when it is over."""
    down = threading.Event()
    with Receiver(lambda request: OK if down.is_set() else answer(429)) as receiver:
        for number in range(8):
            message(f"{receiver.base}/custom/x", str(number)).send(str(number))
        kept = len(_delivery._sinks.all())
        down.set()
        assert mozdef.flush(20)
        assert (kept, sorted(receiver.summaries())) == (8, [str(number) for number in range(8)])


@pytest.mark.usefixtures("few")
def test_an_event_for_a_closed_sink_is_waited_for():
    """Who asked for a sink just before it was closed loses nothing, and `flush` knows of it."""
    gate = threading.Event()

    def respond(request):
        gate.wait(10)
        return OK

    with Receiver(respond) as receiver:
        late = _delivery._sinks.of(HTTPDestination(f"{receiver.base}/custom/late"))
        for number in range(3):
            _delivery._sinks.of(HTTPDestination(f"{receiver.base}/custom/{number}"))
        late.put(b'{"summary":"late"}')
        early = mozdef.flush(0.1)
        gate.set()
        assert (early, mozdef.flush(20), receiver.summaries()) == (False, True, ["late"])


@pytest.mark.usefixtures("few")
def test_connections_are_limited():
    """Who waits with ever new tokens keeps the connections of a few."""
    with Receiver() as receiver:
        for number in range(8):
            message(receiver.url, str(number), fire_and_forget_mode=False).send(str(number))
        message(receiver.url, "7", fire_and_forget_mode=False).send("again")
        assert len(receiver.accepted) == 9
        assert receiver.connections == 8
        assert wait_for(lambda: receiver.open_connections == 3)


@pytest.mark.usefixtures("few")
def test_connections_of_one_destination_are_limited():
    """However many wait at once, a few connections are kept for those who come later."""
    count = _sinks.MOST_CONNECTIONS + 3
    barrier = threading.Barrier(count)

    def respond(request):
        barrier.wait(10)
        return OK

    with Receiver(respond) as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        msg.fire_and_forget_mode = False
        threads = [threading.Thread(target=msg.send, args=["hello"]) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(receiver.accepted) == count
        assert wait_for(lambda: receiver.open_connections == _sinks.MOST_CONNECTIONS)


class Counting:
    """A transport that counts those of its kind that are open, and takes an event or raises."""

    opened = 0
    failure = "failed"

    def __init__(self, error=None):
        self.error = error

    def transport(self):
        self.opened += 1
        return self

    def send(self, events):
        if self.error is not None:
            raise self.error
        return ALL_ACCEPTED

    def close(self):
        self.opened -= 1


@pytest.mark.parametrize("error", [TransportError("down"), KeyboardInterrupt()])
def test_a_connection_that_failed_is_closed(error):
    """Whatever ends a delivery, its connection is not left open."""
    destination = Counting(error)
    with pytest.raises(type(error)):
        _sinks.Connections().deliver(destination, b"{}")
    assert destination.opened == 0


@pytest.mark.usefixtures("few")
def test_connections_that_are_given_up_are_closed():
    """Those that are too many are closed, not left to the garbage collection."""
    connections = _sinks.Connections()
    destinations = [Counting() for _ in range(5)]
    for destination in destinations:
        connections.deliver(destination, b"{}")
    assert [destination.opened for destination in destinations] == [0, 0, 1, 1, 1]


def test_a_signal_handler_opens_the_same_sink():
    """A sink that was opened in the middle of opening it is the one that counts."""
    sinks = _sinks.Sinks()

    class Destination:
        failure = "failed"
        opened = False

        def transport(self):
            if not self.opened:
                self.opened = True
                self.inner = sinks.of(self)  # as a signal handler does that sends
            return HTTPDestination("http://127.0.0.1:9/events").transport()

    destination = Destination()
    assert sinks.of(destination) is destination.inner
    assert len(sinks.all()) == 1


SETTINGS = SessionSettings(auth=("user", "word1"), headers=(("X-Token", "word2"),))


@pytest.mark.parametrize("shown", [SETTINGS, HTTPDestination("http://u:word3@h/e", True, SETTINGS)])
def test_settings_do_not_show_secrets(shown):
    """Neither credentials nor tokens stand in what a traceback with variables would show."""
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
def test_addresses_that_cannot_work_show_no_secrets(url, fire_and_forget, caplog, monkeypatch):
    """Neither the error nor the warning, nor what the error hangs on to, shows the password."""
    monkeypatch.setattr("structlog_mozdef.compat._delivery.own_log.interval", 0)
    msg = mozdef.MozDefMsg(url)
    msg.fire_and_forget_mode = fire_and_forget
    reported = []
    try:
        msg.send("hello")
    except mozdef.MozDefError as error:
        reported = [str(error), repr(error), error.__cause__, error.__context__]
    assert bool(reported) is not fire_and_forget
    assert "pass-word" not in f"{reported} {caplog.text}"
    assert reported[2:] in ([], [None, None])
    assert fire_and_forget is ("an event was not sent" in caplog.text)


def test_settings_that_raise_anything(caplog, monkeypatch):
    """Whatever a setting does when it is used: a warning in one mode, MozDefError in the other."""
    monkeypatch.setattr("structlog_mozdef.compat._delivery.own_log.interval", 0)

    class Odd:
        def __bool__(self):
            raise RuntimeError("pass-word")

    msg = mozdef.MozDefMsg("https://127.0.0.1:9/events")
    msg.verify_certificate = Odd()
    msg.send("hello")
    assert "an event was not sent: a setting cannot be used: RuntimeError" in caplog.text
    msg.fire_and_forget_mode = False
    with pytest.raises(mozdef.MozDefError, match="a setting cannot be used: RuntimeError"):
        msg.send("hello")
    assert "pass-word" not in caplog.text
