"""Each exit status that is documented, in each command that can have it, and what outputs are."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.command_line_page import commands
from support.handmade_spools import events, orphan
from support.receivers import Receiver, answer
from support.running import command, free_port, start_command, wait_for

from structlog_mozdef.cli.parsing import STATUSES

MODULE = [sys.executable, "-m", "structlog_mozdef"]
COMPLETE = '{"details": {"stream_id": "a", "sequence": 1}}\n'
INCOMPLETE = '{"details": {"stream_id": "a", "sequence": 2}}\n'
LETTER = '{"reason": "no", "destination": "d", "time": "2026-01-01T00:00:00Z", "event": {}}\n'


@pytest.fixture
def receiver():
    with Receiver(lambda request: answer(400 if b"poison" in request.body else 200)) as receiver:
        yield receiver


@pytest.fixture
def folder(tmp_path):
    """A spool with a dead letter, and with events that a dead process left."""
    spool = tmp_path / "spool"
    spool.mkdir(0o700)
    orphan(spool, events(1, 2))
    (spool / "dead-letters.ndjson").write_text(LETTER)
    return spool


def arguments_for(status, receiver, folder):
    """Command lines that end with *status*, and what is on their standard input."""
    key, keys = folder.parent / "key", folder.parent / "keys"
    nobody = f"http://127.0.0.1:{free_port()}/events"
    return {
        0: {
            "send": (["send", receiver.url], "x\n"),
            "spool list": (["spool", "list", folder], ""),
            "spool drain": (["spool", "drain", folder, "--to", receiver.url], ""),
            "spool dead-letters": (["spool", "dead-letters", folder], ""),
            "spool requeue": (["spool", "requeue", folder, "--summary", "none"], ""),
            "spool purge": (["spool", "purge", folder], ""),
            "audit": (["audit"], COMPLETE),
            "seal new-key": (["seal", "new-key", key, "--verification-key", keys], ""),
            "demo": (["demo"], ""),
        },
        1: {
            "send": (["send", receiver.url], "poison\n"),
            "spool list": (["spool", "list", folder, "--fail-if-dead-letters"], ""),
            "spool drain": (["spool", "drain", folder, "--to", nobody, "--timeout", "0.2"], ""),
            "audit": (["audit"], INCOMPLETE),
            "seal verify": (["seal", "verify", "--key", keys], COMPLETE),
        },
        2: {
            "send": (["send", "nonsense"], ""),
            "spool list": (["spool", "list", folder / "missing"], ""),
            "spool drain": (["spool", "drain", folder], ""),
            "spool dead-letters": (["spool", "dead-letters", folder, "--since", "x"], ""),
            "spool requeue": (["spool", "requeue", folder, "--to", "x"], ""),
            "spool purge": (["spool", "purge", folder, "--waiting"], ""),
            "audit": (["audit", folder / "missing"], ""),
            "seal new-key": (["seal", "new-key", keys], ""),
            "seal verify": (["seal", "verify", "--key", folder / "missing"], COMPLETE),
            "collector": (["collector", "--host", "192.0.2.1"], ""),
            "demo": (["demo", "nonsense"], ""),
        },
    }[status]


@pytest.mark.parametrize("status", [0, 1, 2])
def test_statuses_of_work(status, receiver, folder):
    """A status means the same in each command; an error is one sentence or a usage."""
    keys = folder.parent / "keys"
    if status:
        keys.write_text("")
        command("seal", "new-key", str(folder.parent / "other"), "--verification-key", str(keys))
    for name, (arguments, text) in arguments_for(status, receiver, folder).items():
        ended = command(*map(str, arguments), text=text)
        error = ended.stderr.decode()
        assert ended.returncode == status, (name, error)
        if status == 2:
            assert ended.stdout == b"", name
            assert error.count("\n") == 1 or error.startswith("usage: "), name


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_statuses_of_signals(number, receiver):
    """A command that a signal ends says so by its status."""
    for arguments in (["send", receiver.url], ["audit"]):
        process = start_command([*MODULE, *arguments], stdin=subprocess.PIPE)
        process.stdin.write(COMPLETE * 1000)
        process.stdin.flush()
        assert wait_for(lambda pid=process.pid: handles(pid, number))
        process.send_signal(number)
        process.communicate(timeout=20)
        assert process.returncode == 128 + number


def handles(pid, number):
    """Whether a process has a handler of its own for a signal, and waits in it for input."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = re.search(r"SigCgt:\s*(\w+)", status).group(1)
    waits = Path(f"/proc/{pid}/wchan").read_text()
    return int(caught, 16) >> (number - 1) & 1 and ("pipe" in waits or "poll" in waits)


