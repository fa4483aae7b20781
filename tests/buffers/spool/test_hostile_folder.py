"""Anything in a spool folder, of any owner, is delivered, rejected, quarantined or reported."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path

import pytest
from support.handmade_spools import DESTINATION, drain, events, letters, orphan, spool_on
from support.running import forks, run

from structlog_mozdef import Sink
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.spool import Spool, SpoolOptions, SpoolTimings
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.exceptions import SpoolError
from structlog_mozdef.transports.memory import MemoryTransport

SOMEBODY_ELSE = 12345
OPTIONS = {
    "max_events": sys.maxsize,
    "max_bytes": 10_000_000,
    "when_full": "drop_newest",
    "sync": "never",
    "timings": SpoolTimings(rescan_interval=0.0),
}
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def put_symlink(path):
    path.symlink_to("/etc/passwd")


def put_device(path):
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 7))  # /dev/full


def put_full_folder(path):
    path.mkdir()
    (path / "file").write_text("somebody's")


OBSTACLES = {
    "symlink": put_symlink,
    "dangling": lambda path: path.symlink_to("nothing"),
    "fifo": os.mkfifo,
    "folder": lambda path: path.mkdir(),
    "full folder": put_full_folder,
    "device": put_device,
}
obstacles = pytest.mark.parametrize(
    "obstacle",
    [pytest.param(name, marks=[root_only] if name == "device" else []) for name in OBSTACLES],
)


def streams(path):
    return [entry.name for entry in path.iterdir() if entry.name[-4:].isalnum() and entry.is_dir()]


@obstacles
def test_instead_of_a_segment(obstacle, tmp_path):
    """A segment that is not a file is skipped, and the segments around it are delivered."""
    stream = orphan(tmp_path, events(1), [], events(3))
    (stream / "0000000002.ndjson").unlink()
    OBSTACLES[obstacle](stream / "0000000002.ndjson")
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1, 3)
    assert len(spool) == 0
    spool.close()


@obstacles
def test_instead_of_the_ack_offset(obstacle, tmp_path):
    """An ack offset that is not a file is never written to; a file replaces it."""
    stream = orphan(tmp_path, events(1, 2, 3))
    OBSTACLES[obstacle](stream / "position")
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    spool.ack(spool.peek(2, 1000))
    assert stat.S_ISREG((stream / "position").lstat().st_mode)
    spool.close()
    spool = spool_on(tmp_path)
    assert drain(spool) == events(3)
    spool.close()


@obstacles
def test_instead_of_the_next_ack_offset(obstacle, tmp_path):
    """Nothing left there by a crash, or by somebody, keeps the ack offset from being written."""
    stream = orphan(tmp_path, events(1, 2, 3))
    OBSTACLES[obstacle](stream / "position.new")
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    spool.ack(spool.peek(2, 1000))
    spool.close()
    spool = spool_on(tmp_path)
    assert drain(spool) == events(3)
    spool.close()


@obstacles
def test_instead_of_the_metadata(obstacle, tmp_path):
    """Metadata that is not a file is ignored: the folder has one destination."""
    stream = orphan(tmp_path, events(1))
    (stream / "stream.json").unlink()
    OBSTACLES[obstacle](stream / "stream.json")
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1)
    spool.close()


@obstacles
def test_instead_of_a_stream(obstacle, tmp_path):
    """A stream that is not a folder is left alone, and a folder without events is removed."""
    orphan(tmp_path, events(1))
    OBSTACLES[obstacle](tmp_path / f"1790000000000-1-{7:016x}")
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1)
    spool.close()


@obstacles
def test_instead_of_the_dead_letters(obstacle, tmp_path, caplog):
    """If the file cannot be used, this is reported, and the event is lost and counted."""
    spool = spool_on(tmp_path)
    OBSTACLES[obstacle](tmp_path / "dead-letters.ndjson")
    spool.append(b'{"summary": "bad"}')
    spool.reject(spool.peek(1, 1000).events[0], "HTTP 400")
    spool.ack(spool.peek(1, 1000))
    assert "dead letters could not be kept" in caplog.text
    assert (spool.counts().dead_lettered, spool.dropped()) == (0, {"disk error": 1})
    assert len(spool.dead_letters()) == 1
    spool.close()


def test_what_cannot_be_removed_is_quarantined(tmp_path):
    """A drained stream with something of somebody in it is not adopted again and again."""
    stream = orphan(tmp_path, events(1))
    put_full_folder(stream / "notes")
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1)
    spool.adopt_orphans()
    assert [path.name for path in tmp_path.iterdir()] == [f"{stream.name}.aside"]
    spool.close()


def test_a_huge_line(tmp_path):
    """A line of 10 MB and more without an end costs little memory, and no other event."""
    stream = orphan(tmp_path, events(1))
    with (stream / "0000000002.ndjson").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + events(2)[0] + b"\n")
    spool = spool_on(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert drain(spool) == events(1, 2)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
    assert [letter["reason"] for letter in letters(tmp_path)] == ["a line without an end"]
    assert spool.counts().dead_lettered == 1
    spool.close()


def test_garbage(tmp_path):
    """Lines that are no JSON objects are dead letters, and the events between them come out."""
    garbage = [b"\x00\xff\xfe", b"[1, 2]", b"17", b'{"torn": "', b"\x1b[2J", b""]
    orphan(tmp_path, [garbage[0], events(1)[0], *garbage[1:4], events(2)[0], *garbage[4:]])
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1, 2)
    assert len(letters(tmp_path)) == 5
    counts = spool.counts()
    assert (counts.accepted, counts.delivered, counts.dead_lettered) == (0, 2, 5)
    spool.close()


def test_a_torn_tail_that_is_an_event(tmp_path):
    """The last line of a dead process is an event where only its line end is missing."""
    stream = orphan(tmp_path, events(1))
    with (stream / "0000000001.ndjson").open("ab") as file:
        file.write(events(2)[0])
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1, 2)
    spool.close()


def test_a_zeroed_tail(tmp_path):
    """Zeros, as a crash of the machine leaves them, are one dead letter."""
    stream = orphan(tmp_path, events(1))
    with (stream / "0000000001.ndjson").open("ab") as file:
        file.write(bytes(5000))
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1)
    assert len(letters(tmp_path)) == 1
    spool.close()


def test_a_dead_letter_that_a_crash_has_torn(tmp_path):
    """The next dead letter begins on a line of its own."""
    (tmp_path / "dead-letters.ndjson").write_bytes(b'{"time": "2026-01-01T00:00')
    spool = spool_on(tmp_path)
    spool.reject(b"{}", "HTTP 400")
    spool.close()
    lines = (tmp_path / "dead-letters.ndjson").read_bytes().splitlines()
    assert json.loads(lines[1])["reason"] == "HTTP 400"


pytestmark = forks


# Whose folder it is.


def sink_on(path):
    return Sink(MemoryTransport(), spool=path)


def as_somebody_else(function):
    """Call *function* in a child that is no longer root; the message of its `SpoolError`."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        message = ""
        try:
            os.setuid(SOMEBODY_ELSE)
            function()
        except SpoolError as error:
            message = str(error)
        finally:
            os.write(writing, message.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as file:
        return file.read().decode()


@pytest.fixture
def open_tmp_path():
    """A folder that others can enter."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@root_only
def test_a_folder_of_another_user(open_tmp_path):
    """A folder that another user owns is rejected, and the way out is named."""
    (open_tmp_path / "spool").mkdir(0o700)
    message = as_somebody_else(lambda: SpoolFolder(open_tmp_path / "spool", DESTINATION))
    assert "belongs to user 0; it must belong to user 12345" in message
    assert "install -d -m 700 -o 12345" in message


@root_only
def test_root_in_the_folder_of_another_user(open_tmp_path):
    """What root writes there belongs to that user, who can adopt it: root may start a service."""
    path = open_tmp_path / "spool"
    path.mkdir(0o700)
    os.chown(path, SOMEBODY_ELSE, SOMEBODY_ELSE)
    spool = spool_on(path)
    spool.append(events(1)[0])
    spool.reject(spool.peek(1, 1000).events[0], "HTTP 400")
    spool.ack(spool.peek(1, 1000))
    spool.append(events(2)[0])
    spool.close()
    assert {file.stat().st_uid for file in path.rglob("*")} == {SOMEBODY_ELSE}
    found = as_somebody_else(lambda: _raise_what_is_drained(path))
    assert found == str(events(2))


def _raise_what_is_drained(path):
    raise SpoolError(str(drain(spool_on(path))))


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o775])
def test_a_folder_below_one_that_others_can_write(open_tmp_path, mode):
    """A folder that others can replace by a link between a check and its use is rejected."""
    parent = open_tmp_path / "parent"
    parent.mkdir()
    parent.chmod(mode)
    os.chown(parent, -1, 12345)  # a group that others may be in
    with pytest.raises(SpoolError, match=rf"is below '.*parent' of mode {mode:o}"):
        sink_on(parent / "deep" / "spool")


def test_a_folder_below_a_sticky_one(open_tmp_path):
    """Below a folder like /tmp only the owner can replace it."""
    (open_tmp_path / "parent").mkdir()
    (open_tmp_path / "parent").chmod(0o1777)
    with sink_on(open_tmp_path / "parent" / "spool") as sink:
        sink.put(b"{}")
        assert sink.flush()


def test_a_home_folder(tmp_path, monkeypatch):
    """``~`` in the path stands for the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with sink_on("~/spool"):
        assert os.listdir(tmp_path) == ["spool"]


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    """Where `flock` does not work the constructor says so."""

    def no_locks(fd, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(SpoolError, match=r"without locks \(flock: No locks available\)"):
        sink_on(tmp_path / "spool")


@root_only
@pytest.mark.parametrize("hops", [1, 2])
def test_a_symbolic_link_of_another_user(tmp_path, hops):
    """A folder that another user's link leads to is rejected, directly or behind our own link."""
    (tmp_path / "spool").mkdir(0o700)
    (tmp_path / "theirs").symlink_to(tmp_path)
    os.chown(tmp_path / "theirs", SOMEBODY_ELSE, SOMEBODY_ELSE, follow_symlinks=False)
    (tmp_path / "ours").symlink_to(tmp_path / "theirs")
    with pytest.raises(SpoolError, match=r"leads through '.*/theirs', a symbolic link of another"):
        sink_on(tmp_path / ("theirs" if hops == 1 else "ours") / "spool")


def test_a_symbolic_link_of_our_own(tmp_path):
    """A folder behind our own link is used."""
    (tmp_path / "spool").mkdir(0o700)
    (tmp_path / "ours").symlink_to(tmp_path)
    with sink_on(tmp_path / "ours" / "spool") as sink:
        sink.put(b"{}")
        assert sink.flush()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777, 0o720])
