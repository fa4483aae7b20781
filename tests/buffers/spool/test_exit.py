"""However a program with a spool ends: its events are delivered, or wait for the next one."""

from __future__ import annotations

import signal
import time

import pytest
from support.receivers import Receiver
from support.running import dead_url, finish, run, start, wait_for
from support.spool_contents import QUICK, by_stream, drain, streams, waiting

from structlog_mozdef import Sink

MANY = sorted(map(str, range(10_000)))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("many", MANY),
        ("atexit_after", ["later handler", "main"]),
        ("atexit_before", ["earlier handler", "main"]),
        ("atexit_only", ["earlier handler"]),
        ("outliving_threads", sorted(map(str, range(20)))),
        ("first_event_after_main", ["first"]),
        ("exception", ["main"]),
        ("forgotten", ["0", "1", "2", "3", "4"]),
        ("no_threads", sorted(map(str, range(20)))),
        ("logging_shutdown", ["after", "before", "closed"]),
    ],
)
def test_a_program_delivers_at_its_end(case, expected, folder):
    """Where the receiver is up, everything is delivered, and nothing again by the next one."""
    with Receiver() as receiver:
        result = run("exit_cases", case, receiver.url, env={"SPOOL": str(folder)})
        assert sorted(receiver.summaries()) == expected
        assert "Traceback" not in result.stderr
        assert drain(receiver.url, folder)
        assert sorted(receiver.summaries()) == expected


@pytest.mark.parametrize("case", ["many", "exception", "atexit_before", "forgotten"])
def test_a_program_leaves_its_events_to_the_next_one(case, folder):
    """Where the receiver is down the end is quick, and the next process delivers."""
    url = dead_url()
    start_time = time.monotonic()
    result = run("exit_cases", case, url, env={"SPOOL": str(folder)})
    seconds = time.monotonic() - start_time
    left = waiting(folder)
    assert seconds < 4.5  # less than the 5 s that a sink may take, on a busy machine as well
    assert len(left) == {"many": 10_000, "exception": 1, "atexit_before": 2, "forgotten": 5}[case]
    assert "Traceback" not in result.stderr
    with Receiver(port=int(url.rsplit(":", 1)[1].removesuffix("/events"))) as receiver:
        assert drain(url, folder)
        assert sorted(receiver.raw_events()) == sorted(left)


@pytest.mark.parametrize("end", ["sys.exit", "exception", "SIGTERM", "SIGKILL", "abort", "exec"])
@pytest.mark.parametrize("receiver_is_up", [True, False], ids=["up", "down"])
def test_nothing_is_lost_in_the_middle_of_everything(end, receiver_is_up, folder):
    """A program that ends in the middle of its work loses no event, and repeats one batch."""
    with Receiver() as receiver:
        url = receiver.url
        if not receiver_is_up:
            receiver.stop()
        process = start("spool_ends", url, folder, end)
        assert process.stdout.readline() == "logged\n"
        if end.startswith("SIG"):
            process.send_signal(getattr(signal, end))
        process.communicate(timeout=20)
    with Receiver(port=receiver.port) as later:
        assert drain(url, folder)
        arrived = [*receiver.summaries(), *later.summaries()]
    assert by_stream(arrived) == {"event": list(range(3000))}
    assert len(arrived) <= 3100


def test_close_returns_in_its_time(folder):
    """`close` of a sink whose receiver is down returns in its time, and keeps the events."""
    sink = Sink(dead_url(), spool=folder, **QUICK)
    for number in range(100):
        sink.put(b'{"summary": "event %d"}' % number)
    start_time = time.monotonic()
    closed = sink.close(0.5)
    assert (closed, time.monotonic() - start_time < 2) == (False, True)
    assert len(waiting(folder)) == 100
    assert sink.stats().buffered == 100


def test_a_closed_sink_goes_on(folder):
    """What a sink accepts after `close`, and what it left behind then, is delivered."""
    url = dead_url()
    sink = Sink(url, spool=folder, **QUICK)
    sink.put(b'{"summary": "event 0"}')
    assert not sink.close(0.2)
    with Receiver(port=int(url.rsplit(":", 1)[1].removesuffix("/events"))) as receiver:
        sink.put(b'{"summary": "event 1"}')
        assert wait_for(lambda: sink.stats().buffered == 0)
        assert sink.close()
        assert sorted(receiver.summaries()) == ["event 0", "event 1"]
    stats = sink.stats()
    assert (stats.accepted, stats.delivered) == (2, 2)


def test_what_others_have_taken_over_is_let_go(folder):
    """Events that another process delivered after `close` are not asked for again, nor sent."""
    with Receiver() as receiver:
        port, url = receiver.port, receiver.url
        receiver.stop()
        sink = Sink(url, spool=folder, **QUICK)
        sink.put(b'{"summary": "event 0"}')
        assert not sink.close(0.2)
        with Receiver(port=port) as later:
            process = start("spool_idle", url, folder, stdin=-1)
            assert wait_for(lambda: not streams(folder))
            sink.put(b'{"summary": "event 1"}')
            assert sink.flush()
            time.sleep(1)
            process.stdin.close()
            process.stdin = None
            finish(process)
            assert sink.close()
            assert sorted(later.summaries()) == ["event 0", "event 1"]
            bodies = [request.body for request in later.accepted if not request.raw_events()]
            # An empty question for /_bulk from each, and no more.
            assert set(bodies) == {b""}
            assert len(bodies) <= 4
