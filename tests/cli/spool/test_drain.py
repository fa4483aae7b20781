"""``spool drain`` delivers what dead processes left, and leaves living ones alone."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import termios

import pytest
from support.handmade_spools import DESTINATION, events, letters, orphan
from support.receivers import OK, Receiver, answer
from support.running import dead_url, finish, start, start_command, wait_for
from support.spool_commands import SPOOL, here, orphan_for, sent, spool_command
from support.spool_contents import waiting

from structlog_mozdef.buffers.spool.format import Offset, encode_ack


def test_drain(receiver, tmp_path):
    """What dead processes left is delivered, in order, and nothing is left."""
    orphan_for(receiver, tmp_path, events(*range(50)), events(*range(50, 90)))
    orphan_for(receiver, tmp_path, events(*range(90, 100)), number=2)
    result = spool_command("drain", tmp_path, receiver.url)
    assert result.returncode == 0, result.stderr
    assert "100 events delivered, 0 dead letters, 0 left" in result.stderr
    assert sorted(sent(receiver), key=lambda text: int(text[6:])) == [
        f"event {number}" for number in range(100)
    ]
    assert list(tmp_path.iterdir()) == []


def test_drain_of_an_empty_folder(receiver, tmp_path):
    """Nothing to do is success."""
    assert spool_command("drain", tmp_path, receiver.url).returncode == 0


def test_drain_in_an_outage(tmp_path):
    """Where the destination is down, the status is 1 and everything is still there."""
    with Receiver() as receiver:
        pass
    stream = orphan_for(receiver, tmp_path, events(1, 2))
    result = spool_command("drain", tmp_path, receiver.url, "--timeout", "1")
    assert result.returncode == 1
    assert "2 left: " in result.stderr
    assert "Traceback" not in result.stderr
    assert (stream / "0000000001.ndjson").read_bytes() == b"".join(
        event + b"\n" for event in events(1, 2)
    )


@pytest.mark.parametrize("name", ["stream.json", "position", "0000000001.ndjson"])
def test_what_is_being_adopted_is_left(name, receiver, tmp_path):
    """A stream that is locked, and not counted yet as it takes long to read, is waited for."""
    stream = orphan_for(receiver, tmp_path, events(*range(50)))
    (stream / "position").write_bytes(encode_ack(Offset(1, 0)))
    process = start("command_on_bad_disk", "slow", name, "spool", "drain", tmp_path, receiver.url)
    assert "50 events delivered, 0 dead letters, 0 left" in finish(process).stderr
    assert len(sent(receiver)) == 50
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_any_more_is_left(receiver, tmp_path):
    """A stream that was readable at the begin only is named, and makes the status 1."""
    name = "0000000001.ndjson"
    stream = orphan_for(receiver, tmp_path, events(1))
    process = start(
        "command_on_bad_disk", "failing", name, "spool", "drain", tmp_path, receiver.url
    )
    _, stderr = process.communicate(timeout=20)
    assert f"{stream.name} is left alone: it cannot be read: Input/output error" in stderr
    assert process.returncode == 1
    assert (stream / name).exists()


def test_drain_with_a_rejected_event(tmp_path):
    """Where an event was rejected for good, the status is 1."""
    with Receiver(lambda request: answer(400) if b"event 2" in request.body else OK) as receiver:
        orphan_for(receiver, tmp_path, events(1, 2, 3))
        result = spool_command("drain", tmp_path, receiver.url)
        assert result.returncode == 1
        assert "2 events delivered, 1 dead letter, 0 left" in result.stderr
        assert sent(receiver) == ["event 1", "event 3"]
    assert [letter["event"]["summary"] for letter in letters(tmp_path)] == ["event 2"]


def test_drain_leaves_the_living_alone(receiver, tmp_path):
    """A process that lives keeps its events, and is not waited for."""
    owner = start("spool_owner", receiver.url, tmp_path, stdin=subprocess.PIPE)
    assert owner.stdout.readline() == "ready\n"
    orphan_for(receiver, tmp_path, events(1))
    result = spool_command("drain", tmp_path, receiver.url, timeout=20)
    assert (result.returncode, sent(receiver)) == (0, ["event 1"])
    assert "process" in spool_command("list", tmp_path).stdout
    assert f"process {owner.pid}, alive" in spool_command("list", tmp_path).stdout
    finish(owner)  # which ends its input
    assert sent(receiver) == ["event 1", "owned"]


def test_drain_leaves_later_formats_alone(receiver, tmp_path):
    """A stream of a later version is named, not waited for, and makes the status 1."""
    stream = orphan_for(receiver, tmp_path, events(1), later=True)
    orphan_for(receiver, tmp_path, events(2), number=2)
    result = spool_command("drain", tmp_path, receiver.url, timeout=20)
    assert (result.returncode, sent(receiver)) == (1, ["event 2"])
    assert f"{stream.name} is left alone: it has format 2" in result.stderr
    assert stream.exists()


def test_to_another_destination(receiver, tmp_path):
    """With --to, the events of all dead processes go there, byte for byte, and nothing is left."""
    lines = [b'{ "details": {"stream_id": "a", "sequence": %d, "n": 1.0}}' % n for n in range(5)]
    orphan(tmp_path, lines[:2], lines[2:4])
    orphan(tmp_path, lines[4:], number=2, metadata={"format": 1, "destination": "amqp://gone/"})
    result = spool_command("drain", tmp_path, "--to", receiver.url)
    assert result.returncode == 0, result.stderr
    assert "5 events delivered, 0 dead letters, 0 left" in result.stderr
    assert sorted(event for r in receiver.accepted for event in r.raw_events()) == lines
    assert list(tmp_path.iterdir()) == []


def test_to_another_destination_in_an_outage(tmp_path):
    """What could not be delivered there stays, for the destination that it was meant for."""
    stream = orphan(tmp_path, events(1, 2))
    result = spool_command("drain", tmp_path, "--to", dead_url(), "--timeout", "1")
    assert (result.returncode, "2 left: " in result.stderr) == (1, True)
    assert json.loads((stream / "stream.json").read_text())["destination"] == DESTINATION
    assert waiting(tmp_path) == events(1, 2)


def test_to_another_destination_that_rejects(tmp_path):
    """A dead letter names the destination that has rejected it."""
    with Receiver(lambda request: answer(400)) as receiver:
        orphan(tmp_path, events(1))
        assert spool_command("drain", tmp_path, "--to", receiver.url).returncode == 1
        assert [letter["destination"] for letter in letters(tmp_path)] == [receiver.url]


@pytest.mark.parametrize("arguments", [[], ["http://x/events", "--to", "http://y/events"]])
def test_no_destination_or_two(arguments, tmp_path, capsys):
    """It must be said where to, once: status 2."""
    orphan(tmp_path, events(1))
    result = here(capsys, "drain", tmp_path, *arguments)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "drain needs URL, or --to URL" in result.stderr


def test_what_nobody_has_adopted_is_left_too(tmp_path):
    """Of more streams than are read at once, all that is left is counted."""
    for number in range(40):
        orphan(tmp_path, events(*range(100)), number=number)
    result = spool_command("drain", tmp_path, dead_url(), "--timeout", "1", "--to", DESTINATION)
    assert result.returncode == 2
    result = spool_command("drain", tmp_path, "--to", dead_url(), "--timeout", "1")
    assert "0 events delivered, 0 dead letters, 4,000 left: " in result.stderr


def test_drain_for_another_destination(receiver, tmp_path, capsys):
    """A URL that is not the spool's is rejected in a sentence; nothing is sent."""
    orphan(tmp_path, events(1))
    result = here(capsys, "drain", tmp_path, receiver.url)
    assert result.returncode == 2
    assert result.stderr.startswith("error: spool is ")
    assert "holds events for 'http://mozdef.example.com/events'" in result.stderr
    assert (result.stderr.count("\n"), sent(receiver)) == (1, [])


def test_interrupt(tmp_path):
    """Ctrl-C ends a drain with status 130, without a traceback, and loses nothing."""
    with Receiver() as receiver:
        pass
    orphan_for(receiver, tmp_path, events(1, 2))
    command = [sys.executable, "-m", "structlog_mozdef", "spool", "drain"]
    process = start_command([*command, str(tmp_path), receiver.url])
    stream = next(tmp_path.glob("1*"))
    assert wait_for(lambda: "alive" in spool_command("list", tmp_path).stdout, 20)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in stderr) == (130, False)
    assert len((stream / "0000000001.ndjson").read_bytes().splitlines()) == 2


def test_progress(receiver, tmp_path):
    """A terminal gets a progress bar; a file that is read later does not."""
    orphan_for(receiver, tmp_path, events(1))
    assert spool_command("drain", tmp_path, receiver.url).stderr == (
        "1 event delivered, 0 dead letters, 0 left\n"
    )
    orphan_for(receiver, tmp_path, events(2))
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen([*SPOOL, "drain", str(tmp_path), receiver.url], stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal's end
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert (process.wait(20), b"event/s" in shown) == (0, True)