def test_a_folder_that_others_can_write(tmp_path, mode):
    """A folder that its group or others can write to is rejected."""
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(mode)
    with pytest.raises(SpoolError, match=rf"has mode {mode:o}; nobody else may write to it"):
        sink_on(tmp_path / "spool")


def test_no_folder(tmp_path):
    """A file instead of the folder is rejected."""
    (tmp_path / "spool").write_text("")
    with pytest.raises(SpoolError, match=r"must be a folder that can be made and written"):
        sink_on(tmp_path / "spool")


@root_only
def test_a_stream_of_another_user(tmp_path, caplog):
    """A stream that another user owns is left alone, and this is reported."""
    stream = orphan(tmp_path, events(1))
    os.chown(stream, SOMEBODY_ELSE, SOMEBODY_ELSE)
    spool = spool_on(tmp_path)
    assert drain(spool) == []
    assert "is left alone: it belongs to another user" in caplog.text
    spool.close()


@root_only
def test_a_segment_of_another_user(tmp_path):
    """A segment that another user owns is skipped."""
    stream = orphan(tmp_path, events(1), events(2))
    os.chown(stream / "0000000001.ndjson", SOMEBODY_ELSE, SOMEBODY_ELSE)
    spool = spool_on(tmp_path)
    assert drain(spool) == events(2)
    spool.close()


