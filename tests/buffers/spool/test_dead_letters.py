"""The dead letters of a spool: nobody waits for a lock that somebody keeps for long."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import time

import pytest
from support.handmade_spools import events, letters, spool_on
from support.running import forks, wait_for
from support.transport_doubles import RejectingTransport

from structlog_mozdef import Sink, configure
from structlog_mozdef.transports.memory import MemoryTransport


def reject(spool, number):
    spool.append(events(number)[0])
    spool.reject(events(number)[0], "HTTP 400")
    spool.ack(spool.peek(1, 1000))


@forks
def test_a_stopped_process_keeps_the_lock(tmp_path, caplog):
    """Letters wait in memory then, and are written once the lock is free; nothing is lost."""
    spool = spool_on(tmp_path)
    reject(spool, 0)
    child = locked_by_a_child(tmp_path)
    begin = time.monotonic()
    for number in range(1, 20):
        reject(spool, number)
    assert time.monotonic() - begin < 8
    assert "another process keeps the file locked" in caplog.text
    assert len(letters(tmp_path)) == 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    spool.maintain()
    assert [letter["event"]["summary"] for letter in letters(tmp_path)] == [
        json.loads(event)["summary"] for event in events(*range(20))
    ]
    spool.close()


def test_the_room_for_them_can_be_set(tmp_path):
    """`max_dead_letter_bytes` says how large their file may get; it is filled, and no more."""
    spool = spool_on(tmp_path, max_bytes=100_000, max_dead_letter_bytes=50_000)
    for number in range(1000):
        reject(spool, number)
    size = (tmp_path / "dead-letters.ndjson").stat().st_size
    counts = spool.counts()
    assert 49_000 < size <= 50_000
    assert counts.dead_lettered == len(letters(tmp_path)) > 200
    assert counts.dropped == {"dead letters full": 1000 - counts.dead_lettered}
    spool.close()


def test_the_bytes_for_them_are_part_of_the_bound(tmp_path):
    """What dead letters may take is not there for events that wait."""
    spool = spool_on(tmp_path, max_bytes=100_000, max_dead_letter_bytes=50_000)
    for _ in range(1000):
        spool.append(b"x" * 99)
    assert 40_000 < spool.size_bytes() <= 50_000
    spool.close()


def test_no_room_at_all(tmp_path):
    """With 0 bytes for dead letters, each rejected event is lost and counted."""
    spool = spool_on(tmp_path, max_dead_letter_bytes=0)
    reject(spool, 1)
    assert (letters(tmp_path), spool.dropped()) == ([], {"dead letters full": 1})
    spool.close()


def test_there_is_room_again(tmp_path):
    """Once the dead letters are removed, later ones are kept."""
    spool = spool_on(tmp_path, max_bytes=10_000)
    for number in range(10):
        reject(spool, number)
    before = spool.counts().dead_lettered
    (tmp_path / "dead-letters.ndjson").unlink()
    reject(spool, 10)
    assert (before < 10, spool.counts().dead_lettered) == (True, before + 1)
    spool.close()


def test_the_warning_says_what_to_set(tmp_path, caplog):
    """It says how many were lost, how much room there is, and which option sets it."""
    with Sink(RejectingTransport(), tmp_path / "spool", max_dead_letter_bytes=1000) as sink:
        for _ in range(50):
            sink.put(b"{}")
        sink.flush()
    assert "dead letters fill the 1,000 bytes that they may take (max_dead_letter_bytes)" in (
        caplog.text
    )
    told = re.findall(r"(\d+) events? were dropped: dead letters full", caplog.text)
    assert 40 <= sum(map(int, told)) <= sink.stats().dropped  # the last report may be one more


def test_a_bad_size_is_rejected(tmp_path):
    """Dead letters cannot take more than half of the spool: one sentence says so."""
    with pytest.raises(ValueError) as raised:
        configure(
            MemoryTransport(), spool=tmp_path / "s", max_bytes=1000, max_dead_letter_bytes=501
        )
    assert str(raised.value) == "max_dead_letter_bytes is 501; it must be an integer from 0 to 500"


def locked_by_a_child(path):
    """Let a child that is stopped keep the lock of the dead letters; its process id."""
    child = os.fork()
    if not child:
        fd = os.open(path / "dead-letters.ndjson", os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        (path / "locked").touch()
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    assert wait_for((path / "locked").exists, 10)
    return child


@forks
def test_what_waits_for_the_lock_is_counted(tmp_path):
    """A dead letter that waits in memory is buffered until it is written; lost, it is dropped."""
    spool = spool_on(tmp_path)
    reject(spool, 0)
    child = locked_by_a_child(tmp_path)
    try:
        reject(spool, 1)
        waiting = spool.counts()
        spool.close()
        ended = spool.counts()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert (waiting.dead_lettered, waiting.buffered, waiting.dropped) == (1, 1, {})
    assert (ended.dead_lettered, ended.buffered, ended.dropped) == (1, 0, {"disk error": 1})


@forks
def test_a_child_that_was_forked_meanwhile(tmp_path, monkeypatch):
    """A child that was forked while a letter was written does not keep the lock."""
    spool = spool_on(tmp_path)
    children = []
    real_write = os.write

    def fork_in_the_middle(fd, data):
        if not children:
            children.append(0)
            child = os.fork()
            if not child:
                time.sleep(60)
                os._exit(0)
            children[0] = child
        return real_write(fd, data)

    spool.append(events(1)[0])
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fork_in_the_middle)
        spool.reject(events(1)[0], "HTTP 400")
    try:
        begin = time.monotonic()
        spool.reject(events(2)[0], "HTTP 400")
        assert time.monotonic() - begin < 1
        assert len(letters(tmp_path)) == 2
    finally:
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children[0], 0)
    spool.close()
