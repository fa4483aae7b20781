"""The commands for spools deliver what dead processes left, and leave living ones alone."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.handmade_spools import events, letters, orphan
from support.receivers import OK, Receiver, answer
from support.running import finish, start, start_command, wait_for

DATA = Path(__file__).parents[1] / "data"


def spool_command(*arguments, timeout=40):
    """Run a command; its status, and what it printed."""
    process = start_command(
        [sys.executable, "-m", "structlog_mozdef", "spool", *map(str, arguments)]
    )
    stdout, stderr = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def orphan_for(receiver, path, *segments, number=1, later=False):
    metadata = {"format": 2 if later else 1, "destination": receiver.url, "pid": 4711}
    return orphan(path, *segments, number=number, metadata=metadata)


def sent(receiver):
    return [event["summary"] for event in receiver.events()]


def test_list(receiver, tmp_path):
    """Each stream is listed with its events, its size, its owner and its destination."""
    orphan_for(receiver, tmp_path, events(1, 2), events(3))
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\n')
    lines = spool_command("list", tmp_path).stdout.splitlines()
    assert "3 events" in lines[0]
    assert "process 4711, dead" in lines[0]
    assert f"to {receiver.url}" in lines[0]
    assert lines[1] == "3 events wait, 69 bytes, in 1 streams; 1 dead letters"


def test_list_begins_at_the_ack_offset(receiver, tmp_path):
    """Events that are settled are not counted as waiting."""
    shutil.copytree(DATA / "spool-1", tmp_path / "spool")
    (tmp_path / "spool").chmod(0o700)  # whatever the umask of the checkout was
    assert "12 events wait" in spool_command("list", tmp_path / "spool").stdout


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


def test_drain_with_a_rejected_event(tmp_path):
    """Where an event was rejected for good, the status is 1."""
    with Receiver(lambda request: answer(400) if b"event 2" in request.body else OK) as receiver:
        orphan_for(receiver, tmp_path, events(1, 2, 3))
        result = spool_command("drain", tmp_path, receiver.url)
        assert result.returncode == 1
        assert "2 events delivered, 1 dead letters, 0 left" in result.stderr
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


def test_drain_to_another_destination(receiver, tmp_path):
    """A URL that is not the spool's is rejected in a sentence; nothing is sent."""
    orphan(tmp_path, events(1))
    result = spool_command("drain", tmp_path, receiver.url)
    assert result.returncode == 2
    assert result.stderr.startswith("error: spool is ")
    assert "holds events for 'http://mozdef.example.com/events'" in result.stderr
    assert (result.stderr.count("\n"), sent(receiver)) == (1, [])


def test_requeue(tmp_path):
    """Dead letters that are queued again are delivered by the next drain."""
    rejects = True
    with Receiver(lambda request: answer(400) if rejects else OK) as receiver:
        orphan_for(receiver, tmp_path, events(1, 2))
        assert spool_command("drain", tmp_path, receiver.url).returncode == 1
        assert len(letters(tmp_path)) == 2
        rejects = False
        result = spool_command("requeue", tmp_path)
        assert result.stdout == "2 dead letters will be sent again by the next sink or drain\n"
        assert letters(tmp_path) == []
        assert spool_command("drain", tmp_path, receiver.url).returncode == 0
        assert sent(receiver) == ["event 1", "event 2"]


def test_requeue_keeps_what_is_no_event(receiver, tmp_path):
    """Damaged lines stay among the dead letters."""
    good = {"reason": "HTTP 400", "destination": receiver.url, "event": {"summary": "event"}}
    damaged = {"reason": "torn", "destination": receiver.url, "line": "{"}
    lines = [json.dumps(good), json.dumps(damaged), "garbage"]
    (tmp_path / "dead-letters.ndjson").write_text("\n".join(lines))
    assert spool_command("requeue", tmp_path).stdout.startswith("1 dead letters")
    assert [letter.get("line") for letter in letters(tmp_path)] == ["{", "garbage"]


def test_requeue_for_another_destination(receiver, tmp_path):
    """Letters for a destination that is not the spool's are kept, with a sentence."""
    orphan(tmp_path, events(1))
    letter = {"reason": "HTTP 400", "destination": receiver.url, "event": {"summary": "event"}}
    (tmp_path / "dead-letters.ndjson").write_text(json.dumps(letter) + "\n")
    result = spool_command("requeue", tmp_path)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert letters(tmp_path) == [letter]


