"""Who does not fire and forget learns what became of the event."""

from __future__ import annotations

import threading
import time

import pytest
from support.certificates import authority_file, server_context, stranger
from support.receivers import CLOSE, OK, Receiver, answer, unused_port

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat import _delivery


def waiting(url, **settings):
    msg = mozdef.MozDefMsg(url)
    msg.fire_and_forget_mode = False
    for name, value in settings.items():
        setattr(msg, name, value)
    return msg


def event_to(url):
    event = mozdef.MozDefEvent(url)
    event.summary = "hello"
    return event


def test_send_returns_after_the_answer():
    """When `send` returns, the server has the event."""
    with Receiver() as receiver:
        waiting(receiver.url).send("hello")
        assert receiver.summaries() == ["hello"]


def test_an_event_waits_for_its_answer():
    """mozdef_client's events are not forgotten unless that is asked for."""
    with Receiver() as receiver:
        event_to(receiver.url).send()
        assert receiver.summaries() == ["hello"]


@pytest.mark.parametrize("make", [waiting, event_to])
@pytest.mark.parametrize(
    ("response", "message"),
    [
        (answer(500), r"POST failed with code 500 \(Internal Server Error\)"),
        (answer(400), r"POST failed with code 400 \(Bad Request\)"),
        (answer(404), r"POST failed with code 404 \(Not Found\): check the URL"),
        (answer(302, Location="https://login.example.com/"), r"code 302 \(Found\): a redirect"),
        (answer(200, b"<html>", Content_Type="text/html"), r"code 200 \(OK\) with a web page"),
        (CLOSE, "POST failed: the connection was lost"),
    ],
)
def test_anything_but_success_is_raised(make, response, message):
    """An error names the status and the reason."""
    with Receiver(lambda request: response) as receiver:
        message_object = make(receiver.url)
        arguments = ["hello"] if make is waiting else []
        with pytest.raises(mozdef.MozDefError, match=message):
            message_object.send(*arguments)


def test_no_server_is_raised():
    """A server that is down is an error, not silence."""
    msg = waiting(f"http://127.0.0.1:{unused_port()}/events")
    with pytest.raises(mozdef.MozDefError, match="POST failed: no connection"):
        msg.send("hello")


@pytest.mark.parametrize("url", ["", None, "localhost", "http://127.0.0.1", "ftp://a/b"])
def test_a_url_that_is_none_is_raised(url):
    """A URL that cannot work is a MozDefError, too."""
    with pytest.raises(mozdef.MozDefError, match="url is"):
        waiting(url).send("hello")


def test_time_outs_are_set():
    """Nobody waits longer than 5 s for a connection, nor than 30 s for an answer."""
    assert (_delivery.CONNECT_TIMEOUT, _delivery.READ_TIMEOUT) == (5.0, 30.0)


def test_a_server_that_does_not_answer(monkeypatch):
    """After the read time-out an error is raised."""
    monkeypatch.setattr(_delivery, "READ_TIMEOUT", 0.2)
    with Receiver(slow=2) as receiver:
        start = time.monotonic()
        with pytest.raises(mozdef.MozDefError, match="no answer within the read timeout"):
            waiting(receiver.url).send("hello")
        assert time.monotonic() - start < 1.5


def test_the_connection_is_kept():
    """Instances with the same settings use one connection, one after the other."""
    with Receiver() as receiver:
        for number in range(5):
            waiting(receiver.url).send(str(number))
        assert (len(receiver.accepted), receiver.connections) == (5, 1)


def test_an_error_does_not_spoil_the_next_send():
    """After a failure the same instance sends as ever."""
    responses = [CLOSE, answer(500), OK]
    with Receiver(lambda request: responses.pop(0)) as receiver:
        msg = waiting(receiver.url)
        for _ in range(2):
            with pytest.raises(mozdef.MozDefError):
                msg.send("lost")
        msg.send("hello")
        assert receiver.summaries() == ["hello"]


def test_threads_do_not_wait_for_each_other():
    """While one thread waits for its answer, others send."""
    gate = threading.Event()

    def respond(request):
        if request.events()[0]["summary"] == "slow":
            gate.wait(10)
        return OK

    with Receiver(respond) as receiver:
        thread = threading.Thread(target=waiting(receiver.url).send, args=["slow"])
        thread.start()
        for number in range(6):
            waiting(receiver.url).send(str(number))
        arrived = len(receiver.accepted)
        gate.set()
        thread.join(10)
    assert (arrived, len(receiver.accepted)) == (6, 7)


