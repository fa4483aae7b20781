"""A spool keeps its limits: bytes on disk, of all processes together, and events of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from pathlib import Path

import pytest
from support.handmade_spools import drain, events, spool_on
from support.running import finish, start

from structlog_mozdef.buffers.base import FULL
from structlog_mozdef.buffers.spool import SpoolTimings


def size_of(path: Path) -> int:
    size = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                size += (Path(folder) / name).stat().st_size
    return size


def line(number):
    return b'{"summary": "%08d %s"}' % (number, b"x" * 200)


def number_of(event):
    return int(json.loads(event)["summary"][:8])


@pytest.mark.parametrize("max_bytes", [5_000, 50_000, 1_000_000])
@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
def test_one_process(max_bytes, when_full, tmp_path):
    """The folder never holds more than max_bytes, and is filled nearly."""
    spool = spool_on(tmp_path, max_bytes=max_bytes, when_full=when_full)
    largest = 0
    for number in range(max_bytes // 100):
        spool.append(line(number))
        if not number % 50:
            largest = max(largest, size_of(tmp_path))
    assert max_bytes * 0.7 < max(largest, size_of(tmp_path)) <= max_bytes
    spool.close()


def test_dead_letters_have_their_share(tmp_path):
    """With a full spool and as many dead letters as fit, the limit still holds."""
    spool = spool_on(tmp_path, max_bytes=100_000)
    for number in range(1000):
        spool.append(line(number))
    for _ in range(50):
        spool.reject(spool.peek(1, 1000).events[0], "HTTP 400")
        spool.ack(spool.peek(1, 1000))
        assert size_of(tmp_path) <= 100_000
    assert (tmp_path / "dead-letters.ndjson").stat().st_size > 5_000
    spool.close()


def test_what_another_process_may_still_write(tmp_path):
    """A process that looked before another one filled the folder does not exceed the limit."""
    early, late = (spool_on(tmp_path, max_bytes=100_000) for _ in range(2))
    for _ in range(40):
        early.reject(b'{"pad": "%s"}' % (b"x" * 100), "HTTP 400")  # the dead letters' share
    late.append(line(0))
    early.append(line(0))
    for spool in (late, early):
        for number in range(1000):
            spool.append(line(number))
    assert size_of(tmp_path) <= 100_000
    for spool in (early, late):
        spool.close()


def test_four_processes(tmp_path):
    """Four processes that write at once do not exceed max_bytes together."""
    max_bytes = 2_000_000
    processes = [start("spool_filler", tmp_path, max_bytes) for _ in range(4)]
    largest = 0
    while any(process.poll() is None for process in processes):
        largest = max(largest, size_of(tmp_path))
    results = [json.loads(finish(process).stdout) for process in processes]
    assert max_bytes * 0.8 < max(largest, size_of(tmp_path)) <= max_bytes
    assert all(result["accepted"] == result["buffered"] + result["dropped"] for result in results)
    assert sum(result["dropped"] for result in results) > 1000


def test_drop_newest(tmp_path):
    """With drop_newest a full spool keeps the first events, without a gap."""
    spool = spool_on(tmp_path, max_bytes=50_000)
    for number in range(1000):
        spool.append(line(number))
    kept = [number_of(event) for event in drain(spool)]
    assert kept == list(range(len(kept)))
    assert spool.counts().dropped == {"buffer full": 1000 - len(kept)}
    spool.close()


def test_block(tmp_path):
    """With block a full spool neither appends nor drops, and appends again after an ack."""
    spool = spool_on(tmp_path, max_bytes=50_000, when_full="block")
    for number in itertools.count():
        if spool.append(line(number)) == FULL:
            break
    assert [number_of(event) for event in drain(spool)] == list(range(number))
    assert spool.counts().dropped == {}
    spool.close()


@pytest.mark.parametrize("in_flight", [0, 1, 20])
def test_drop_oldest(in_flight, tmp_path):
    """With drop_oldest complete segments go, the oldest, never one in flight, and are counted."""
    spool = spool_on(tmp_path, max_bytes=50_000, when_full="drop_oldest")
    for number in range(30):
        spool.append(line(number))
    batch = spool.peek(in_flight, 100_000) if in_flight else None
    for number in range(30, 1000):
        spool.append(line(number))
    if batch is not None:
        assert spool.peek(in_flight, 100_000) == batch
    counts = spool.counts()
    kept = [number_of(event) for event in drain(spool)]
    # The segment that is being read stays; behind it there is one gap, and then all the rest.
    gaps = [(a, b) for a, b in itertools.pairwise(kept) if b != a + 1]
    assert len(gaps) == 1
    assert kept[0] == 0
    assert kept[-1] == 999
    assert counts.dropped == {"buffer full": 1000 - len(kept)}
    assert counts.accepted == 1000
    assert spool.counts().delivered == len(kept)
    assert spool.settled_count() == spool.appended_count() == 1000
    spool.close()


@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
def test_max_events(when_full, tmp_path):
    """No more than max_events of this process wait."""
    spool = spool_on(tmp_path, max_events=100, when_full=when_full)
    for event in events(*range(1000)):
        spool.append(event)
        assert len(spool) <= 100
    counts = spool.counts()
    assert counts.accepted == counts.buffered + sum(counts.dropped.values())
    kept = [int(json.loads(event)["summary"].split()[1]) for event in drain(spool)]
    assert kept[-1] == (999 if when_full == "drop_oldest" else 99)
    assert len(kept) > 80
    spool.close()


def test_max_events_is_for_one_process(tmp_path):
    """What others have left does not count among the events of this process."""
    left = spool_on(tmp_path)
    for event in events(*range(50)):
        left.append(event)
    left.close()
    spool = spool_on(tmp_path, max_events=10)
    spool.adopt_orphans()
    for event in events(*range(10)):
        spool.append(event)
    assert (len(spool), spool.counts().dropped) == (60, {})
    spool.close()


def test_an_ack_frees_the_disk(tmp_path):
    """Any number of events pass through a spool of 50 kB."""
    spool = spool_on(tmp_path, max_bytes=50_000)
    for start_number in range(0, 5000, 100):
        for number in range(start_number, start_number + 100):
            spool.append(line(number))
        assert [number_of(event) for event in drain(spool)] == list(
            range(start_number, start_number + 100)
        )
    assert size_of(tmp_path) < 50_000
    spool.close()


def test_there_is_room_as_soon_as_events_have_left(tmp_path):
    """A spool that was full a moment ago is measured again once events are settled."""
    timings = SpoolTimings(full_retry=600.0)
    spool = spool_on(tmp_path, max_bytes=50_000, when_full="block", timings=timings)
    while spool.append(b"x" * 99) != FULL:
        pass
    while spool.peek(100, 50_000).events:
        spool.ack(spool.peek(100, 50_000))
    assert spool.append(b"x" * 99) != FULL
    spool.close()
