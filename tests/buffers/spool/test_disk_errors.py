"""A disk that is full, gone or damaged costs no log call, and no event that can be saved."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shutil
import subprocess
import threading

import pytest
from support.handmade_spools import (
    AT_ONCE,
    drain,
    events,
    file_limit,
    maintenance_threads,
    orphan,
    spool_on,
)
from support.interruptions import Interruption, Meanwhile
from support.running import run, wait_for
from support.spool_contents import QUICK, waiting
from support.transport_doubles import DownTransport

from structlog_mozdef import Sink
from structlog_mozdef.buffers.spool import SpoolTimings
from structlog_mozdef.exceptions import SpoolError
from structlog_mozdef.transports.memory import MemoryTransport


def mounted(path, *options):
    path.mkdir(0o700)
    arguments = ["-t", "tmpfs", "-o", ",".join(["size=256k", "mode=700", *options]), "tmpfs"]
    try:
        subprocess.run(["mount", *arguments, path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB."""
    path = tmp_path / "disk"
    mounted(path)
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def put_all(sink, first, last):
    for number in range(first, last):
        sink.put(b'{"summary": "%06d %s"}' % (number, b"x" * 400))


def numbers(transport):
    return [int(event["summary"][:6]) for event in transport.events]


def test_a_full_disk(small_disk, caplog):
    """Events that do not fit wait in memory, and are delivered in their order."""
    transport = DownTransport()
    with Sink(transport, spool=small_disk / "spool", **QUICK) as sink:
        put_all(sink, 0, 1000)
        stats = sink.stats()
        assert (stats.buffered, stats.dropped) == (1000, 0)
        assert wait_for(lambda: "No space left on device" in caplog.text, 5)
        transport.down = False
        assert sink.flush(20)
        assert numbers(transport) == list(range(1000))
        put_all(sink, 1000, 1001)
        assert wait_for(lambda: "can be written again" in caplog.text, 5)


def spool_that_fills(disk):
    spool = spool_on(disk / "spool", timings=AT_ONCE)
    while spool.durable:
        spool.append(b'{"summary": "%s"}' % (b"x" * 400))
    return spool


def segments_on(disk):
    return [path.name for path in sorted(disk.glob("spool/*/*.ndjson"))]


def test_a_disk_that_stays_full(small_disk):
    """However often it is tried, nothing is left of the attempts."""
    spool = spool_that_fills(small_disk)
    for _ in range(10):
        spool.maintain()
    assert not spool.durable
    assert segments_on(small_disk) == ["0000000001.ndjson"]
    spool.close()


def test_a_disk_that_our_own_settled_events_fill(small_disk, caplog):
    """Settled events are removed from a full disk, without another event."""
    spool = spool_that_fills(small_disk)
    while len(spool):
        spool.ack(spool.peek(50, 1_000_000))
    spool.adopt_orphans()
    spool.maintain()
    assert "can be written again" in caplog.text
    assert segments_on(small_disk) == []
    spool.close()


def test_a_disk_with_free_space_again(small_disk):
    """Held events are written as soon as there is space, without another event."""
    filler = small_disk / "filler"
    with contextlib.suppress(OSError):
        filler.write_bytes(bytes(1_000_000))
    with Sink(DownTransport(), spool=small_disk / "spool", **QUICK) as sink:
        put_all(sink, 0, 100)
        filler.unlink()
        assert wait_for(lambda: len(waiting(small_disk / "spool")) == 100, 5)
        sink.close(0)
    spool = spool_on(small_disk / "spool", MemoryTransport().name)
    assert [int(json.loads(event)["summary"][:6]) for event in drain(spool)] == list(range(100))
    spool.close()


def test_a_disk_error_is_reported_once_a_minute(small_disk, caplog):
    """A disk that stays full does not fill the log."""
    transport = DownTransport()
    with Sink(transport, spool=small_disk / "spool", **QUICK) as sink:
        put_all(sink, 0, 2000)
        assert wait_for(lambda: "No space left on device" in caplog.text, 5)
        put_all(sink, 2000, 2100)
        wait_for(lambda: caplog.text.count("No space left on device") > 1, 2.5)
        assert caplog.text.count("No space left on device") == 1
        transport.down = False


