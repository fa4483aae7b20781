"""A process that can open no more files (EMFILE) loses no event, and leaves no file open."""

from __future__ import annotations

import contextlib
import functools
import gc
import math
import os
import resource

import pytest
from support.handmade_spools import drain, events, file_limit, orphan, spool_on
from support.running import wait_for

from structlog_mozdef import Sink
from structlog_mozdef.buffers.spool import writer
from structlog_mozdef.buffers.spool.ack_offset import read_position
from structlog_mozdef.transports.memory import MemoryTransport


@contextlib.contextmanager
def no_more_files():
    """No file can be opened (EMFILE)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = os.open("/", os.O_RDONLY)
    os.close(highest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def no_files_at_all():
    """No file can be opened, not even in place of one that was closed."""
    with no_more_files():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        yield


def test_too_many_open_files_to_adopt(tmp_path, monkeypatch):
    """A process that can open nothing leaves orphans as they are, for itself and for others."""
    orphan(tmp_path, events(1, 2), events(3))
    spool = spool_on(tmp_path)
    for spare in range(4):
        descriptors = [os.dup(0) for _ in range(spare)]
        for descriptor in descriptors:
            os.close(descriptor)
        with no_more_files():
            # So many more can be opened: the failure comes at another step each time.
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft + spare, hard))
            monkeypatch.setattr(spool._reader, "_next_adoption", 0.0)
            with contextlib.suppress(OSError):
                spool.adopt_orphans()
        other = spool_on(tmp_path)
        if not len(spool):
            assert wait_for(lambda other=other: other.adopt_orphans() or len(other) == 3, 1)
        other.close()
    assert drain(spool) == events(1, 2, 3)
    spool.close()


def test_too_many_open_files_to_begin(tmp_path, monkeypatch):
    """While no stream can be made, nothing is left of the attempts, and events wait."""
    monkeypatch.setattr(writer, "_DISK_RETRY", 0.0)
    spool = spool_on(tmp_path)
    with no_files_at_all():
        for event in events(1, 2, 3):
            spool.append(event)
    assert os.listdir(tmp_path) == []
    assert drain(spool) == events(1, 2, 3)
    spool.close()


def test_sinks_that_are_gone_leave_no_file_open(tmp_path):
    """A program may make any number of them, one after the other."""
    path = tmp_path / "spool"

    def open_folders():
        gc.collect()
        names = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
        return [name for name in names if os.path.realpath(name) == str(path)]

    for _ in range(3):
        with Sink(MemoryTransport(), spool=path) as sink:
            sink.put(events(1)[0])
            assert open_folders()
        del sink
    assert wait_for(lambda: not open_folders(), 5)  # the housekeeper wakes once a second


def test_too_many_open_files_to_count(tmp_path, monkeypatch):
    """A stream that was locked, but cannot be opened further, is let go at once."""
    orphan(tmp_path, events(1, 2))
    spool = spool_on(tmp_path)
    adopt = spool._folder.adopt

    def adopt_with_the_last_file(maximum):
        for place in adopt(maximum):
            with no_more_files():
                yield place

    monkeypatch.setattr(spool._folder, "adopt", adopt_with_the_last_file)
    spool.adopt_orphans()
    other = spool_on(tmp_path)
    assert drain(other) == events(1, 2)
    other.close()
    spool.close()


def test_too_many_open_files_to_look_where_to_begin(tmp_path):
    """A position that cannot be read now is none that is missing: nothing is repeated for it."""
    (tmp_path / "position").touch()
    folder_fd = os.open(tmp_path, os.O_RDONLY)
    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        read_position(folder_fd, [1])
    os.close(folder_fd)


def test_too_many_open_files_to_read(tmp_path):
    """An event that cannot be read now is read later."""
    spool = spool_on(tmp_path)
    for event in events(1, 2, 3):
        spool.append(event)
    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        spool.peek(10, 1000)
    assert drain(spool) == events(1, 2, 3)
    spool.close()


def test_too_many_open_files_to_read_on(tmp_path):
    """Who has read a part, and then can open nothing more, gives out that part and not less."""
    spool = spool_on(tmp_path)
    spool._writer._segment_bytes = 100
    wanted = events(*range(20))
    for event in wanted:
        spool.append(event)
    delivered = list(spool.peek(1, 1000).events)
    spool.ack(spool.peek(1, 1000))
    with no_files_at_all():
        batch = spool.peek(100, 10_000)
    assert 0 < len(batch.events) < 19
    spool.ack(batch)
    delivered += [*batch.events, *drain(spool)]
    assert delivered == wanted
    assert spool.counts().buffered == 0
    spool.close()


@pytest.mark.parametrize("meanwhile", ["looked for more", "settled"])
def test_the_disk_recovers_while_no_file_can_be_opened(tmp_path, monkeypatch, meanwhile):
    """Where events in flight are now cannot be looked up: it is done later, and nothing is lost."""
    monkeypatch.setattr(writer, "_DISK_RETRY", math.inf)
    spool = spool_on(tmp_path)
    spool.append(events(0)[0])
    with file_limit(0):
        for event in events(1, 2, 3):
            spool.append(event)
    batch = spool.peek(3, 1000)
    assert batch.events == events(0, 1, 2)
    spool._writer._disk_retry_at = 0.0
    spool._writer.maintenance._work()
    assert spool.durable
    act = functools.partial(*{"settled": (spool.ack, batch)}.get(meanwhile, (spool.peek, 4, 1000)))
    with no_files_at_all(), pytest.raises(OSError, match="Too many open files"):
        act()
    # Who could not settle a batch sends it again.
    assert drain(spool) == events(0, 1, 2, 3)
    counts = spool.counts()
    assert (counts.delivered, counts.buffered, counts.dropped) == (4, 0, {})
    spool.close()
