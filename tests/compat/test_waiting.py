"""Without fire-and-forget mode, `send` waits for the answer and raises for failures."""

from __future__ import annotations

import threading
import time

import pytest
from support.certificates import authority_file, server_context, stranger
from support.receivers import CLOSE, OK, Receiver, answer, unused_port

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat._delivery import SharedDelivery
from structlog_mozdef.compat._destinations import HTTPDestination


def waiting(url, **settings):
    msg = mozdef.MozDefMsg(url)
    msg.fire_and_forget_mode = False
    for name, value in settings.items():
        setattr(msg, name, value)
    return msg


def event_to(url):
    event = mozdef.MozDefEvent(url)
    event.summary = "hello"
    event.set_fire_and_forget(False)
    return event


def test_send_returns_after_the_answer():
    """When `send` returns, the server has the event."""
    with Receiver() as receiver:
        waiting(receiver.url).send("hello")
        assert receiver.summaries() == ["hello"]


def test_an_event_waits_for_its_answer():
    """mozdef_client's events wait for their answers after `set_fire_and_forget(False)`."""
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
def test_an_invalid_url_is_raised(url):
    """A URL that cannot work is a MozDefError as well."""
    with pytest.raises(mozdef.MozDefError, match="url is"):
        waiting(url).send("hello")


def test_timeouts():
    """A call waits at most 5 s for a connection, and at most 30 s for an answer."""
    destination = HTTPDestination("http://127.0.0.1:9/events")
    assert (destination.connect_timeout, destination.read_timeout) == (5.0, 30.0)


def test_a_server_that_does_not_answer():
    """An error is raised after the read timeout."""
    with Receiver(slow=2) as receiver:
        start = time.monotonic()
        with pytest.raises(mozdef.MozDefError, match="no answer within the read timeout"):
            SharedDelivery().deliver(
                lambda: HTTPDestination(receiver.url, read_timeout=0.2),
                b'{"summary":"hello"}',
                fire_and_forget=False,
            )
        assert time.monotonic() - start < 1.5


def test_the_connection_is_reused():
    """Instances with the same settings share one connection."""
    with Receiver() as receiver:
        for number in range(5):
            waiting(receiver.url).send(str(number))
        assert (len(receiver.accepted), receiver.connections) == (5, 1)


def test_an_error_does_not_spoil_the_next_send():
    """After a failure the same instance sends as before."""
    responses = [CLOSE, answer(500), OK]
    with Receiver(lambda request: responses.pop(0)) as receiver:
        msg = waiting(receiver.url)
        for _ in range(2):
            with pytest.raises(mozdef.MozDefError):
                msg.send("lost")
        msg.send("hello")
        assert receiver.summaries() == ["hello"]


def test_threads_do_not_wait_for_each_other():
    """While one thread waits for its answer, other threads send."""
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
    """By default a certificate of an unknown authority is refused."""
    with Receiver(tls=server_context()) as receiver:
        arguments = ["hello"] if make is waiting else []
        with pytest.raises(mozdef.MozDefError, match="certificate of the server is refused"):
            make(receiver.url).send(*arguments)
        assert receiver.requests == []


def test_verify_certificate_by_a_path(tmp_path):
    """`verify_certificate` can be the path of a CA bundle."""
    with Receiver(tls=server_context()) as receiver:
        waiting(receiver.url, verify_certificate=authority_file(tmp_path)).send("hello")
        assert receiver.summaries() == ["hello"]


@pytest.mark.parametrize("value", [False, 0])
def test_verify_certificate_off(value, caplog):
    """`verify_certificate = False` accepts any certificate."""
    with Receiver(tls=server_context(by=stranger())) as receiver:
        waiting(receiver.url, verify_certificate=value).send("hello")
        assert receiver.summaries() == ["hello"]


def test_verify_certificate_none():
    """None, which means the default to requests, does not disable verification."""
    with (
        Receiver(tls=server_context(by=stranger())) as receiver,
        pytest.raises(mozdef.MozDefError, match="certificate"),
    ):
        waiting(receiver.url, verify_certificate=None).send("hello")


def test_set_verify_of_events(tmp_path):
    """`set_verify_path` sets a CA bundle; `set_verify(False)` disables verification."""
    with Receiver(tls=server_context()) as receiver:
        event = event_to(receiver.url)
        event.set_verify_path(authority_file(tmp_path))
        event.send()
        event.set_verify_path("/nonexistent")
        event.set_verify(False)
        event.send()
        assert receiver.summaries() == ["hello", "hello"]


def test_a_path_that_is_missing():
    """A missing CA bundle is a MozDefError."""
    with pytest.raises(mozdef.MozDefError, match="verify is '/nonexistent'"):
        waiting("https://127.0.0.1:9/events", verify_certificate="/nonexistent").send("hello")


def test_settings_are_kept_apart(tmp_path):
    """An instance that verifies does not use the connection of one that does not."""
    with Receiver(tls=server_context(by=stranger())) as receiver:
        waiting(receiver.url, verify_certificate=False).send("trusting")
        with pytest.raises(mozdef.MozDefError, match="certificate"):
            waiting(receiver.url).send("verified")
        assert receiver.summaries() == ["trusting"]


def test_fire_and_forget_retries():
    """In fire-and-forget mode an error is not raised, and the event arrives later."""
    responses = [answer(429, Retry_After="0")]
    with Receiver(lambda request: responses.pop() if responses else OK) as receiver:
        mozdef.MozDefMsg(f"{receiver.base}/custom/retry").send("hello")
        assert mozdef.flush(20)
        assert receiver.summaries() == ["hello"]


@pytest.mark.parametrize("setting", [None, True])
def test_fire_and_forget_of_events(setting):
    """By default, and after `set_fire_and_forget(True)`, `send` returns before the answer."""
    gate = threading.Event()

    def respond(request):
        gate.wait(10)
        return OK

    with Receiver(respond) as receiver:
        event = mozdef.MozDefEvent(receiver.url)
        event.summary = "hello"
        if setting is not None:
            event.set_fire_and_forget(setting)
        event.send()
        gate.set()
        assert mozdef.flush(20)
        assert receiver.summaries() == ["hello"]


def test_flush_is_false_while_events_wait():
    """`flush` returns False as long as events are being sent."""
    gate = threading.Event()

    def respond(request):
        gate.wait(10)
        return OK

    with Receiver(respond) as receiver:
        mozdef.MozDefMsg(receiver.url).send("hello")
        early = mozdef.flush(0.1)
        gate.set()
        assert (early, mozdef.flush(20)) == (False, True)