@pytest.mark.parametrize("buffered", ["", "1"])
def test_statuses_of_output(buffered):
    """A command whose output nobody reads ends with 141, help included."""
    for arguments in ([], ["--version"], ["send"], ["spool", "list"], ["demo"]):
        words = arguments if arguments == ["--version"] else [*arguments, "--help"]
        read, write = os.pipe()
        os.close(read)
        ended = subprocess.run(
            [*MODULE, *words],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": buffered},
        )
        os.close(write)
        assert (ended.returncode, ended.stderr) == (141, "")


def test_every_status_is_tried():
    """This file has a test of each status that the help and the page name."""
    assert list(STATUSES) == ["0", "1", "2", "129, 130, 143", "141"]
    tried = {name for status in (0, 1, 2) for name in arguments_names(status)}
    assert tried == dict(commands()).keys()


def arguments_names(status):
    return arguments_for(status, SimpleNamespace(url=""), Path("spool"))


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it is there on Linux only")
@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["spool", "list"], ["spool", "dead-letters"], ["spool", "purge"], ["audit"]],
    ids=" ".join,
)
def test_an_output_that_is_full(arguments, buffered, folder):
    """Where the disk of the output is full, one sentence says that; it is no fault of a spool."""
    (folder / "dead-letters.ndjson").write_text(LETTER * 2_000)
    place = [folder] if arguments[0] == "spool" else []
    environment = {**os.environ, "PYTHONUNBUFFERED": buffered}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*MODULE, *arguments, *place],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
    expected = "error: standard output cannot be written: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (2, expected)


ENCODINGS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1:strict"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LC_ALL": "C"},
]


@pytest.mark.parametrize("environment", ENCODINGS, ids=str)
def test_terminals_that_know_few_characters(environment, receiver, tmp_path):
    """What an output cannot show is escaped, in each command, and is no error."""
    folder = tmp_path / "späth-雪"
    folder.mkdir(0o700)
    orphan(folder, events(1, 1), metadata={"format": 1, "destination": "d-雪", "pid": 1})
    (folder / "dead-letters.ndjson").write_text(LETTER.replace("no", "Fräulein 雪"))
    log = folder / "雪.log"
    log.write_text("雪 é\n")
    record = '{"details": {"stream_id": "雪", "sequence": 2}, "source": "é"}\n'
    key = tmp_path / "雪.key"
    for status, arguments, text in (
        (0, ["send", receiver.url, log], ""),
        (2, ["send", receiver.url, folder / "雪-missing"], ""),
        (2, ["send", "雪"], ""),
        (0, ["spool", "list", folder], ""),
        (0, ["spool", "list", folder, "--json"], ""),
        (0, ["spool", "dead-letters", folder], ""),
        (2, ["spool", "list", folder / "雪"], ""),
        (2, ["spool", "list", folder, "--fail-if-older", "雪"], ""),
        (0, ["spool", "purge", folder, "--waiting", "--yes"], ""),
        (1, ["audit"], record),
        (1, ["audit", "--json"], record),
        (0, ["seal", "new-key", key], ""),
        (2, ["seal", "new-key", key], ""),
        (2, ["collector", "--host", "雪"], ""),
    ):
        ended = command(*map(str, arguments), text=text, env=environment)
        assert b"Traceback" not in ended.stderr, (arguments, ended.stderr)
        assert ended.returncode == status, (arguments, ended.stderr)
    assert receiver.summaries() == ["雪 é"]
