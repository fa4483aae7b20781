"""Whatever a program does to our files: it never finds our events in its own, none is lost."""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import signal
import time
from pathlib import Path

import pytest
from support.handmade_spools import (
    AT_ONCE,
    DESTINATION,
    drain,
    events,
    orphan,
    our_descriptors,
    spool_on,
)
from support.receivers import Receiver
from support.running import dead_url, run
from support.spool_contents import QUICK
from support.spool_contents import drain as drain_folder
from support.transport_doubles import DownTransport

from structlog_mozdef import Sink
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.exceptions import SpoolError
from structlog_mozdef.transports.memory import MemoryTransport


def test_numbers_are_high(tmp_path):
    """No file of a spool that stays open has a number that a program is likely to get."""
    spool = spool_on(tmp_path)
    for number in range(3):
        spool.append(events(number)[0])
    spool.ack(spool.peek(1, 1000))
    assert len(our_descriptors(tmp_path)) > 3
    assert min(our_descriptors(tmp_path)) >= 64
    spool.close()


@pytest.mark.parametrize("closes", ["all", "the segment", "the folders", "what is read"])
def test_the_program_closes_our_descriptors(tmp_path, closes):
    """Events go to another stream; those before are read again from the disk. None is lost."""
    spool = spool_on(tmp_path / "spool", timings=AT_ONCE)
    for event in events(*range(10)):
        spool.append(event)
    delivered = list(spool.peek(3, 1000).events)
    spool.ack(spool.peek(3, 1000))
    spool.peek(2, 1000)
    for fd in our_descriptors(tmp_path):
        target = Path(f"/proc/self/fd/{fd}").readlink()
        appends = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND
        kind = "the segment" if appends else "the folders" if target.is_dir() else "what is read"
        if closes in ("all", kind):
            os.close(fd)
    own = [os.open(tmp_path / f"{number}", os.O_RDWR | os.O_CREAT) for number in range(20)]
    for event in events(*range(10, 20)):
        spool.append(event)
    spool.maintain()
    for _ in range(5):
        delivered += drain(spool)
        spool.maintain()
    assert {os.fstat(fd).st_size for fd in own} == {0}
    assert set(events(*range(20))) == set(delivered)
    assert len(delivered) <= 20 + 2
    counts = spool.counts()
    assert (counts.buffered, counts.dropped) == (0, {})
    assert spool.settled_count() == spool.appended_count()
    spool.close()
    for fd in own:
        os.close(fd)


def test_the_program_closes_the_descriptors_of_an_adopted_stream(tmp_path):
    """It is adopted again, and its events are counted once."""
    path = tmp_path / "spool"
    stream = orphan(path, events(1, 2, 3))
    spool = spool_on(path, timings=AT_ONCE)
    spool.adopt_orphans()
    spool.ack(spool.peek(1, 1000))
    for fd in our_descriptors(stream):
        os.close(fd)
    spool.maintain()
    batch = spool.peek(10, 1000)
    assert batch.events == events(2, 3)
    counts = spool.counts()
    assert (len(spool), counts.buffered, counts.accepted, counts.adopted) == (2, 2, 0, 3)
    spool.ack(batch)
    spool.adopt_orphans()
    counts = spool.counts()
    assert (counts.buffered, counts.adopted, counts.delivered) == (0, 3, 3)
    spool.close()


def test_the_program_closes_the_folder(tmp_path):
    """It is opened again, be it under the same number."""
    folder = SpoolFolder(tmp_path / "spool", DESTINATION)
    for _ in range(2):
        os.close(folder.fd)
        assert os.path.samestat(os.fstat(folder.fd), (tmp_path / "spool").stat())
    folder.close()


def test_the_program_changes_its_folder(tmp_path, monkeypatch):
    """A relative path means the folder that it meant at first, also when it is opened again."""
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    folder = SpoolFolder("spool", DESTINATION)
    monkeypatch.chdir(tmp_path / "other")
    os.close(our_descriptors(tmp_path)[0])
    assert os.path.samestat(os.fstat(folder.fd), (tmp_path / "spool").stat())
    folder.close()


def test_a_number_of_ours_is_the_programs(tmp_path):
    """What a program opened under our number is neither read, nor written for long, nor closed."""
    spool = spool_on(tmp_path / "spool", timings=AT_ONCE)
    spool.append(events(0)[0])
    theirs = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT)
    taken = our_descriptors(tmp_path / "spool")
    for fd in taken:
        os.dup2(theirs, fd)
    spool.maintain()
    for event in events(1, 2, 3):
        spool.append(event)
    assert set(drain(spool)) == set(events(0, 1, 2, 3))
    spool.close()
    assert os.fstat(theirs).st_size == 0
    assert all(os.path.sameopenfile(theirs, fd) for fd in taken)
    for fd in (*taken, theirs):
        os.close(fd)


def test_no_file_of_ours_gets_a_number_that_another_one_had(tmp_path):
    """Where a program closes a segment, the next events are not written into our next file."""
    path = tmp_path / "spool"
    spool = spool_on(path)
    spool.append(events(1)[0])
    (segment,) = (
        fd for fd in our_descriptors(path) if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND
    )
    os.close(segment)
    spool.ack(spool.peek(1, 1000))  # opens two more files
    assert segment not in our_descriptors(path)
    spool.append(events(2)[0])
    assert drain(spool) == events(2)
    spool.close()