@pytest.mark.root
def test_a_disk_that_is_read_only(tmp_path):
    """A folder that cannot be written is rejected at once, in a sentence."""
    path = tmp_path / "disk"
    mounted(path, "ro")
    try:
        with pytest.raises(SpoolError, match=r"spool is .*/disk"):
            Sink(MemoryTransport(), spool=path)
        with pytest.raises(SpoolError, match=r"spool is .*Read-only file system"):
            Sink(MemoryTransport(), spool=path / "spool")
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_files_that_must_not_grow(tmp_path):
    """Where a limit of the process (EFBIG) cuts a write short, another segment goes on."""
    output = run("spool_small_files", tmp_path / "spool").stdout
    found = json.loads(output)
    assert found["raised"] == []
    assert found["numbers"] == list(range(80))
    assert found["dropped"] == 0


def test_the_folder_is_removed(tmp_path, caplog):
    """Events appended before are still delivered, and later ones go to a new folder."""
    transport = DownTransport()
    with Sink(transport, spool=tmp_path / "spool", **QUICK) as sink:
        put_all(sink, 0, 50)
        shutil.rmtree(tmp_path / "spool")
        assert wait_for(lambda: "somebody removed a stream" in caplog.text, 5)
        put_all(sink, 50, 100)
        assert len(list((tmp_path / "spool").glob("*/*.ndjson"))) == 1
        transport.down = False
        assert sink.flush(20)
        assert numbers(transport) == list(range(100))


def test_a_stream_is_removed(tmp_path):
    """A stream that somebody removed under its owner costs nothing while that lives."""
    transport = DownTransport()
    with Sink(transport, spool=tmp_path / "spool", **QUICK) as sink:
        put_all(sink, 0, 50)
        for stream in (tmp_path / "spool").iterdir():
            shutil.rmtree(stream)
        put_all(sink, 50, 100)
        transport.down = False
        assert sink.flush(20)
        assert numbers(transport) == list(range(100))
        assert sink.stats().buffered == 0


def test_a_segment_is_removed(tmp_path):
    """The events of a segment that somebody removed are counted as lost, the rest comes out."""
    spool = spool_on(tmp_path, segment_bytes=300)
    for event in events(*range(100)):
        spool.append(event)
    segments = sorted(tmp_path.glob("*/*.ndjson"))
    lost = segments[2].read_bytes().splitlines()
    segments[2].unlink()
    found = drain(spool)
    assert found == [event for event in events(*range(100)) if event not in lost]
    assert spool.counts().dropped == {"spool damaged": len(lost)}
    assert spool.settled_count() == spool.appended_count()
    spool.close()


def test_a_segment_is_removed_after_it_was_adopted(tmp_path):
    """Events that were counted and are gone when they are read are counted as lost."""
    stream = orphan(tmp_path, events(1, 2), events(3, 4), events(5))
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    (stream / "0000000002.ndjson").unlink()
    assert drain(spool) == events(1, 2, 5)
    counts = spool.counts()
    assert (counts.adopted, counts.delivered, counts.dropped) == (5, 3, {"spool damaged": 2})
    spool.close()


def test_the_disk_recovers_while_a_batch_is_sent(tmp_path):
    """Events that were given out of memory, and then written, are settled where they are now."""
    spool = spool_on(tmp_path, timings=AT_ONCE)
    spool.append(events(0)[0])
    with file_limit(0):
        for event in events(1, 2, 3, 4):
            spool.append(event)
        batch = spool.peek(4, 1000)
        assert list(batch.events) == events(0, 1, 2, 3)
    spool.maintain()
    assert spool.durable
    spool.ack(batch.first(3))
    assert spool.peek(4, 1000).events == events(3, 4)
    # After a crash the next process finds the events that were not settled, and no others.
    spool.abandon()
    other = spool_on(tmp_path)
    assert drain(other) == events(3, 4)
    other.close()


def test_many_events_wait_in_memory(tmp_path):
    """They are sent from there, and what is left is written, in their order, however many."""
    spool = spool_on(tmp_path, timings=AT_ONCE, max_bytes=100_000_000)
    held = [b'{"n": %d, "pad": "%s"}' % (number, b"x" * 10_000) for number in range(400)]
    with file_limit(0):
        for event in held:
            spool.append(event)
        sent = []
        for _ in range(10):
            batch = spool.peek(15, 1_000_000)
            sent += batch.events
            spool.ack(batch)
        batch = spool.peek(20, 1_000_000)
        assert sent + batch.events == held[:170]
    spool.maintain()
    assert spool.durable
    assert len(spool) == 250
    spool.ack(batch)
    spool.append(events("last")[0])
    assert spool.counts().delivered == 170
    spool.abandon()
    other = spool_on(tmp_path)
    assert drain(other) == held[170:] + events("last")
    other.close()


