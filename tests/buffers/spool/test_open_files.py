"""A process that can open no more files (EMFILE) loses no event, and leaves no file open."""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import os
import resource

import pytest
from support.handmade_spools import (
    AT_ONCE,
    drain,
    events,
    file_limit,
    orphan,
    our_descriptors,
    spool_on,
)
from support.interruptions import Interruption
from support.running import wait_for

from structlog_mozdef import Sink
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.inspect import has_orphans
from structlog_mozdef.files.descriptor import Descriptor, close_lost_descriptors
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
    """No file can be opened, not even after another one was closed."""
    with no_more_files():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        yield


@contextlib.contextmanager
def one_file_too_many():
    """The next file cannot be opened, and the one after it can."""
    open_file = os.open

    def fail_once(*arguments, **options):
        os.open = open_file
        raise OSError(errno.EMFILE, "Too many open files")

    os.open = fail_once
    try:
        yield
    finally:
        os.open = open_file


@pytest.mark.parametrize("limit", [no_more_files, one_file_too_many])
def test_too_many_open_files_to_adopt(tmp_path, limit):
    """At any point of an adoption the limit leaves orphans complete, for the process or others."""
    number, happened = 0, True
    while happened:
        path = tmp_path / str(number)
        dead = spool_on(path, segment_bytes=60)
        for event in events(1, 2, 3, 4):
            dead.append(event)
        dead.ack(dead.peek(1, 1000))
        dead.close()
        spool, other = spool_on(path), spool_on(path)
        with contextlib.ExitStack() as limits, contextlib.suppress(OSError):
            set_limit = functools.partial(limits.enter_context, limit())
            with Interruption(number, set_limit) as interruption:
                spool.adopt_orphans()
        happened = interruption.happened
        other.adopt_orphans()
        # An ack offset that cannot be read now is not missing: nothing is repeated.
        assert (number, sorted([len(spool), len(other)])) == (number, [0, 3])
        assert drain(spool) + drain(other) == events(2, 3, 4)
        spool.close()
        other.close()
        number += 1
    assert number > 20


@pytest.mark.parametrize("limit", [no_more_files, one_file_too_many])
def test_too_many_open_files_to_look_for_orphans(tmp_path, limit):
    """At any point of the look, the limit does not make a folder look as if nothing waited."""
    orphan(tmp_path, events(1))
    folder = SpoolFolder.existing(tmp_path)
    number, happened = 0, True
    while happened:
        with contextlib.ExitStack() as limits:
            set_limit = functools.partial(limits.enter_context, limit())
            with Interruption(number, set_limit) as interruption:
                assert has_orphans(folder)
        happened = interruption.happened
        number += 1
    assert number > 20
    folder.close()


def test_too_many_open_files_to_begin(tmp_path):
    """While no stream can be made, nothing is left of the attempts, and events wait."""
    spool = spool_on(tmp_path, timings=AT_ONCE)
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
    assert wait_for(lambda: not open_folders(), 5)  # the maintenance thread wakes once a second


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
    spool = spool_on(tmp_path, segment_bytes=100)
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
def test_the_disk_recovers_while_no_file_can_be_opened(tmp_path, meanwhile):
    """Events in flight that went to the disk meanwhile are settled there without another file."""
    spool = spool_on(tmp_path, timings=AT_ONCE)
    spool.append(events(0)[0])
    with file_limit(0):
        spool.append(events(1)[0])
        batch = spool.peek(2, 1000)
        assert batch.events == events(0, 1)
    spool.maintain()
    assert spool.durable
    act = functools.partial(*{"settled": (spool.ack, batch)}.get(meanwhile, (spool.peek, 3, 1000)))
    with no_files_at_all():
        act()
    assert drain(spool) == ([] if meanwhile == "settled" else events(0, 1))
    counts = spool.counts()
    assert (counts.delivered, counts.buffered, counts.dropped) == (2, 0, {})
    spool.close()


def test_a_signal_handler_raises_while_a_file_is_closed(tmp_path):
    """Wherever it does, the file is closed, and its lock free, once somebody looks."""
    number, happened = 0, True
    while happened:
        file = Descriptor(os.open(tmp_path, os.O_RDONLY))
        with (
            contextlib.suppress(InterruptedError),
            Interruption(number, interrupt) as interruption,
        ):
            file.close_after_writing()
        happened = interruption.happened
        del file
        close_lost_descriptors()
        assert not our_descriptors(tmp_path), number
        number += 1
    assert number > 3


def interrupt():
    raise InterruptedError
