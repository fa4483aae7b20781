"""A file on a full disk ends with a complete line, and what did not fit is written later."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess

import pytest
from support.handmade_spools import file_limit
from support.running import wait_for

from structlog_mozdef import RetryPolicy, Sink
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.file import FileTransport

EVENTS = [b'{"number": %d, "x": "%s"}' % (n, b"x" * 400) for n in range(2000)]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", path]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def numbers(path):
    return [json.loads(line)["number"] for line in path.read_bytes().splitlines()]


@pytest.mark.root
def test_full_disk(small_disk):
    """The lines that fit stay, complete; the others are to be sent again, soon."""
    path = small_disk / "events"
    with contextlib.closing(FileTransport(path.as_uri())) as transport:
        result = transport.send(EVENTS)
        first = result.retry[0]
        assert 100 < first < 1000
        assert list(result.retry) == list(range(first, 2000))
        assert "No space left on device" in str(result.error)
        assert (result.error.retryable, result.error.ambiguous) == (True, False)
        assert numbers(path) == list(range(first))
        with pytest.raises(TransportError, match="No space left on device"):
            transport.send(EVENTS[first:])
        assert numbers(path) == list(range(first))


@pytest.mark.root
def test_sink_on_a_full_disk(small_disk):
    """A sink keeps what does not fit, and goes on when there is space: no line twice, none torn."""
    path = small_disk / "events"
    filler = small_disk / "filler"
    filler.write_bytes(bytes(200_000))
    retry = RetryPolicy(wait_initial=0.05, wait_max=0.1)
    with Sink(path.as_uri(), linger=0.0, retry=retry) as sink:
        for event in EVENTS[:300]:
            sink.put(event)
        assert wait_for(lambda: sink.stats().failed_attempts > 2)
        assert sink.stats().buffered > 0
        filler.unlink()
        assert sink.flush(20)
        assert sink.stats().delivered == 300
    assert numbers(path) == list(range(300))


def test_file_that_must_not_grow(tmp_path):
    """A limit of the process cuts a write anywhere; the line that was cut is removed."""
    path = tmp_path / "events"
    line = len(EVENTS[0]) + 1
    with contextlib.closing(FileTransport(path.as_uri())) as transport:
        with file_limit(3 * line + 50):
            result = transport.send(EVENTS[:5])
            assert list(result.retry) == [3, 4]
            assert result.error.retryable is True
            assert numbers(path) == [0, 1, 2]
            with pytest.raises(TransportError, match="File too large"):
                transport.send(EVENTS[3:5])
            assert path.stat().st_size == 3 * line
        transport.send(EVENTS[3:5])
    assert numbers(path) == [0, 1, 2, 3, 4]


def test_first_line_does_not_fit(tmp_path):
    """Where not one line fits, the file is as it was."""
    path = tmp_path / "events"
    path.write_bytes(b'{"torn')
    with contextlib.closing(FileTransport(path.as_uri())) as transport:
        with file_limit(100), pytest.raises(TransportError, match="File too large"):
            transport.send(EVENTS[:5])
        assert path.read_bytes() == b'{"torn'


def test_somebody_appended_meanwhile(tmp_path, monkeypatch):
    """What a program without the lock appended is not cut off; the torn line is ended later."""
    path = tmp_path / "events"
    write = os.write

    def write_half(fd, data):
        if len(data) < 500:
            return write(fd, data)
        written = write(fd, data[:600])
        with path.open("ab") as stranger:
            stranger.write(b"foreign")
        monkeypatch.setattr(os, "write", fail)
        return written

    def fail(fd, data):
        monkeypatch.undo()
        raise OSError(28, "No space left on device")

    with contextlib.closing(FileTransport(path.as_uri())) as transport:
        transport.send(EVENTS[:1])
        monkeypatch.setattr(os, "write", write_half)
        result = transport.send(EVENTS[1:4])
        assert list(result.retry) == [1, 2]
        transport.send(EVENTS[2:4])
    lines = path.read_bytes().splitlines()
    assert lines[:2] + lines[3:] == EVENTS[:4]
    assert lines[2].endswith(b"foreign")


def test_forced_to_the_disk(tmp_path, monkeypatch):
    """With `fsync` each batch is forced to the disk before it counts, and a new file's folder."""
    forced = []
    for name in ("fsync", "fdatasync"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda fd, real=real: forced.append(os.fstat(fd).st_ino) or real(fd)
        )
    path = tmp_path / "events"
    with contextlib.closing(FileTransport(path.as_uri(), fsync=True)) as transport:
        transport.send(EVENTS[:1])
        transport.send(EVENTS[1:2])
    assert forced == [tmp_path.stat().st_ino] + [path.stat().st_ino] * 2
    with contextlib.closing(FileTransport(path.as_uri())) as transport:
        transport.send(EVENTS[2:3])
    assert len(forced) == 3


def test_disk_error_when_it_is_forced(tmp_path, monkeypatch):
    """A batch that did not reach the disk does not count, and may be there twice afterwards."""
    path = tmp_path / "events"

    def fail(fd):
        raise OSError(5, "Input/output error")

    with contextlib.closing(FileTransport(path.as_uri(), fsync=True)) as transport:
        monkeypatch.setattr(os, "fdatasync", fail)
        with pytest.raises(TransportError, match="Input/output error") as caught:
            transport.send(EVENTS[:1])
        assert (caught.value.retryable, caught.value.ambiguous) == (True, True)