def test_dead_letters(tmp_path):
    """Dead letters are shown as JSON lines, with what would move the cursor escaped."""
    event = {"summary": "\x1b[2J\x9b1A\u202e\x7f é"}
    letter = {"reason": "HTTP 400", "destination": "x", "event": event}
    text = json.dumps(letter, ensure_ascii=False) + "\n"
    (tmp_path / "dead-letters.ndjson").write_text(text)
    output = spool_command("dead-letters", tmp_path).stdout
    assert json.loads(output) == letter
    assert output.removesuffix("\n").isprintable()
    assert "é" in output


def test_purge(tmp_path):
    """Dead letters are removed when that is asked for, and counted."""
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\ngarbage\n')
    assert spool_command("purge", tmp_path).stdout == "2 dead letters removed\n"
    assert list(tmp_path.iterdir()) == []


def test_list_of_hostile_content(tmp_path):
    """Nothing in a folder reaches the terminal as a control character."""
    orphan(tmp_path, events(1), metadata={"format": 1, "destination": "http://\x1b]0;x\x07\x9b/\n"})
    orphan(tmp_path, events(1), number=2, metadata={"format": 9, "destination": "\x1b[31m"})
    output = spool_command("list", tmp_path).stdout
    assert all(line.isprintable() for line in output.split("\n"))


@pytest.mark.parametrize("action", ["list", "drain", "dead-letters", "requeue", "purge"])
def test_no_such_folder(action, tmp_path):
    """A folder that is missing is not made: one sentence, and the status is 2."""
    arguments = ["http://127.0.0.1:9/events"] if action == "drain" else []
    result = spool_command(action, tmp_path / "missing", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("error: spool is ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "missing").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_that_others_can_write(tmp_path):
    """A folder that others can write to is rejected in one sentence, and the status is 2."""
    tmp_path.chmod(0o777)
    result = spool_command("list", tmp_path)
    assert result.returncode == 2
    assert "nobody else may write to it" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("action", ["dead-letters", "requeue", "purge", "list"])
def test_dead_letters_that_are_no_file(action, tmp_path):
    """A pipe instead of the dead letters is not waited for: one sentence, status 2."""
    os.mkfifo(tmp_path / "dead-letters.ndjson")
    result = spool_command(action, tmp_path, timeout=20)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)


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


def answered(answer, *arguments):
    """Run a command that asks a question."""
    process = start_command(
        [sys.executable, "-m", "structlog_mozdef", "spool", *map(str, arguments)],
        stdin=subprocess.PIPE,
    )
    stdout, stderr = process.communicate(answer, timeout=40)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def test_purge_of_events(tmp_path):
    """After a question, or with --yes, nothing waits any more: the folder can serve another URL."""
    orphan(tmp_path, events(1, 2), events(3))
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\n')
    refused = answered("n\n", "purge", "--events", tmp_path)
    assert (refused.returncode, "Remove 3 events" in refused.stdout) == (1, True)
    assert len(list(tmp_path.iterdir())) == 2
    assert answered("y\n", "purge", "--events", tmp_path).stdout.endswith(
        "1 dead letters removed, 3 events\n"
    )
    assert list(tmp_path.iterdir()) == []
    orphan(tmp_path, events(1))
    result = spool_command("purge", "--events", "--yes", tmp_path)
    assert (result.returncode, result.stdout) == (0, "0 dead letters removed, 1 events\n")


def test_purge_leaves_the_living_alone(receiver, tmp_path):
    """A stream of a living process is named, and not removed."""
    owner = start("spool_owner", receiver.url, tmp_path, stdin=subprocess.PIPE)
    assert owner.stdout.readline() == "ready\n"
    result = spool_command("purge", "--events", "--yes", tmp_path)
    assert (result.returncode, "is left alone" in result.stderr) == (1, True)
    finish(owner)
    assert sent(receiver) == ["owned"]


def test_dead_letters_that_a_stopped_process_has_locked(tmp_path):
    """`list` and `dead-letters` do without the lock; `purge` says in a sentence why it cannot."""
    file = tmp_path / "dead-letters.ndjson"
    file.write_text('{"reason": "x", "event": {}}\n')
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "1 dead letters" in spool_command("list", tmp_path, timeout=20).stdout
        assert "reason" in spool_command("dead-letters", tmp_path, timeout=20).stdout
        result = spool_command("purge", tmp_path, timeout=20)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
        assert "another process keeps dead-letters.ndjson locked" in result.stderr
    assert spool_command("purge", tmp_path).stdout == "1 dead letters removed\n"
