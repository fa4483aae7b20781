"""``spool purge`` removes what it is asked to, and nothing else."""

from __future__ import annotations

import os
import pty
import subprocess

from support.handmade_spools import events, orphan
from support.running import finish, start, start_command
from support.spool_commands import SPOOL, answered, here, orphan_for, sent, spool_command


def test_purge(tmp_path, capsys):
    """Dead letters are removed when that is asked for, and counted."""
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\ngarbage\n')
    assert here(capsys, "purge", tmp_path).stdout == "2 dead letters removed\n"
    assert list(tmp_path.iterdir()) == []


def test_purge_of_what_waits(tmp_path):
    """After a question, or with --yes, nothing waits any more: the folder can serve another URL."""
    orphan(tmp_path, events(1, 2), events(3))
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\n')
    refused = answered(b"n\n", "purge", "--waiting", tmp_path)
    assert (refused.returncode, "Remove 3 events" in refused.stdout) == (1, True)
    assert "nothing removed" in refused.stdout
    assert len(list(tmp_path.iterdir())) == 2
    accepted = answered(b"y\n", "purge", "--waiting", tmp_path)
    assert (accepted.returncode, accepted.stdout.endswith(" 3 events removed\n")) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["dead-letters.ndjson"]
    orphan(tmp_path, events(1))
    result = spool_command("purge", "--waiting", "--yes", tmp_path)
    assert (result.returncode, result.stdout) == (0, "1 event removed\n")


def test_nobody_to_ask(tmp_path):
    """Without a terminal and without --yes nothing is removed, whatever can be read: status 2."""
    orphan(tmp_path, events(1))
    for options in ({"stdin": subprocess.PIPE}, {"stdin": subprocess.DEVNULL}):
        result = spool_command("purge", "--waiting", tmp_path, **options)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
        assert "add --yes" in result.stderr
    assert len(list(tmp_path.iterdir())) == 1


def test_what_begins_to_wait_meanwhile(receiver, tmp_path):
    """Only what was asked about is removed: not the events of a process that dies meanwhile."""
    orphan_for(receiver, tmp_path, events(1))
    ours, theirs = pty.openpty()
    process = start_command([*SPOOL, "purge", "--waiting", str(tmp_path)], stdin=theirs)
    question = ""
    while "[y/N]" not in question:
        question += process.stdout.read(1)
    later = orphan_for(receiver, tmp_path, events(2), number=2)
    os.write(ours, b"y\n")
    stdout, stderr = process.communicate(timeout=20)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, stdout.lstrip()) == (1, "1 event removed\n")
    assert later.name in stderr
    assert list(tmp_path.iterdir()) == [later]


def test_waiting_events_have_no_reason(tmp_path, capsys):
    """What selects dead letters does not go with --waiting: status 2, and nothing is removed."""
    orphan(tmp_path, events(1))
    result = here(capsys, "purge", "--waiting", "--yes", "--reason", "x", tmp_path)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert len(list(tmp_path.iterdir())) == 1


def test_purge_of_a_selection(tmp_path, capsys):
    """What is not selected stays, byte for byte, damaged lines included."""
    kept = b'{"reason":"HTTP 413","event":{"summary":"large","n":1.0}}\ntorn \xff\n\n{"reason"'
    selected = b'{"reason":"HTTP 400","event":{"summary":"bad"}}\n'
    file = tmp_path / "dead-letters.ndjson"
    file.write_bytes(selected + kept.replace(b"torn", selected + b"torn"))
    result = here(capsys, "purge", "--reason", "http 400", tmp_path)
    assert result.stdout == "2 dead letters removed\n"
    assert file.read_bytes() == kept.replace(b"\n\n", b"\n")
    assert file.stat().st_mode & 0o777 == 0o600


def test_purge_leaves_the_living_alone(receiver, tmp_path):
    """A stream of a living process is named, and not removed."""
    owner = start("spool_owner", receiver.url, tmp_path, stdin=subprocess.PIPE)
    assert owner.stdout.readline() == "ready\n"
    result = spool_command("purge", "--waiting", "--yes", tmp_path)
    assert (result.returncode, "is left alone" in result.stderr) == (1, True)
    finish(owner)
    assert sent(receiver) == ["owned"]
