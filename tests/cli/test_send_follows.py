"""`send --follow` reads what other programs write, as ``tail -F`` does, and can go on later."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import time

import pytest
from support.handmade_spools import our_descriptors
from support.receivers import Receiver, answer
from support.running import command, dead_url, start_command, wait_for

from structlog_mozdef.cli.send.positions import PositionFile
from structlog_mozdef.cli.send.resuming import Following

SEND = [sys.executable, "-m", "structlog_mozdef", "send"]
ENDS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


class Follower:
    """The command, and what arrived at the receiver."""

    def __init__(self, receiver, *arguments, url=None):
        self.receiver = receiver
        self.process = start_command([*SEND, url or receiver.url, "--follow", *map(str, arguments)])

    def arrives(self, *summaries):
        """Whether exactly these arrive."""
        return wait_for(lambda: sorted(self.receiver.summaries()) == sorted(summaries)) or (
            self.receiver.summaries() == [*summaries]
        )

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        _, self.stderr = self.process.communicate(timeout=20)
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def log(tmp_path):
    file = tmp_path / "app.log"
    file.write_text("1\n")
    return file


def append(file, text):
    with file.open("a") as opened:
        opened.write(text)


@ENDS
def test_new_lines_are_sent(receiver, log, number):
    """What is written later is sent; half a line waits for its end, or for that of the command."""
    follower = Follower(receiver, log)
    assert follower.arrives("1")
    append(log, "2\nha")
    assert follower.arrives("1", "2")
    append(log, "lf\nrest")
    assert follower.arrives("1", "2", "half")
    assert follower.end(number) == 128 + number
    assert follower.stderr == "4 of 4 events delivered\n"
    assert follower.arrives("1", "2", "half", "rest")


def test_a_renamed_file_is_read_to_its_end(receiver, log):
    """After a rotation, both the old file, while it is written to, and the new one are sent."""
    follower = Follower(receiver, log)
    assert follower.arrives("1")
    with log.open("a") as writer:
        log.rename(log.with_name("app.log.1"))
        writer.write("2\n")
        writer.flush()
        log.write_text("3\n")
        assert follower.arrives("1", "2", "3")
        writer.write("late\n")
    assert follower.arrives("1", "2", "3", "late")
    append(log, "4\n")
    assert follower.arrives("1", "2", "3", "late", "4")
    assert follower.end() == 143


def test_a_removed_file_comes_again(receiver, log):
    """A file that is missing is waited for, and standard error says so once."""
    log.unlink()
    follower = Follower(receiver, log)
    assert "is waited for: No such file" in follower.process.stderr.readline()
    log.write_text("1\n")
    assert follower.arrives("1")
    log.unlink()
    assert "is waited for" in follower.process.stderr.readline()
    log.write_text("2\n")
    assert follower.arrives("1", "2")
    assert follower.end() == 143
    assert follower.stderr == "2 of 2 events delivered\n"


def test_a_truncated_file_is_read_from_its_beginning(receiver, log):
    """A file that is copied and truncated goes on."""
    append(log, "a long line, so that what comes is shorter\n")
    follower = Follower(receiver, log)
    assert wait_for(lambda: len(receiver.summaries()) == 2)
    os.truncate(log, 0)
    append(log, "2\n")
    assert wait_for(lambda: receiver.summaries()[2:] == ["2"])
    assert follower.end() == 143


def test_a_long_line_is_read_without_pauses(receiver, log):
    """A line of many chunks is truncated, and what follows it is sent as soon as it is read."""
    append(log, "x" * 10_000_000 + "\n2\n")
    begin = time.monotonic()
    follower = Follower(receiver, log)
    assert wait_for(lambda: receiver.summaries()[2:] == ["2"])
    assert time.monotonic() - begin < 10  # 38 with a pause after each chunk
    assert receiver.events()[1]["details"]["line_cut_at_bytes"] == 1_000_000
    assert follower.end() == 143


@pytest.mark.skipif(sys.platform != "linux", reason="of its files, one cannot be read")
def test_a_file_that_cannot_be_read_does_not_stop_the_others(receiver, log):
    """An error of a disk or a network is reported once, and may go."""
    follower = Follower(receiver, "/proc/self/mem", log)
    assert follower.process.stderr.readline() == (
        "/proc/self/mem is waited for: Input/output error\n"
    )
    assert follower.arrives("1")
    append(log, "2\n")
    assert follower.arrives("1", "2")
    assert follower.end() == 143
    assert follower.stderr == "2 of 2 events delivered\n"


def test_several_files(receiver, log, tmp_path):
    """All files that are named are followed; one that is named twice once."""
    other = tmp_path / "other.log"
    follower = Follower(receiver, log, other, log)
    assert follower.arrives("1")
    other.write_text("2\n")
    assert follower.arrives("1", "2")
    assert follower.end() == 143


def test_from_the_end(receiver, log):
    """With --from-end, only what is written from now on is sent."""
    log.write_text("old\n")
    follower = Follower(receiver, log, "--from-end")
    number = 0

    def arrived():
        nonlocal number
        number += 1
        append(log, f"new {number}\n")
        return receiver.summaries()

    assert wait_for(arrived)
    assert follower.end() == 143
    assert "old" not in receiver.summaries()


def test_a_large_file_is_cut_into_the_same_lines(receiver, log):
    """Lines are those of the file, wherever a read ends."""
    lines = [f"{number}-{'x' * (number * 37 % 3000)}" for number in range(300)]
    log.write_text("\n".join(lines) + "\n")
    follower = Follower(receiver, log)
    assert wait_for(lambda: len(receiver.summaries()) == 300)
    assert follower.end() == 143
    assert receiver.summaries() == lines


def test_what_was_delivered_is_remembered(receiver, log, tmp_path):
    """The next start goes on behind it, whatever was written or renamed meanwhile."""
    positions = tmp_path / "positions"
    follower = Follower(receiver, log, "--position-file", positions)
    append(log, "2\nha")
    assert follower.arrives("1", "2")
    assert follower.end() == 143
    append(log, "lf\n")
    log.rename(log.with_name("app.log.1"))
    log.write_text("3\n")
    follower = Follower(receiver, log, "--position-file", positions)
    assert follower.arrives("1", "2", "half", "3")
    assert follower.end() == 143
    follower = Follower(receiver, log, "--position-file", positions)
    append(log, "4\n")
    assert follower.arrives("1", "2", "half", "3", "4")
    assert follower.end() == 143


def test_it_is_remembered_before_the_end(receiver, log, tmp_path):
    """A command that is killed has remembered what was delivered a while before."""
    positions = tmp_path / "positions"
    follower = Follower(receiver, log, "--position-file", positions)
    assert wait_for(lambda: offsets(positions) == [2])
    follower.kill()
    follower = Follower(receiver, log, "--position-file", positions)
    append(log, "2\n")
    assert follower.arrives("1", "2")
    assert follower.end() == 143


def offsets(positions):
    text = positions.read_text() if positions.exists() else ""
    files = json.loads(text or '{"files": {}}')["files"]
    return [entry["offset"] for entries in files.values() for entry in entries]


def test_what_was_not_delivered_is_sent_by_the_next_start(receiver, log, tmp_path):
    """In an outage nothing is remembered as delivered."""
    positions = tmp_path / "positions"
    follower = Follower(
        receiver, log, "--position-file", positions, "--timeout", "0.3", url=dead_url()
    )
    assert "wait" in follower.process.stderr.readline()
    assert follower.end() == 1
    follower = Follower(receiver, log, "--position-file", positions)
    assert follower.arrives("1")
    assert follower.end() == 143


def test_where_the_end_was_is_remembered_at_once(log, tmp_path):
    """Lines that came in an outage are not left out by a next start that is from the end, too."""
    options = argparse.Namespace(
        files=[str(log)], from_end=True, position_file=str(tmp_path / "positions")
    )
    with Following(options):
        append(log, "2\n")  # it is not delivered
    with Following(options) as following:
        assert following.files[0].new_lines() == [b"2"]


def test_rejected_lines_are_not_sent_again(log, tmp_path):
    """A dead letter is settled: the status says so, and the next start goes on behind it."""
    positions = tmp_path / "positions"
    with Receiver(lambda request: answer(400 if b"poison" in request.body else 200)) as receiver:
        log.write_text("poison\nfine\n")
        follower = Follower(receiver, log, "--position-file", positions)
        assert wait_for(lambda: offsets(positions) == [12])
        assert follower.end() == 1
        requests = len(receiver.requests)
        follower = Follower(receiver, log, "--position-file", positions)
        append(log, "after\n")
        assert wait_for(lambda: len(receiver.requests) > requests)
        assert follower.end() == 143
        assert b"poison" not in receiver.requests[-1].body


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_a_file_that_is_another_one_is_read_from_its_beginning(receiver, log, tmp_path, change):
    """Where its inode is used again, or it was truncated meanwhile, all of the new one is sent."""
    positions = tmp_path / "positions"
    follower = Follower(receiver, log, "--position-file", positions)
    assert wait_for(lambda: offsets(positions) == [2])
    assert follower.end() == 143
    if change == "replaced":
        log.write_text("a\nb\n")  # into the same file
    else:
        log.unlink()
        log.write_text("a\nb\n")
    follower = Follower(receiver, log, "--position-file", positions)
    assert follower.arrives("1", "a", "b")
    assert follower.end() == 143
    assert "is gone or was changed" in follower.stderr


ENTRY = {"device": 1, "inode": 1, "offset": 1, "begin": ""}


@pytest.mark.parametrize(
    "damaged",
    [
        b"\0\0",
        b"{",
        b"[1]",
        b"[" * 100_000,
        b'{"format": 1, "files": []}',
        b'{"format": 1, "files": {"/x": {}}, "files": 5}',
        b'{"format": 2, "files": {}}',
        *(
            json.dumps({"format": 1, "files": {"/x": [{**ENTRY, name: value}]}}).encode()
            for name in ENTRY
            for value in (1.5, -1, None)
        ),
    ],
)
def test_a_damaged_position_file_is_refused(tmp_path, damaged):
    """Where to go on is never guessed, and the file stays as it is."""
    positions = tmp_path / "positions"
    positions.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"^--position-file is .*, which is no file of positions$"):
        PositionFile(str(positions))
    assert positions.read_bytes() == damaged


def test_an_empty_position_file_remembers_nothing(receiver, log, tmp_path):
    """It is as good as none: made by hand, or by a machine that crashed."""
    positions = tmp_path / "positions"
    positions.touch()
    follower = Follower(receiver, log, "--position-file", positions)
    assert wait_for(lambda: offsets(positions) == [2])
    assert follower.end() == 143


def test_a_position_file_is_for_one_command_at_a_time(receiver, log, tmp_path):
    """A second command is refused while the first one runs, and not when it has ended."""
    positions = tmp_path / "positions"
    arguments = ["--follow", str(log), "--position-file", str(positions)]
    follower = Follower(receiver, log, "--position-file", positions)
    for text, saved in (("", [2]), ("2\n", [4])):  # the file is another one after each save
        append(log, text)
        assert wait_for(lambda: offsets(positions) == saved)  # noqa: B023 - called here
        result = command("send", receiver.url, *arguments)
        assert result.stderr.decode() == (
            f"error: --position-file is {str(positions)!r}, which another command uses\n"
        )
    assert follower.end() == 143
    follower = Follower(receiver, log, "--position-file", positions)
    append(log, "3\n")
    assert follower.arrives("1", "2", "3")
    assert follower.end() == 143


def test_a_position_file_that_cannot_be_written_is_reported_once(log, tmp_path, capsys):
    """Each second it is tried again; only what changes is worth a line."""
    positions = PositionFile(str(tmp_path / "positions"))
    followed = positions.restore(str(log))
    assert followed.new_lines() == [b"1"]
    in_the_way = tmp_path / "positions.new"
    in_the_way.mkdir()
    assert not positions.save([followed])
    assert not positions.save([followed])
    assert capsys.readouterr().err == "--position-file cannot be written: Is a directory\n"
    in_the_way.rmdir()
    assert positions.save([followed])
    positions.close()
    followed.close()
    assert offsets(tmp_path / "positions") == [2]


@pytest.mark.skipif(sys.platform != "linux", reason="it lists its descriptors")
def test_a_file_whose_beginning_cannot_be_read_is_tried_again(log, tmp_path, capsys):
    """An error of its disk is reported, and ends nothing."""
    positions = PositionFile(str(tmp_path / "positions"))
    followed = positions.restore(str(log))
    assert followed.new_lines() == [b"1"]
    (number,) = our_descriptors(log)
    kept = os.dup(number)
    folder = os.open(tmp_path, os.O_RDONLY)
    os.dup2(folder, number)
    assert not positions.save([followed])
    assert capsys.readouterr().err == "--position-file cannot be written: Is a directory\n"
    os.dup2(kept, number)
    assert positions.save([followed])
    positions.close()
    followed.close()
    for fd in (kept, folder):
        os.close(fd)
    assert offsets(tmp_path / "positions") == [2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--follow"], "--follow is for files: name at least one, and not -"),
        (["--follow", "-"], "--follow is for files: name at least one, and not -"),
        (["--follow", "."], r"FILE is '\.', which cannot be read: .*"),
        (["--from-end", "app.log"], "--from-end and --position-file belong to --follow"),
        (["--position-file", "p"], "--from-end and --position-file belong to --follow"),
        (
            ["--follow", "app.log", "--position-file", "app.log"],
            ".*'app.log', which is followed .*",
        ),
        (["--follow", "other.log", "--position-file", "app.log"], ".*is no file of positions"),
        (["--follow", "app.log", "--position-file", "/dev/null"], ".*is no file of positions"),
        (["--follow", "app.log", "--position-file", "no/such"], ".*cannot be used: No such file.*"),
        (["--follow", "app.log", "--position-file", "."], ".*cannot be used: Is a directory"),
    ],
)
def test_what_cannot_work_is_refused(log, monkeypatch, arguments, message):
    """Each is one sentence, with status 2."""
    monkeypatch.chdir(log.parent)
    result = command("send", "http://127.0.0.1:9/events", *arguments)
    assert (result.returncode, result.stdout) == (2, b"")
    assert re.fullmatch(f"error: {message}\n", result.stderr.decode())
    assert log.read_text() == "1\n"
