"""A file that is rotated, removed, linked or shared loses no line, and tears none."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from support.errors import error_of
from support.running import PROGRAMS, run, start_command
from support.storms import storm, stormy

from structlog_mozdef import Sink
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.file import FileTransport

EVENT = b'{"summary": "a"}'
OTHER = b'{"summary": "b"}'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.ndjson"


@pytest.fixture
def transport(path):
    with contextlib.closing(FileTransport(path.as_uri(), write_timeout=0.5)) as transport:
        yield transport


def lines(path):
    return path.read_bytes().splitlines()


def test_renamed(transport, path):
    """After logrotate's usual rename the next event makes a new file."""
    transport.send([EVENT])
    path.rename(path.with_suffix(".1"))
    transport.send([OTHER])
    assert (lines(path.with_suffix(".1")), lines(path)) == ([EVENT], [OTHER])


def test_renamed_and_made_by_another_program(transport, path):
    """A file that another program made under the path is used as it is."""
    transport.send([EVENT])
    path.rename(path.with_suffix(".1"))
    path.touch(0o640)
    transport.send([OTHER])
    assert (lines(path), stat.S_IMODE(path.stat().st_mode)) == ([OTHER], 0o640)


def test_removed(transport, path):
    """A file that was removed is made again."""
    transport.send([EVENT])
    path.unlink()
    transport.send([OTHER])
    assert lines(path) == [OTHER]


def test_removed_while_it_was_written(transport, path, monkeypatch):
    """Lines that went to a file which was removed in that moment are written again."""
    transport.send([EVENT])
    write = os.write

    def remove_and_write(fd, data):
        path.unlink()
        monkeypatch.undo()
        return write(fd, data)

    monkeypatch.setattr(os, "write", remove_and_write)
    transport.send([OTHER])
    assert lines(path) == [OTHER]


def test_copied_and_truncated(transport, path):
    """After copytruncate the file goes on at its beginning, without a hole."""
    transport.send([EVENT] * 100)
    shutil.copy(path, path.with_suffix(".1"))
    os.truncate(path, 0)
    transport.send([OTHER])
    assert (lines(path), len(lines(path.with_suffix(".1")))) == ([OTHER], 100)


def test_rotated_under_load(path, tmp_path):
    """A sink that never pauses loses nothing while its file is rotated by rename."""
    with Sink(path.as_uri(), linger=0.0, batch_events=50) as sink:
        for number in range(3000):
            sink.put(b'{"summary": "%d"}' % number)
            if number % 300 == 299:
                sink.flush(10) if number % 600 == 299 else None
                with contextlib.suppress(FileNotFoundError):
                    path.rename(tmp_path / f"old.{number}")
        assert sink.flush(10)
        stats = sink.stats()
    assert (stats.delivered, stats.sent) == (3000, 0)
    found = [json.loads(line) for file in tmp_path.iterdir() for line in lines(file)]
    assert sorted(int(event["summary"]) for event in found) == list(range(3000))


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_permissions(path, umask):
    """A new file has the permissions that were asked for, whatever the umask is."""
    kept = os.umask(umask)
    try:
        FileTransport(path.as_uri(), mode=0o640).send([EVENT])
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.unlink()
        FileTransport(path.as_uri()).send([EVENT])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(kept)


def test_existing_file_keeps_its_permissions(path):
    """What an administrator set is left alone, and what the file holds is kept."""
    path.write_bytes(OTHER + b"\n")
    path.chmod(0o664)
    FileTransport(path.as_uri()).send([EVENT])
    assert (lines(path), stat.S_IMODE(path.stat().st_mode)) == ([OTHER, EVENT], 0o664)


def test_link_to_a_file(transport, path, tmp_path):
    """A log that is kept elsewhere is written through its link."""
    (tmp_path / "elsewhere").touch()
    path.symlink_to("elsewhere")
    transport.send([EVENT])
    assert (lines(tmp_path / "elsewhere"), path.is_symlink()) == ([EVENT], True)


def test_link_to_nothing(transport, path, tmp_path):
    """No file is made through a link, which somebody else may have put there."""
    path.symlink_to("elsewhere")
    error = error_of(transport.send, [EVENT])
    assert (error.retryable, "symbolic link to nothing" in str(error)) == (False, True)
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "elsewhere").touch()
    transport.send([EVENT])
    assert lines(tmp_path / "elsewhere") == [EVENT]


def test_link_is_changed(transport, path, tmp_path):
    """A link that leads to another file from now on is followed there."""
    for name in ("one", "two"):
        (tmp_path / name).touch()
        path.unlink(missing_ok=True)
        path.symlink_to(name)
        transport.send([name.encode()])
    assert (lines(tmp_path / "one"), lines(tmp_path / "two")) == ([b"one"], [b"two"])


def test_missing_folder(tmp_path):
    """A folder that is missing needs somebody to make it; the events are kept."""
    transport = FileTransport((tmp_path / "later" / "events").as_uri())
    error = error_of(transport.send, [EVENT])
    assert (error.retryable, "No such file or directory" in str(error)) == (False, True)
    (tmp_path / "later").mkdir()
    transport.send([EVENT])
    assert lines(tmp_path / "later" / "events") == [EVENT]


