"""`send` reads files: several, in gzip, pipes; and says which it cannot read."""

from __future__ import annotations

import contextlib
import gzip
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading

import pytest
from support.receivers import Receiver
from support.running import command, run, start_command, wait_for


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


def send(receiver, *arguments, text=""):
    return command("send", receiver.url, *map(str, arguments), text=text)


def test_several_files_and_standard_input(receiver, tmp_path):
    """They are sent in the order in which they are named; a last line needs no end."""
    (tmp_path / "1.log").write_text("a\nb")
    (tmp_path / "2.log").write_text("d\n\n  \n")
    result = send(receiver, tmp_path / "1.log", "-", tmp_path / "2.log", text="c\n")
    assert receiver.summaries() == ["a", "b", "c", "d"]
    assert (result.returncode, result.stdout) == (0, b"")
    assert result.stderr.decode().split() == ["4", "of", "4", "events", "delivered"]


def test_gzip(receiver, tmp_path):
    """Rotated files in gzip are unpacked, of several members as well, and standard input too."""
    first, second = gzip.compress(b"a\nb"), gzip.compress(b"c\nd\n")
    (tmp_path / "1.log.gz").write_bytes(first + second + b"\0" * 10)
    assert send(receiver, tmp_path / "1.log.gz", "-", text=gzip.compress(b"e")).returncode == 0
    assert receiver.summaries() == ["a", "bc", "d", "e"]


def test_gzip_that_unpacks_to_much_takes_little_memory(receiver, tmp_path):
    """A small file that unpacks to a large one is cut into one line, and no bomb."""
    packed = tmp_path / "bomb.gz"
    with gzip.open(packed, "wb") as file:
        for _ in range(100):
            file.write(b"x" * 1_000_000)
    ended = run("measured_command", "send", receiver.url, packed)
    assert int(ended.stderr.splitlines()[-1]) < 160_000_000
    assert len(receiver.events()) == 1


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(gzip.compress(b"a\nb\n" * 999)[:-9], id="torn"),
        pytest.param(b"\x1f\x8bnonsense", id="nonsense"),
    ],
)
def test_damaged_gzip_is_reported(receiver, tmp_path, packed):
    """What can be unpacked is sent, and an error names the file; status 2."""
    (tmp_path / "damaged.gz").write_bytes(packed)
    result = send(receiver, tmp_path / "damaged.gz")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(b"error: FILE is ")
    assert b"cannot be read" in result.stderr


def test_a_pipe_with_a_name(receiver, tmp_path):
    """A pipe, as of a shell's process substitution, is read to its end."""
    os.mkfifo(tmp_path / "pipe")
    writing = threading.Thread(target=(tmp_path / "pipe").write_text, args=("a\nb\n",))
    writing.start()
    result = send(receiver, tmp_path / "pipe")
    writing.join()
    assert (result.returncode, receiver.summaries()) == (0, ["a", "b"])


def test_a_pipe_without_a_writer_can_be_interrupted(receiver, tmp_path):
    """A signal ends the wait for somebody who writes; what was read before is sent."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "first").write_text("a\n")
    process = start_command(
        [sys.executable, "-m", "structlog_mozdef", "send", receiver.url]
        + [str(tmp_path / name) for name in ("first", "pipe")]
    )
    assert wait_for(receiver.summaries)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (143, "1 of 1 event delivered\n")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "No such file"), (".", "it is a folder")],
)
def test_what_cannot_be_read_is_refused_before_anything_is_sent(receiver, tmp_path, name, reason):
    """All files are looked at before the first is read: one sentence, and status 2."""
    (tmp_path / "good").write_text("a\n")
    result = send(receiver, tmp_path / "good", tmp_path / name)
    assert (result.returncode, receiver.requests) == (2, [])
    assert re.fullmatch(
        rf"error: FILE is '.*', which cannot be read: .*{reason}.*\n", stderr(result)
    )


def stderr(result):
    return result.stderr.decode().replace(os.linesep, "\n")


def test_standard_input_twice_is_refused(receiver):
    """There is one standard input."""
    result = send(receiver, "-", "-")
    assert (result.returncode, stderr(result).count("\n")) == (2, 1)


def test_closed_standard_input_is_refused(receiver):
    """Without a standard input there is one sentence instead of a traceback."""
    for arguments in (["send", receiver.url], ["audit"]):
        ended = subprocess.run(
            [
                "sh",
                "-c",
                'exec "$@" <&-',
                "sh",
                sys.executable,
                "-m",
                "structlog_mozdef",
                *arguments,
            ],
            capture_output=True,
            text=True,
        )
        assert (ended.returncode, ended.stderr) == (2, "error: standard input is closed\n")


def on_a_terminal(*arguments):
    """Run a command whose standard error is a terminal; its status and what that shows."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(
        [sys.executable, "-m", "structlog_mozdef", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: how the end looks on Linux
        while data := os.read(ours, 4096):
            shown += data
    os.close(ours)
    stdout, _ = process.communicate(timeout=20)
    assert stdout == b""
    return process.returncode, shown.decode()


def test_progress_is_for_terminals(receiver, tmp_path):
    """A terminal gets a bar of the bytes that were read, and the result on a line of its own."""
    (tmp_path / "log").write_text("line\n" * 2_000)
    status, shown = on_a_terminal("send", receiver.url, tmp_path / "log")
    assert status == 0
    assert "10.0k/10.0k" in shown
    assert shown.splitlines()[-1] == "2,000 of 2,000 events delivered"
    result = send(receiver, tmp_path / "log")
    assert stderr(result) == "2,000 of 2,000 events delivered\n"
