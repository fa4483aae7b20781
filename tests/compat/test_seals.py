"""The classes of the old clients seal their events, by an option or through a sink that seals."""

from __future__ import annotations

import copy
import subprocess
import sys

import orjson
import pytest
from support.compat_documents import VULNERABILITY
from support.compat_receivers import own_delivery
from support.receivers import Receiver, answer
from support.sealing import Sealing

import structlog_mozdef.compat as mozdef
from structlog_mozdef import Sink
from structlog_mozdef.testing import MemoryTransport


@pytest.fixture
def sealing(tmp_path):
    tmp_path.chmod(0o700)
    with own_delivery():
        yield Sealing(tmp_path)


def send_msg(url, *, waits=False, **settings):
    msg = mozdef.MozDefMsg(url, "hello", tags=["a"], details={"ratio": 1.0, "nested": {"z": 1}})
    msg.fire_and_forget_mode = not waits
    for name, value in settings.items():
        setattr(msg, name, value)
    msg.send()


def send_event(url, *, waits=False, seal=None, sink=None):
    event = mozdef.MozDefEvent(url)
    event.summary, event.details = "hello", {"number": 1}
    if waits:
        event.set_fire_and_forget(False)
    event.set_seal(seal)
    event.set_sink(sink)
    event.send()


both = pytest.mark.parametrize("send", [send_msg, send_event])


@both
@pytest.mark.parametrize("waits", [False, True])
def test_events_are_sealed(sealing, send, waits):
    """Events with a key file have seals, in the background and where `send` waits."""
    with Receiver() as receiver:
        for _ in range(3):
            send(receiver.url, waits=waits, seal=sealing.path)
        assert mozdef.flush(20)
        report = sealing.verify(receiver.all_events())
    assert (report["proved"], report["streams"][0]["authentic"]) == (True, 3)


@both
def test_a_sink_of_the_program(sealing, send):
    """Events go into the sink that is given, whose stream they take part in."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    for _ in range(2):
        send("http://mozdef.invalid/events", sink=sink)
    assert mozdef.flush(20)
    assert len(transport.events) == 2
    sink.end_streams()
    sink.close()
    report = sealing.verify(transport.events)
    (stream,) = report["streams"]
    assert (report["proved"], stream["authentic"], stream["state"]) == (True, 3, "ended")


@both
def test_nothing_is_parsed(sealing, send):
    """An event of usual types is sealed as it was encoded."""
    sink = Sink(MemoryTransport(), seal=sealing.path)
    called = []

    def note(_frame, event, function):
        if event == "c_call":
            called.append(function)

    sys.setprofile(note)
    try:
        send("http://mozdef.invalid/events", sink=sink)
    finally:
        sys.setprofile(None)
    assert orjson.dumps in called
    # MozDefMsg has a float without a fraction here, which is another number in the seal.
    assert (orjson.loads in called) == (send is send_msg)
    sink.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [("category", 1.0), ("processid", "x"), ("tags", [1.0]), ("hostname", 5)],
)
def test_fields_of_odd_types(sealing, name, value):
    """Whatever a program has set, the seal fits what is sent."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    msg = mozdef.MozDefMsg("http://mozdef.invalid/events", "hello", details={"a": 1})
    msg.sink = sink
    msg.log[name] = value
    msg.send()
    sink.close()
    report = sealing.verify(transport.events)
    assert (report["proved"], report["streams"][0]["authentic"]) == (True, 1)


@both
def test_what_send_has_raised_for(sealing, send):
    """An event that was not delivered is missing in the record, as the caller knows."""
    answers = [answer(400), answer(200)]
    with Receiver(lambda _: answers.pop(0)) as receiver:
        with pytest.raises(mozdef.MozDefError):
            send(receiver.url, waits=True, seal=sealing.path)
        send(receiver.url, waits=True, seal=sealing.path)
        (event,) = receiver.all_events()
    assert sealing.verify([event])["streams"][0]["missing"]["ranges"] == [(1, 1)]


@both
def test_settings_that_cannot_work(sealing, send, caplog):
    """They are raised where `send` waits, and else are a warning."""
    for settings, reason in (
        ({"seal": sealing.path.parent / "missing"}, "seal is '.*', which cannot be used"),
        ({"sink": Sink(MemoryTransport())}, "sink is given, which delivers in the background"),
        ({"sink": "x"}, "sink is a str; it must be a Sink, or None"),
    ):
        with pytest.raises(mozdef.MozDefError, match=reason):
            send("http://mozdef.invalid/events", waits=True, **settings)
    send("http://mozdef.invalid/events", sink=5)
    assert "sink is a int" in caplog.text


def test_documents_that_are_no_events(sealing):
    """A vulnerability, which has not MozDef's ten fields, goes on as it is."""
    document = copy.deepcopy(VULNERABILITY)
    with Receiver() as receiver:
        vulnerability = mozdef.MozDefVulnerability(receiver.url)
        vulnerability.set_seal(sealing.path)
        vulnerability.log = document
        vulnerability.send()
        assert mozdef.flush(20)
        assert receiver.all_events() == [document]


PROGRAM = """
import sys
import structlog_mozdef.compat as mozdef
mozdef.MozDefMsg.seal = sys.argv[2]
msg = mozdef.MozDefMsg(sys.argv[1])
msg.fire_and_forget_mode = sys.argv[3] == "True"
msg.send("hello")
"""


@pytest.mark.parametrize("fire_and_forget", [True, False])
def test_the_end_of_the_stream(sealing, fire_and_forget):
    """At the end of the process, the stream says that it has ended."""
    with Receiver() as receiver:
        arguments = [receiver.url, str(sealing.path), str(fire_and_forget)]
        subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=True, timeout=60)
        report = sealing.verify(receiver.all_events())
    (stream,) = report["streams"]
    assert (report["proved"], stream["authentic"], stream["state"]) == (True, 2, "ended")
