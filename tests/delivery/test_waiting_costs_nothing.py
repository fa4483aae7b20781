"""While events cannot be sent the sender sleeps, even if somebody waits for it."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import threading
import time

from support.receivers import CLOSE, OK, Receiver, answer
from support.running import wait_for

from structlog_mozdef.sink import Sink

RESPONSES = {
    "suspect": lambda request: answer(500) if b'"poison"' in request.body else OK,
    "error": lambda request: answer(500),
    "cut": lambda request: CLOSE,
    "unauthorized": lambda request: answer(401),
    "busy": lambda request: answer(429, Retry_After="3"),
}


def test_calls_that_wait(tmp_path):
    """A flush, or a close, that waits for events that cannot be sent now takes no processor."""
    with contextlib.ExitStack() as stack:
        waiting = []
        for (name, respond), call in itertools.product(RESPONSES.items(), ("flush", "close")):
            receiver = stack.enter_context(Receiver(respond))
            sink = Sink(receiver.url, spool=tmp_path / name / call, exit_timeout=0)
            for word in ("first", "poison", "last"):
                sink.put(b'{"summary": "%s"}' % word.encode())
            assert wait_for(lambda sink=sink: sink.stats().failed_attempts > 0)
            thread = threading.Thread(target=getattr(sink, call), args=(9,))
            waiting.append((sink, thread))
        for _, thread in waiting:
            thread.start()
        before = time.process_time()
        time.sleep(2)
        spent = time.process_time() - before
        for sink, thread in waiting:
            sink.close(0)
            thread.join()
    assert spent < 1


def test_events_that_cannot_be_read(tmp_path, monkeypatch):
    """While the disk has errors it is read again ten times a second; a close does not give up."""

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    fill = b"x" * 500  # so that they are not read at once
    with Receiver(lambda request: answer(503)) as receiver:
        sink = Sink(receiver.url, spool=tmp_path, exit_timeout=0, recovery_pause=0)
        for number in range(5000):
            sink.put(b'{"summary": "%d", "fill": "%s"}' % (number, fill))
        assert wait_for(lambda: sink.stats().failed_attempts > 0)
        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", fail)
            receiver.respond = lambda request: OK
            assert wait_for(lambda: sink.stats().delivered)
            before = time.process_time()
            assert not sink.flush(1)
            time.sleep(1)
            spent = time.process_time() - before
            assert sink.stats().buffered > 1000
            recovery = threading.Timer(0.2, patch.undo)
            recovery.start()
            assert sink.close(10)
            recovery.join()
    assert spent < 0.8