@root_only
@pytest.mark.parametrize("user", [0, SOMEBODY_ELSE])
@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
def test_modes(umask, user):
    """Folders are 0700 and files 0600 whatever the umask, for root and for others."""
    home = Path(tempfile.mkdtemp())  # others cannot enter tmp_path
    try:
        os.chown(home, user, user)
        found = json.loads(run("spool_modes", home / "deep" / "spool", umask, user).stdout)
    finally:
        shutil.rmtree(home)
    assert found["numbers"] == [1, 2]
    files = {name for name in found["modes"] if name.endswith((".json", ".ndjson", "position"))}
    assert len(files) == 4
    assert {found["modes"][name] for name in files} == {"600"}
    assert {mode for name, mode in found["modes"].items() if name not in files} == {"700"}


# What is written to it, and whom it serves.


def test_no_secret(tmp_path):
    """Neither the names nor the files of a spool hold credentials, or the query of the URL."""
    url = "http://kang:s3cret@127.0.0.1:9/events?token=t0ken"
    sink = Sink(url, spool=tmp_path, linger=60)
    sink.put(b'{"summary": "event"}')
    everything = "".join(
        f"{path}\n{path.read_text() if path.is_file() else ''}" for path in tmp_path.rglob("*")
    )
    assert "127.0.0.1:9/events" in everything
    assert not any(secret in everything for secret in ("kang", "s3cret", "t0ken", "token"))
    sink.close(0)