def test_content_type_and_length():
    """A request says that its body is JSON, and how long it is."""
    with Receiver() as receiver:
        waiting(receiver.url).send("hello")
        (request,) = receiver.accepted
        assert request.headers["content-type"] == "application/json"
        assert int(request.headers["content-length"]) == len(request.body)


@pytest.mark.parametrize("make", [waiting, event_to])
def test_certificates_are_verified(make):
    """By default a certificate that nobody vouches for is refused."""
    with Receiver(tls=server_context()) as receiver:
        arguments = ["hello"] if make is waiting else []
        with pytest.raises(mozdef.MozDefError, match="certificate of the server is refused"):
            make(receiver.url).send(*arguments)
        assert receiver.requests == []


def test_verify_certificate_by_a_path(tmp_path):
    """`verify_certificate` takes the path of a CA bundle."""
    with Receiver(tls=server_context()) as receiver:
        waiting(receiver.url, verify_certificate=authority_file(tmp_path)).send("hello")
        assert receiver.summaries() == ["hello"]


@pytest.mark.parametrize("value", [False, 0])
def test_verify_certificate_off(value, caplog):
    """`verify_certificate = False` sends all the same."""
    with Receiver(tls=server_context(by=stranger())) as receiver:
        waiting(receiver.url, verify_certificate=value).send("hello")
        assert receiver.summaries() == ["hello"]


def test_verify_certificate_none():
    """None, which requests takes for its default, does not turn verification off."""
    with (
        Receiver(tls=server_context(by=stranger())) as receiver,
        pytest.raises(mozdef.MozDefError, match="certificate"),
    ):
        waiting(receiver.url, verify_certificate=None).send("hello")


def test_set_verify_of_events(tmp_path):
    """`set_verify_path` names a CA bundle; `set_verify(False)` turns verification off."""
    with Receiver(tls=server_context()) as receiver:
        event = event_to(receiver.url)
        event.set_verify_path(authority_file(tmp_path))
        event.send()
        event.set_verify_path("/nonexistent")
        event.set_verify(False)
        event.send()
        assert receiver.summaries() == ["hello", "hello"]


def test_a_path_that_is_missing():
    """A CA bundle that is not there is a MozDefError."""
    with pytest.raises(mozdef.MozDefError, match="verify is '/nonexistent'"):
        waiting("https://127.0.0.1:9/events", verify_certificate="/nonexistent").send("hello")


def test_settings_are_kept_apart(tmp_path):
    """An instance that does not verify does not lend its connection to one that does."""
    with Receiver(tls=server_context(by=stranger())) as receiver:
        waiting(receiver.url, verify_certificate=False).send("trusting")
        with pytest.raises(mozdef.MozDefError, match="certificate"):
            waiting(receiver.url).send("careful")
        assert receiver.summaries() == ["trusting"]


def test_forgotten_events_are_tried_again():
    """In fire-and-forget mode an error is not raised, and the event arrives later."""
    responses = [answer(429, Retry_After="0")]
    with Receiver(lambda request: responses.pop() if responses else OK) as receiver:
        mozdef.MozDefMsg(f"{receiver.base}/custom/retry").send("hello")
        assert mozdef.flush(20)
        assert receiver.summaries() == ["hello"]


def test_events_can_be_forgotten():
    """`set_fire_and_forget(True)` makes an event's `send` return before the answer."""
    gate = threading.Event()

    def respond(request):
        gate.wait(10)
        return OK

    with Receiver(respond) as receiver:
        event = event_to(receiver.url)
        event.set_fire_and_forget(True)
        event.send()
        gate.set()
        assert mozdef.flush(20)
        assert receiver.summaries() == ["hello"]


def test_flush_tells_of_what_is_left():
    """`flush` is False as long as something is on its way."""
    gate = threading.Event()

    def respond(request):
        gate.wait(10)
        return OK

    with Receiver(respond) as receiver:
        mozdef.MozDefMsg(receiver.url).send("hello")
        early = mozdef.flush(0.1)
        gate.set()
        assert (early, mozdef.flush(20)) == (False, True)
