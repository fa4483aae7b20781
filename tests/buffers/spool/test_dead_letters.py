"""The dead letters of a spool: nobody waits for a lock that somebody keeps for long."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time

from support.handmade_spools import events, letters, spool_on
from support.running import forks, wait_for


def reject(spool, number):
    spool.append(events(number)[0])
    spool.reject(events(number)[0], "HTTP 400")
    spool.ack(spool.peek(1, 1000))


@forks
def test_a_stopped_process_keeps_the_lock(tmp_path, caplog):
    """Letters wait in memory then, and are written once the lock is free; nothing is lost."""
    spool = spool_on(tmp_path)
    reject(spool, 0)
    child = os.fork()
    if not child:
        fd = os.open(tmp_path / "dead-letters.ndjson", os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        (tmp_path / "locked").touch()
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    assert wait_for((tmp_path / "locked").exists, 10)
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
