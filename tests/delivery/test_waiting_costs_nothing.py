"""While events cannot be sent, the sender sleeps, whoever waits for it."""

from __future__ import annotations

import contextlib
import itertools
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
