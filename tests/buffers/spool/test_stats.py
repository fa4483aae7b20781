"""The numbers of a sink with a spool add up at every moment, whatever it adopts."""

from __future__ import annotations

import itertools
import sys
import threading
import time

import pytest
from support.receivers import OK, Receiver, answer
from support.running import finish, start, wait_for
from support.spool_contents import QUICK, streams

from structlog_mozdef import Sink, Stats


@pytest.fixture
def _switching():
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(interval)


COUNTERS = ("accepted", "adopted", "delivered", "sent", "dead_lettered", "dropped")


def look(sink: Sink, wrong: list[Stats], over: threading.Event) -> None:
    """Collect numbers that do not add up, or have fallen."""
    before = sink.stats()
    while not over.is_set():
        stats = sink.stats()
        parts = stats.delivered + stats.sent + stats.dead_lettered + stats.dropped
        parts += stats.buffered + stats.released
        fallen = any(getattr(stats, name) < getattr(before, name) for name in COUNTERS)
        if stats.accepted + stats.adopted != parts or stats.buffered < 0 or fallen:
            wrong.append(stats)
        before = stats
        time.sleep(1e-4)  # others need the interpreter as well


def put(sink: Sink) -> None:
    for number in range(1000):
        sink.put(b'{"summary": "good %d"}' % number)
        if not number % 200:
            sink.put(b'{"summary": "bad %d"}' % number)


@pytest.mark.usefixtures("_switching")
@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest", "block"])
def test_the_sum_holds_at_every_moment(when_full, tmp_path):
    """Accepted = delivered + sent + dead_lettered + dropped + buffered, while adopting."""
    count = itertools.count()

    def respond(request):
        if b"bad" in request.body:
            return answer(400)
        return answer(500) if not next(count) % 40 else OK

    wrong: list[Stats] = []
    over = threading.Event()
    options = {**QUICK, "batch_events": 50, "recovery_pause": 0.0, "recovery_probes": 1}
    with Receiver(respond) as receiver:
        orphans = start("spool_orphans", receiver.url, tmp_path, 40, 50)
        sink = Sink(receiver.url, spool=tmp_path, max_bytes=100_000, when_full=when_full, **options)
        looker = threading.Thread(target=look, args=(sink, wrong, over))
        putters = [threading.Thread(target=put, args=(sink,)) for _ in range(3)]
        for thread in [looker, *putters]:
            thread.start()
        for thread in putters:
            thread.join(60)
        finish(orphans)
        settled = sink.flush(30) and wait_for(lambda: len(streams(tmp_path)) == 1)
        stats = sink.stats()
        sink.close()
        over.set()
        looker.join(10)
        # Where there was no room for some, an event that says so was accepted as well.
        reports = sum(" lost before " in summary for summary in receiver.summaries())
    assert (wrong[:3], settled, stats.buffered) == ([], True, 0)
    assert (stats.accepted - reports, stats.adopted) == (3 * (1000 + 5), 40 * 50)
    if when_full == "block":
        assert (stats.dropped, stats.dead_lettered) == (0, 3 * 5)


def test_closing_in_an_outage(tmp_path):
    """What a sink leaves to others at its end is released, and no counter falls."""
    with Receiver(lambda request: answer(503)) as receiver:
        start_orphans = start("spool_orphans", receiver.url, tmp_path, 2, 10)
        finish(start_orphans)
        sink = Sink(receiver.url, spool=tmp_path, exit_timeout=0.0, **QUICK)
        for number in range(5):
            sink.put(b'{"summary": "own %d"}' % number)
        assert wait_for(lambda: sink.stats().adopted == 20)
        during = sink.stats()
        sink.close(0.1)
        after = sink.stats()
    assert (during.accepted, during.buffered, during.released) == (5, 25, 0)
    assert (after.accepted, after.adopted, after.buffered, after.released) == (5, 20, 5, 20)


def test_what_others_delivered_meanwhile(tmp_path):
    """Events that a closed sink left, and another one has delivered, are no longer its own."""
    down = True
    with Receiver(lambda request: answer(503) if down else OK) as receiver:
        first = Sink(receiver.url, spool=tmp_path, exit_timeout=0.0, **QUICK)
        for number in range(5):
            first.put(b'{"summary": "own %d"}' % number)
        first.close(0.1)
        down = False
        with Sink(receiver.url, spool=tmp_path, **QUICK) as second:
            assert wait_for(lambda: second.stats().delivered == 5)
        first.put(b'{"summary": "one more"}')
        assert first.flush()
        assert wait_for(lambda: not first.stats().buffered)
        stats = first.stats()
        first.close()
    assert (second.stats().accepted, second.stats().adopted) == (0, 5)
    assert (stats.accepted, stats.delivered, stats.released, stats.adopted) == (6, 1, 5, 0)
