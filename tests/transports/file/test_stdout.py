"""Standard output gets complete lines, whatever reads it, and however slowly."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest
from support.running import finish, standard_output, start, start_command

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.file import FileTransport

EVENT = b'{"summary": "a"}'
LARGE = [b'{"number": %d, "x": "%s"}' % (n, b"x" * 50_000) for n in range(5)]


def transport_to(fd):
    with standard_output(fd):
        return FileTransport("-", write_timeout=0.2)


@pytest.fixture
def pipe():
    """The end to read from, and a transport to the other one."""
    reader, writer = os.pipe()
    with contextlib.closing(transport_to(writer)) as transport:
        yield reader, transport
    os.close(reader)


def forbidden(path, flags):
    raise PermissionError(13, "Permission denied", path)


def read(fd, size):
    data = b""
    while len(data) < size:
        data += os.read(fd, size - len(data))
    return data


def test_slow_reader(pipe):
    """A line that did not fit is finished first, and counts then; nothing is torn or repeated."""
    reader, transport = pipe
    began = time.monotonic()
    result = transport.send(LARGE)
    assert 0.1 < time.monotonic() - began < 5
    assert list(result.retry) == [1, 2, 3, 4]
    assert (result.error.retryable, "timed out" in str(result.error)) == (True, True)
    data = b""
    waiting = LARGE[1:]
    while waiting:
        data += read(reader, 30_000)
        with contextlib.suppress(TransportError):  # nothing that counts got through
            result = transport.send(waiting)
            waiting = waiting[result.retry[0] :] if result.retry else []
    os.set_blocking(reader, False)
    data += os.read(reader, 1_000_000)
    assert data.splitlines() == LARGE


def test_slow_reader_of_one_line(pipe):
    """Where not even one line got through, nothing counts."""
    reader, transport = pipe
    event = b'{"x": "%s"}' % (b"x" * 100_000)
    with pytest.raises(TransportError, match="timed out"):
        transport.send([event])
    data = read(reader, 60_000)
    transport.send([event])
    data += read(reader, len(event) + 1 - 60_000)
    assert data == event + b"\n"


def test_torn_line_that_was_dropped(pipe):
    """The rest of a line is written even where its event does not come again."""
    reader, transport = pipe
    with pytest.raises(TransportError):
        transport.send([b"x" * 100_000])
    data = read(reader, 60_000)
    transport.send([EVENT])
    data += read(reader, 40_000 + 1 + len(EVENT) + 1)
    assert data.splitlines() == [b"x" * 100_000, EVENT]


def test_closing_finishes_a_line(pipe):
    """What is left of a line when the program ends is written, if there is space."""
    reader, transport = pipe
    with pytest.raises(TransportError):
        transport.send([b"x" * 100_000])
    data = read(reader, 60_000)
    transport.close()
    assert data + read(reader, 40_001) == b"x" * 100_000 + b"\n"


def test_forked_child_leaves_the_line_to_its_parent(pipe):
    """The rest of a line is written once, by the process that began it."""
    reader, transport = pipe
    with pytest.raises(TransportError):
        transport.send([b"x" * 100_000])
    transport.after_fork_in_child()
    os.set_blocking(reader, False)
    begun = os.read(reader, 1_000_000)
    transport.send([EVENT])
    assert (set(begun), os.read(reader, 1_000_000)) == (set(b"x"), EVENT + b"\n")


def test_closed_pipe(pipe):
    """A reader that is gone does not come back; the events are kept."""
    reader, transport = pipe
    transport.send([EVENT])
    kept = os.dup(reader)
    other, _ = os.pipe()
    os.dup2(other, reader)
    os.close(kept)
    with pytest.raises(TransportError, match="Broken pipe") as caught:
        transport.send([EVENT])
    assert (caught.value.retryable, caught.value.ambiguous) == (False, False)


def test_descriptor_is_that_of_the_beginning(tmp_path):
    """What descriptor 1 becomes later, a database for example, gets no events."""
    with standard_output(os.open(tmp_path / "output", os.O_WRONLY | os.O_CREAT)):
        transport = FileTransport("-")
        database = os.open(tmp_path / "database", os.O_WRONLY | os.O_CREAT)
        os.dup2(database, 1)
        os.close(database)
        transport.send([EVENT])
    assert (tmp_path / "output").read_bytes() == EVENT + b"\n"
    assert (tmp_path / "database").read_bytes() == b""


def test_shared_descriptor_stays_blocking():
    """Other users of a pipe never find it non-blocking."""
    reader, writer = os.pipe()
    other = os.dup(writer)
    transport = transport_to(writer)
    transport.send([EVENT])
    assert os.get_blocking(other)
    transport.close()
    for fd in (reader, other):
        os.close(fd)


def test_pipe_that_cannot_be_opened_again(monkeypatch):
    """Without a descriptor of its own the transport waits for space, but no longer."""
    reader, writer = os.pipe()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", forbidden)
        transport = transport_to(writer)
    with contextlib.closing(transport):
        began = time.monotonic()
        result = transport.send(LARGE)
        assert result.retry
        assert time.monotonic() - began < 5
        transport.after_fork_in_child()
    os.close(reader)


def test_file_position_is_shared(tmp_path):
    """What the program prints into the same file is not overwritten."""
    fd = os.open(tmp_path / "output", os.O_WRONLY | os.O_CREAT)
    other = os.dup(fd)
    transport = transport_to(fd)
    for _ in range(3):
        transport.send([EVENT])
        os.write(other, b"printed\n")
    os.close(other)
    assert (tmp_path / "output").read_bytes() == (EVENT + b"\nprinted\n") * 3


def valid(output):
    """Return the objects in lines of JSON; fail where a line is not JSON."""
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("size", [10, 3000])
def test_prints_come_between_lines(size):
    """A program that prints and logs to the same pipe writes only complete lines."""
    output = finish(start("standard_output", 300, size)).stdout
    events = valid(output)
    assert [event["number"] for event in events if "number" in event] == list(range(300))
    assert sum("printed" in event for event in events) == 30


def test_program_into_a_slow_reader():
    """A reader that starts late gets all lines of a program that ends in order."""
    process = start("standard_output", 300, 3000)
    time.sleep(0.3)
    assert [e["number"] for e in valid(finish(process).stdout) if "number" in e][-1] == 299


def test_program_whose_reader_is_gone():
    """The log calls of a program go on, and its end is not held up, when nobody reads."""
    program = "import sys, structlog_mozdef as m\ns = m.Sink('-', exit_timeout=1)\n"
    program += 'for n in range(2000): s.put(b\'{"n": %d, "x": "%s"}\' % (n, b\'x\' * 500))\n'
    program += "print('done', file=sys.stderr)"
    process = start_command([sys.executable, "-c", program])
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "done" in errors
    assert "events did not arrive at standard output" in errors


def test_command_line():
    """``send -`` makes MozDef events of lines, and writes them to standard output alone."""
    process = subprocess.run(
        [sys.executable, "-m", "structlog_mozdef", "send", "-", "--tag", "t"],
        input=b'plain text\n{"event": "logged in", "user": "kang"}\n',
        capture_output=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    first, second, end = valid(process.stdout)
    assert end["details"]["stream_end"]
    assert (first["summary"], first["tags"]) == ("plain text", ["t"])
    assert (second["summary"], second["details"]["user"]) == ("logged in", "kang")
    assert b"2 of 2 events" in process.stderr


def test_logger():
    """A configured logger writes one valid event a line."""
    program = "import structlog, structlog_mozdef as m\nm.configure('-', tags=['x'])\n"
    program += "structlog.get_logger().error('a\\nb', n=1)\n"
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=True
    ).stdout
    event, end = valid(output)
    assert (event["summary"], event["severity"]) == ("a\nb", "ERROR")
    assert end["details"]["stream_end"]


def test_program_that_was_started_without_standard_output(tmp_path):
    """The number 1 is a database of the program's own then: it gets no events."""
    program = (
        "import os, sys\n"
        f"database = os.open({str(tmp_path / 'database')!r}, os.O_WRONLY | os.O_CREAT)\n"
        "assert database == 1\n"
        "from structlog_mozdef.transports.file import FileTransport\n"
        "FileTransport('-').send([b'{}'])\n"
    )
    finished = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", program],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert "standard output, which it means, is closed" in finished.stderr
    assert (tmp_path / "database").read_bytes() == b""


def test_file_that_ends_within_a_line(tmp_path):
    """After a process that died within a line (``program >> file``) no event is a part of it."""
    path = tmp_path / "output"
    path.write_bytes(b'{"summary": "tor')
    transport = transport_to(os.open(path, os.O_WRONLY | os.O_APPEND))
    transport.send([EVENT])
    transport.send([EVENT])
    assert path.read_bytes() == b'{"summary": "tor\n' + (EVENT + b"\n") * 2