def test_a_daemon(tmp_path):
    """A program that forks and closes all descriptors goes on logging: all of it arrives."""
    with Receiver() as receiver:
        run("spool_daemon", receiver.url, tmp_path / "spool", tmp_path)
        assert drain_folder(receiver.url, tmp_path / "spool")
        expected = [f"before {number}" for number in range(10)]
        expected += [f"after {number}" for number in range(10)]
        assert sorted(set(receiver.summaries())) == sorted(expected)
    assert {(tmp_path / f"{number}").stat().st_size for number in range(10)} == {0}


def test_a_close_that_did_not_succeed(tmp_path):
    """`flush` after it does not say that all is well, and sends as soon as it can be done."""
    transport = DownTransport()
    sink = Sink(transport, spool=tmp_path / "spool", exit_timeout=0, **QUICK)
    sink.put(events(1)[0])
    assert not sink.close(0.1)
    assert not sink.flush(0.2)
    transport.down = False
    assert sink.flush(10)
    assert transport.events == [{"summary": "event 1"}]
    sink.close()


@pytest.mark.parametrize("orphans", [1000])
def test_orphans_do_not_slow_a_log_call(tmp_path, orphans):
    """However many streams of dead processes there are, an append looks at none of them."""
    for number in range(orphans):
        orphan(tmp_path, events(number), number=number)
    spool = spool_on(tmp_path, max_bytes=1 << 24)
    opened = []
    real = os.open

    def open_noted(name, *arguments, **options):
        opened.append(name)
        return real(name, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", open_noted)
        for event in events(*range(20_000)):
            spool.append(event)
    assert len(opened) < 50
    spool.close()


def test_too_many_open_files_for_a_sink(tmp_path):
    """A sink that cannot open its spool says so with the error of spools."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(SpoolError, match="Too many open files"):
            Sink(MemoryTransport(), spool=tmp_path / "spool")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def no_garbage():
    """Nothing is collected meanwhile: Python reports what a handler raises in a `__del__`."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Raised(TimeoutError):  # noqa: N818 - not an error of the spool
    """A time limit of the program, which is an OSError as well."""


# Where the handler raises in `Thread.start`, Python reports that the thread cannot begin.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("no_garbage")
def test_an_os_error_of_a_signal_handler(tmp_path):
    """It is the program's and reaches it, and is not taken for an error of the disk."""

    def expire(*_):
        raise Raised

    def append_for(seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            spool.append(events(1)[0])

    spool = spool_on(tmp_path)
    before = signal.signal(signal.SIGALRM, expire)
    raised = 0
    try:
        for _ in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.001)
                append_for(5)
            except Raised:
                raised += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert raised == 200
    assert spool.durable
    spool.close()


# Where the handler raises in `Thread.start`, Python reports that the thread cannot begin.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("no_garbage")
def test_sync_always_with_a_handler_that_raises(tmp_path, caplog):
    """What an exception cuts short is not reported as damage, and nothing is lost."""

    def expire(*_):
        raise Raised

    spool = spool_on(tmp_path, sync="always")
    before = signal.signal(signal.SIGALRM, expire)
    returned = []
    try:
        for number in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0005)
                for part in range(1000):
                    spool.append(b'{"n": [%d, %d]}' % (number, part))
                    returned.append(b'{"n": [%d, %d]}' % (number, part))
            except Raised:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    delivered = drain(spool)
    assert set(returned) <= set(delivered)
    assert len(delivered) == len(set(delivered))
    assert spool.counts().dropped == {}
    assert "damaged" not in caplog.text
    spool.close()


def test_requeue(tmp_path):
    """An event is put at the end, once, beyond all bounds, and is no new event."""
    spool = spool_on(tmp_path, max_events=3)
    for event in events(1, 2, 3):
        spool.append(event)
    batch = spool.peek(1, 1000)
    spool.requeue(batch.events[0])
    assert (len(spool), spool.counts().buffered, spool.counts().accepted) == (4, 3, 3)
    spool.ack(batch)
    counts = spool.counts()
    assert (counts.buffered, counts.delivered, counts.accepted) == (3, 0, 3)
    assert spool.settled_count() == 0  # a flush goes on waiting for it
    batch = spool.peek(10, 1000)
    assert list(batch.events) == events(2, 3, 1)
    spool.ack(batch)
    assert spool.counts().delivered == 3
    assert spool.settled_count() == spool.appended_count()
    spool.close()


def test_requeue_survives_a_crash(tmp_path):
    """A crash between the two costs a repeat; after the ack it costs nothing."""
    spool = spool_on(tmp_path)
    for event in events(1, 2):
        spool.append(event)
    batch = spool.peek(1, 1000)
    spool.requeue(batch.events[0])
    spool.ack(batch)
    spool.abandon()
    other = spool_on(tmp_path)
    assert drain(other) == events(2, 1)
    other.close()


def test_an_url_that_nobody_answers(tmp_path):
    """A change of the URL is refused with the commands that help."""
    with Sink(dead_url(), spool=tmp_path, exit_timeout=0, **QUICK) as sink:
        sink.put(events(1)[0])
        sink.close(0)
    with pytest.raises(SpoolError, match=r"spool drain.*spool purge --waiting"):
        Sink(MemoryTransport(), spool=tmp_path)