def test_another_destination(tmp_path):
    """A folder for another destination is rejected; both are named, without credentials."""
    orphan(
        tmp_path, events(1), metadata={"format": 1, "destination": "http://a.example.com/events"}
    )
    with pytest.raises(SpoolError) as caught:
        Sink("http://me:secret@b.example.com/events", spool=tmp_path)
    message = str(caught.value)
    assert "'http://a.example.com/events'" in message
    assert "'http://b.example.com/events'" in message
    assert "secret" not in message


def test_a_destination_that_would_move_the_cursor(tmp_path):
    """An error message shows control characters of metadata as text."""
    orphan(tmp_path, events(1), metadata={"format": 1, "destination": "http://\x1b[2Jx"})
    with pytest.raises(SpoolError) as caught:
        SpoolFolder(tmp_path, DESTINATION)
    assert str(caught.value).isprintable()


def test_a_later_format(tmp_path, caplog):
    """A stream of a later format is neither delivered nor removed, and this is reported."""
    stream = orphan(tmp_path, events(1), metadata={"format": 2, "destination": DESTINATION})
    orphan(tmp_path, events(2), number=2)
    spool = spool_on(tmp_path)
    assert drain(spool) == events(2)
    assert (stream / "0000000001.ndjson").read_bytes() == events(1)[0] + b"\n"
    assert f"{stream.name} in the spool" in caplog.text
    assert "format 2" in caplog.text
    spool.close()


@pytest.mark.parametrize(
    "metadata", ["", "{", "[]", "null", '{"format": "1"}', '{"format": []}', "[" * 9000, "\0" * 500]
)
def test_damaged_metadata(metadata, tmp_path):
    """Metadata that cannot be read cost nothing: the folder serves one destination."""
    stream = orphan(tmp_path, events(1))
    (stream / "stream.json").write_text(metadata)
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1)
    spool.close()


def test_unfinished_streams_are_removed(tmp_path):
    """A stream whose maker died before it was complete is removed after a while."""
    old, new = tmp_path / ".new-old", tmp_path / ".new-new"
    for path in (old, new):
        path.mkdir(0o700)
        (path / "stream.json").write_text("{}")
    os.utime(old, (time.time() - 1000,) * 2)
    spool = spool_on(tmp_path)
    drain(spool)
    assert [path.name for path in tmp_path.iterdir()] == [".new-new"]
    spool.close()


def test_many_files(tmp_path):
    """Files with other names are left alone."""
    for name in ("README", "1790000000000-1-xyz", "dead-letters.ndjson.old", "..."):
        (tmp_path / name).write_text("kept")
    orphan(tmp_path, events(*range(10)))
    spool = spool_on(tmp_path, max_events=sys.maxsize)
    assert drain(spool) == events(*range(10))
    assert len(list(tmp_path.iterdir())) == 4
    spool.close()


