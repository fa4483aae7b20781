"""Tools that show the variables of a traceback find no password in the frames of this package."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path

import pytest

import structlog_mozdef as mozdef
from structlog_mozdef import Sink, compat
from structlog_mozdef.testing import MemoryTransport

SECRET = "pass-w0rd"
PACKAGE = str(Path(mozdef.__file__).parent)
SCHEMES = ["https", "http", "amqps", "amqp", "sqs", "syslog+tls", "syslog+udp", "syslog", "file"]
MISTAKES = {
    "unknown option": lambda url: Sink(url, nonsense=1),
    "no port": lambda url: Sink(url.replace(":8443", ":84433333")),
    "setting": lambda url: Sink(url, linger=-1),
    "spool": lambda url: Sink(url, "/proc/nowhere"),
    "bundle": lambda url: Sink(url, verify="/nowhere"),
    "too many": lambda url: Sink(url, None, None, None),
    "configure": lambda url: mozdef.configure(url, verify="/nowhere"),
    "level": lambda url: mozdef.configure(url, level="nonsense"),
    "handler": lambda url: mozdef.MozDefHandler(url, verify="/nowhere"),
    "tee": lambda url: mozdef.MozDefTee(url, verify="/nowhere"),
    "factory": lambda url: mozdef.MozDefLoggerFactory(url, verify="/nowhere"),
}
TRANSPORTS = {
    "HTTPTransport": "https",
    "AMQPTransport": "amqps",
    "SQSTransport": "sqs",
    "SyslogTransport": "syslog+tls",
    "FileTransport": "file",
}


def leaks(make):
    """Where in the traceback of the error of *make* the password is found."""
    with pytest.raises(Exception) as caught:
        make()
    found = ["the message"] if SECRET in str(caught.value) else []
    shown = [traceback.TracebackException.from_exception(caught.value, capture_locals=True)]
    for one in shown:
        shown += [another for another in (one.__cause__, one.__context__) if another is not None]
        found += [
            frame.name
            for frame in one.stack
            if frame.filename.startswith(PACKAGE) and SECRET in str(frame.locals)
        ]
    return found


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_wrong_setting(scheme, mistake):
    """The error of a setting that cannot work shows no password of the URL, in no variable."""
    url = f"{scheme}://user:{SECRET}@host:8443/events"
    assert leaks(lambda: MISTAKES[mistake](url)) == []


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_transport(name):
    """The error of a transport shows no password of its URL, in no variable."""
    url = f"{TRANSPORTS[name]}://user:{SECRET}@host:8443/events"
    assert leaks(lambda: getattr(mozdef, name)(url, verify="/nowhere")) == []


@pytest.mark.parametrize(
    "options", [{"auth": ("user", SECRET)}, {"headers": {"X": SECRET}}, {"api_key": SECRET}]
)
def test_an_option(options):
    """The error of an option shows no other option that is a secret."""
    assert leaks(lambda: Sink("https://host/events", verify="/nowhere", **options)) == []


DOWN = "127.0.0.1:1"
EVENTS = [b'{"summary": "1"}']


def send_by_compat(kind, **attributes):
    message = kind(f"http://user:{SECRET}@{DOWN}/events")
    for name, value in attributes.items():
        setattr(message, name, value)
    if kind is compat.MozDefEvent:
        message.set_fire_and_forget(False)
    message.send(*["summary"][: kind is compat.MozDefMsg])


FAILURES = {
    "http": lambda: mozdef.HTTPTransport(f"http://user:{SECRET}@{DOWN}/").send(EVENTS),
    "header": lambda: mozdef.HTTPTransport(f"http://{DOWN}/", headers={"X": SECRET}).send(EVENTS),
    "proxy": lambda: mozdef.HTTPTransport(
        "http://host/", proxies={"http": f"http://user:{SECRET}@{DOWN}"}
    ).send(EVENTS),
    "amqp": lambda: mozdef.AMQPTransport(f"amqp://user:{SECRET}@{DOWN}/").send(EVENTS),
    "sqs": lambda: mozdef.SQSTransport(
        "sqs://queue?region=us-east-1", endpoint_url=f"http://user:{SECRET}@{DOWN}"
    ).send(EVENTS),
    "MozDefEvent": lambda: send_by_compat(compat.MozDefEvent, summary="1"),
    "MozDefMsg": lambda: send_by_compat(compat.MozDefMsg, fire_and_forget_mode=False),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_to_send(name, monkeypatch):
    """What a transport, or a class of the old clients, raises when it sends shows no password."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert leaks(FAILURES[name]) == []


NAMES = [name for name in mozdef.__all__ if inspect.isclass(getattr(mozdef, name))]
NO_REPR_OF_OURS = {"DeadLetter", "Health", "SendResult", "Stats"}


@pytest.mark.parametrize("name", sorted({*NAMES} - NO_REPR_OF_OURS))
def test_half_made_objects_have_a_repr(name):
    """The repr of an object whose constructor has not run does not raise."""
    kind = getattr(mozdef, name)
    assert kind.__name__ in repr(kind.__new__(kind)) or issubclass(kind, Exception)


def test_the_traceback_stays():
    """The lines of a traceback lead to where the error was raised."""
    with pytest.raises(TypeError) as caught:
        Sink(MemoryTransport(), nonsense=1)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "check_names"