def test_an_ack_offset_that_could_not_be_written(tmp_path):
    """It is written at the end, if that can be done then: nothing is repeated without a crash."""
    spool = spool_on(tmp_path)
    for event in events(1, 2, 3):
        spool.append(event)
    batch = spool.peek(2, 1000)
    with file_limit(0):
        spool.ack(batch)
    spool.close()
    other = spool_on(tmp_path)
    assert drain(other) == events(3)
    other.close()


def test_a_file_that_fails_when_it_is_closed(tmp_path, monkeypatch):
    """A network file system may only then report that it is full: maintenance goes on."""
    spool = spool_on(tmp_path, sync="interval", timings=SpoolTimings(maintenance_interval=0.01))
    others = maintenance_threads()
    closed = []
    close = os.close

    def close_badly(fd):
        close(fd)
        if threading.current_thread() in maintenance_threads() - others:
            closed.append(fd)
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close_badly)
        spool.append(events(1)[0])
        assert wait_for(lambda: len(closed) > 2, 5)
    assert maintenance_threads() - others
    spool.close()


def test_one_stream_that_cannot_be_read_does_not_stop_the_others(tmp_path, monkeypatch):
    """A fault of one stream leaves the others alone."""
    broken = orphan(tmp_path, events(1), events(2), number=1) / "0000000001.ndjson"
    orphan(tmp_path, events(3), events(4), number=2)
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    pread = os.pread

    def pread_badly(fd, *arguments):
        if os.path.samestat(os.fstat(fd), broken.stat()):
            raise OSError(errno.EIO, "Input/output error")
        return pread(fd, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", pread_badly)
        assert list(spool.peek(10, 1000).events) == events(3, 4)
    assert sorted(drain(spool)) == events(1, 2, 3, 4)
    spool.close()


def settle(spool):
    """Settle what is in flight."""
    batch = spool.peek(3, 1000)
    spool.ack(batch)
    return batch.events


def settle_more(spool):
    """Settle what is in flight and what has come since."""
    batch = spool.peek(4, 1000)
    assert batch.events[:3] == events(0, 1, 2)
    spool.ack(batch)
    return batch.events


@pytest.mark.parametrize("send", [settle, settle_more])
@pytest.mark.parametrize("interrupted", ["recovery", "sender"])
def test_the_disk_recovers_while_the_sender_works(tmp_path, interrupted, send):
    """Wherever the two meet, events in flight that go to the disk are settled there, once."""
    number, happened = 0, True
    while happened:
        spool = spool_on(tmp_path / str(number), timings=AT_ONCE)
        spool.append(events(0)[0])
        with file_limit(0):
            for event in events(1, 2, 3):
                spool.append(event)
            assert spool.peek(3, 1000).events == events(0, 1, 2)
        delivered = []

        def work(spool=spool, delivered=delivered):
            delivered += send(spool)

        one, other = (spool.maintain, work) if interrupted == "recovery" else (work, spool.maintain)
        meanwhile = Meanwhile(other)
        with Interruption(number, meanwhile) as interruption:
            one()
        meanwhile.finish()
        happened = interruption.happened
        delivered += drain(spool)
        counts = spool.counts()
        assert (number, delivered) == (number, events(0, 1, 2, 3))
        assert (counts.delivered, counts.buffered, counts.dropped) == (4, 0, {})
        spool.close()
        number += 1
    assert number > 5


def test_a_log_handler_that_waits_for_a_log_call(tmp_path):
    """Damage is reported while no log call has to wait for it."""
    damaged = orphan(tmp_path, [b"damaged"], events(1))
    spool = spool_on(tmp_path)
    spool.adopt_orphans()
    assert damaged.exists()
    appended = []

    class Waiting(logging.Handler):
        def emit(self, record):
            thread = threading.Thread(target=spool.append, args=events(2), daemon=True)
            thread.start()
            thread.join(5)
            appended.append(not thread.is_alive())

    handler = Waiting()
    logging.getLogger("structlog_mozdef").addHandler(handler)
    try:
        spool.close()  # it looks whether there is something left in what was adopted
    finally:
        logging.getLogger("structlog_mozdef").removeHandler(handler)
    assert appended == [True]