def test_path_becomes_a_folder(transport, path):
    """The error says so where the path leads to a folder."""
    path.mkdir()
    error = error_of(transport.send, [EVENT])
    assert (error.retryable, "Is a directory" in str(error)) == (False, True)


@pytest.fixture
def reachable_path():
    """A file that another user can reach, unlike those below `tmp_path`."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "events")
        path.touch()
        path.parent.chmod(0o755)
        yield path


def test_permission_denied(reachable_path):
    """A file that must not be written needs a change of settings; the events are kept."""
    reachable_path.chmod(0o444)
    result = run("file_denied", reachable_path, timeout=30).stdout
    assert result == "the file cannot be written: Permission denied, retryable: False\n"


def test_write_only_file(reachable_path):
    """A file that may be written and not read is written."""
    reachable_path.chmod(0o222)
    assert run("file_denied", reachable_path, timeout=30).stdout == "written\n"


def test_torn_line_of_another_process(transport, path):
    """Where a process died within a line, the next event begins on a line of its own."""
    path.write_bytes(b'{"summary": "to')
    transport.send([EVENT])
    assert lines(path) == [b'{"summary": "to', EVENT]


def test_line_breaks_in_an_event(transport, path):
    """An event with line breaks between its tokens is one line."""
    transport.send([b'{"a":\n1,\r\n"b": 2}'])
    assert lines(path) == [b'{"a": 1,  "b": 2}']


def test_several_processes(path):
    """Processes that append to one file at the same time tear none of each other's lines."""
    processes = [
        start_command([sys.executable, str(PROGRAMS / "file_writer.py"), path.as_uri(), str(n)])
        for n in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    found = [json.loads(line) for line in lines(path)]
    for writer in range(3):
        assert [e["number"] for e in found if e["writer"] == writer] == list(range(2000))


def test_locked_by_another_process(transport, path):
    """A file that stays locked is tried again later; the wait has an end."""
    transport.send([EVENT])
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        began = time.monotonic()
        error = error_of(transport.send, [EVENT])
        assert 0.4 < time.monotonic() - began < 5
    assert (error.retryable, "keeps it locked" in str(error)) == (True, True)
    transport.send([OTHER])
    assert lines(path) == [EVENT, OTHER]


def test_rotated_while_it_was_locked(transport, path):
    """After waiting for the lock, the transport checks again which file the path means."""
    transport.send([EVENT])
    old = path.with_suffix(".1")
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def rotate():
            time.sleep(0.1)
            path.rename(old)
            fcntl.flock(other, fcntl.LOCK_UN)

        thread = threading.Thread(target=rotate)
        thread.start()
        transport.send([OTHER])
        thread.join()
    assert (lines(old), lines(path)) == ([EVENT], [OTHER])


def test_lock_is_released(transport, path):
    """Between batches the file is free for others."""
    transport.send([EVENT])
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_named_pipe(path):
    """A named pipe has its reader; without one, events are kept, and nothing waits forever."""
    os.mkfifo(path)
    transport = FileTransport(path.as_uri(), write_timeout=0.5)
    assert transport.confirms is False
    assert error_of(transport.send, [EVENT]).retryable is True
    for event in (EVENT, OTHER):  # a reader that comes, and another one after it has gone
        with subprocess.Popen(["head", "-n1", path], stdout=subprocess.PIPE) as reader:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                with contextlib.suppress(TransportError):
                    transport.send([event])
                    break
                time.sleep(0.01)
            assert reader.communicate(timeout=10)[0] == event + b"\n"
    transport.close()


def test_named_pipe_is_replaced(path):
    """A path that leads to a file from now on is followed there."""
    os.mkfifo(path)
    transport = FileTransport(path.as_uri())
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    transport.send([EVENT])
    path.unlink()
    transport.send([OTHER])
    assert (lines(path), transport.confirms) == ([OTHER], True)
    transport.close()
    os.close(reader)


def test_device(tmp_path):
    """A device confirms nothing."""
    transport = FileTransport("file:///dev/null")
    transport.send([EVENT])
    assert transport.confirms is False


def test_close_releases_the_file(transport, path):
    """A closed transport holds no descriptor."""
    transport.send([EVENT])
    transport.close()
    links = list(pathlib.Path("/proc/self/fd").iterdir())
    assert path not in [link.readlink() for link in links if link.is_symlink()]


@stormy
def test_no_file_stays_locked(path):
    """After any exception of a signal handler the file is free for other processes at once."""
    with (
        contextlib.closing(FileTransport(path.as_uri())) as interrupted,
        contextlib.closing(FileTransport(path.as_uri(), write_timeout=0.01)) as other,
    ):
        for _ in range(200):
            assert storm(lambda: interrupted.send([EVENT]), raises=1, longest=5e-5) == 1
            other.send([OTHER])