# Streams that cannot be read, and strange names.


@root_only
def test_a_stream_that_cannot_be_read(open_tmp_path):
    """One stream that cannot be read is named; younger ones are delivered all the same."""
    path = open_tmp_path / "spool"
    streams_of = [orphan(path, events(number), number=number) for number in (1, 2, 3)]
    for entry in (path, *path.rglob("*")):
        os.chown(entry, SOMEBODY_ELSE, SOMEBODY_ELSE)
    (streams_of[0] / "0000000001.ndjson").chmod(0)  # as an editor of root may leave it

    def deliver():
        own_log, warnings = RateLimitedLogger(), []
        own_log.write_with(warnings.append)
        raise SpoolError(f"{drain(spool_on(path, own_log=own_log))} {warnings}")

    found = as_somebody_else(deliver)
    assert str(events(2, 3)) in found
    assert f"{streams_of[0].name} in the spool {path} is left alone: it cannot be read" in found
    assert streams_of[0].exists()


def test_a_bad_sector_in_a_stream(tmp_path, monkeypatch, caplog):
    """A stream that fails with EIO while it is read does not keep younger ones from being sent."""
    for number in (1, 2, 3):
        orphan(tmp_path, events(number), number=number)
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    pread, bad = os.pread, []

    def pread_badly(fd, size, offset):
        if events(1)[0] in pread(fd, size, offset):
            bad.append(fd)
            raise OSError(errno.EIO, "Input/output error")
        return pread(fd, size, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", pread_badly)
        assert sorted(drain(spool)) == events(2, 3)
    assert bad
    assert "cannot be read: Input/output error; the others go on" in caplog.text
    assert drain(spool) == events(1)
    spool.close()


@pytest.mark.parametrize("name", ["-000000086400", "10000000000000", "0000000000000"])
def test_a_stream_of_a_strange_time(tmp_path, name):
    """A stream that a clock before 1970 or after 2286 has dated is adopted as well."""
    stream = orphan(tmp_path, events(1))
    stream.rename(tmp_path / f"{name}-4711-{1:016x}")
    spool = spool_on(tmp_path)
    assert drain(spool) == events(1)
    assert list(tmp_path.iterdir()) == []
    spool.close()


@pytest.mark.parametrize("seconds", [-86400, 10_000_000_000])
def test_a_strange_clock(tmp_path, monkeypatch, seconds):
    """What is written while the clock says 1969 or 2286 is adopted by the next process."""
    monkeypatch.setattr(time, "time_ns", lambda: seconds * 1_000_000_000)
    spool = spool_on(tmp_path)
    for event in events(1, 2):
        spool.append(event)
    spool.abandon()
    monkeypatch.undo()
    other = spool_on(tmp_path)
    assert drain(other) == events(1, 2)
    other.close()


def test_another_machine_that_writes(tmp_path, caplog):
    """A stream that another machine just wrote to is left alone: no lock here tells about it."""
    folder = SpoolFolder(tmp_path, DESTINATION, boot="other")
    spool = Spool(folder, SpoolOptions(**OPTIONS), RateLimitedLogger())
    spool.append(events(1)[0])
    fcntl_flock = fcntl.flock
    with pytest.MonkeyPatch.context() as patch:
        # Its locks are not seen here.
        patch.setattr(fcntl, "flock", lambda fd, operation: None)
        here = spool_on(tmp_path)
        assert drain(here) == []
        assert "another machine writes to it" in caplog.text
        for file in (*tmp_path.glob("*/*"), *tmp_path.glob("*-*")):
            os.utime(file, (0, 0))
        assert drain(here) == events(1)  # it has died
        # It lives all the same: numbers may be odd, but nothing is negative, and nothing raises.
        spool.append(events(2)[0])
        spool.maintain()
        drain(spool)
        assert len(spool) >= 0
        assert spool.counts().buffered >= 0
        here.close()
        spool.close()
    assert fcntl.flock is fcntl_flock
