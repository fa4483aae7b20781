"""Events of a dead process are delivered by a living one: in order, once, and with its own."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import pytest
from support.receivers import OK, Receiver, answer
from support.running import finish, run, start, wait_for
from support.spool_contents import QUICK, Ledger, by_stream, drain, repeated, streams

from structlog_mozdef import RetryPolicy, Sink


def kill(process) -> None:
    process.kill()
    process.communicate()


@contextlib.contextmanager
def program(name, *arguments, **options):
    """A running program that has printed that it is ready; it is killed in the end."""
    process = start(name, *arguments, **options)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def test_at_the_start(tmp_path):
    """A sink that never logs delivers at its start what it finds."""
    with Receiver() as receiver:
        run("spool_orphans", receiver.url, tmp_path, 3, 100)
        with Sink(receiver.url, spool=tmp_path):
            assert wait_for(lambda: not streams(tmp_path))
        expected = {str(stream): list(range(100)) for stream in range(3)}
        assert by_stream(receiver.summaries()) == expected


def test_later_on(tmp_path):
    """A sink that never logs delivers the events of a process that dies later."""
    with Receiver() as receiver, Sink(receiver.url, spool=tmp_path) as sink:
        with program("spool_writer", receiver.url, tmp_path, "dead", 100) as writer:
            assert sink.stats().accepted == 0
            kill(writer)
            assert wait_for(lambda: not streams(tmp_path), 10)
        assert by_stream(receiver.summaries()) == {"dead": list(range(100))}


def test_each_stream_has_one_adopter(tmp_path):
    """Several processes share the streams of the dead; none is sent twice or out of order."""
    adopters: dict[str, set[int]] = {}

    def respond(request):
        for event in request.events():
            adopters.setdefault(event["summary"].split()[0], set()).add(request.connection)
        time.sleep(0.005)
        return OK

    with Receiver(respond) as receiver, contextlib.ExitStack() as stack:
        run("spool_orphans", receiver.url, tmp_path, 30, 300)
        idle = [
            stack.enter_context(program("spool_idle", receiver.url, tmp_path, stdin=-1))
            for _ in range(3)
        ]
        assert wait_for(lambda: not streams(tmp_path), 30)
        delivered = [int(finish_input(process)) for process in idle]
        summaries = receiver.summaries()
        assert by_stream(summaries) == {str(name): list(range(300)) for name in range(30)}
        assert {len(connections) for connections in adopters.values()} == {1}
        assert sum(delivered) == sum(len(events) for events in by_stream(summaries).values())
        assert sum(count > 0 for count in delivered) > 1


def finish_input(process) -> str:
    process.stdin.close()
    process.stdin = None
    return finish(process).stdout


def test_own_traffic_and_adopted_streams_share_the_way(tmp_path):
    """A sink with heavy traffic of its own delivers adopted streams as well, and vice versa."""
    shares: dict[str, int] = {"own": 0, "orphan": 0}
    both: list[tuple[int, int]] = []

    def respond(request):
        for event in request.events():
            shares["own" if event["summary"].startswith("own") else "orphan"] += 1
        both.append((shares["own"], shares["orphan"]))
        time.sleep(0.005)
        return OK

    with Receiver(respond) as receiver:
        with program("spool_writer", receiver.url, tmp_path, "orphan", 5000) as writer:
            kill(writer)
        options = {**QUICK, "batch_events": 50}
        with Sink(receiver.url, spool=tmp_path, **options) as sink:
            for number in range(5000):
                sink.put(b'{"summary": "own %d"}' % number)
            assert wait_for(lambda: shares["own"] + shares["orphan"] >= 10_000, 30)
    # When either is through by half, the other has had its share.
    own_then, orphan_then = next(pair for pair in both if max(pair) >= 2500)
    assert min(own_then, orphan_then) > 1500


def test_a_blocked_send_delays_nobody_else(tmp_path):
    """While one sink waits for an answer, another one adopts, and log calls go on."""
    over = threading.Event()
    first = threading.Event()

    def respond(request):
        if b"blocked" in request.body:
            first.set()
            over.wait(30)
        return OK

    with Receiver(respond) as receiver:
        blocked = Sink(receiver.url, spool=tmp_path, linger=0, exit_timeout=0)
        blocked.put(b'{"summary": "blocked 0"}')
        assert first.wait(10)
        run("spool_orphans", receiver.url, tmp_path, 2, 50)
        start_time = time.monotonic()
        blocked.put(b'{"summary": "later 0"}')
        assert time.monotonic() - start_time < 1
        with Sink(receiver.url, spool=tmp_path):
            assert wait_for(lambda: len(streams(tmp_path)) == 1)
        over.set()
        assert blocked.close(20)
        assert by_stream(receiver.summaries()) == {
            **{str(stream): list(range(50)) for stream in range(2)},
            "blocked": [0],
            "later": [0],
        }


@pytest.mark.slow
def test_a_stopped_owner_keeps_its_stream(tmp_path):
    """A process that is stopped is alive: its stream is left alone until it is killed."""
    with Receiver() as receiver, Sink(receiver.url, spool=tmp_path) as sink:
        with program("spool_writer", receiver.url, tmp_path, "stopped", 100) as writer:
            os.kill(writer.pid, signal.SIGSTOP)
            time.sleep(4)  # it would have been adopted by now
            assert (receiver.summaries(), sink.stats().accepted) == ([], 0)
            kill(writer)
            assert wait_for(lambda: not streams(tmp_path), 10)
        assert by_stream(receiver.summaries()) == {"stopped": list(range(100))}


def test_many_small_streams_are_adopted_soon(tmp_path):
    """Two hundred streams with a few events each are delivered within seconds."""
    with Receiver() as receiver:
        run("spool_orphans", receiver.url, tmp_path, 200, 3)
        start_time = time.monotonic()
        with Sink(receiver.url, spool=tmp_path):
            assert wait_for(lambda: not streams(tmp_path))
        assert time.monotonic() - start_time < 4
        assert by_stream(receiver.summaries()) == {
            str(stream): list(range(3)) for stream in range(200)
        }


@pytest.mark.slow
def test_poison_is_recognised_while_streams_come_and_go(tmp_path):
    """Only the event that always fails becomes a dead letter, whatever is adopted meanwhile."""

    def respond(request):
        return answer(500) if b"poison" in request.body else OK

    options = {**QUICK, "batch_events": 20, "recovery_pause": 0.01, "retry": RetryPolicy(0.01, 1)}
    with Receiver(respond) as receiver:
        orphans = start("spool_orphans", receiver.url, tmp_path, 60, 40)
        letters = set()
        with Sink(receiver.url, spool=tmp_path, **options) as sink:
            for number in range(600):
                sink.put(b'{"summary": "own %d"}' % number)
                if number % 50 == 7:
                    sink.put(b'{"summary": "poison %d"}' % number)
                time.sleep(0.001)
            finish(orphans)
            assert sink.flush(90)  # half a minute of evidence
            assert wait_for(lambda: len(streams(tmp_path)) == 1, 30)
            letters = {letter.event for letter in sink.dead_letters()}
            assert sink.stats().dead_lettered == 12
        assert letters == {
            b'{"summary": "poison %d"}' % number for number in range(600) if number % 50 == 7
        }
        arrived = by_stream(receiver.summaries())
        assert {name: sorted(events) for name, events in arrived.items()} == {
            "own": list(range(600)),
            **{str(stream): list(range(40)) for stream in range(60)},
        }


def test_four_processes_with_two_sinks_each(tmp_path):
    """Processes that log to one folder at once lose nothing, and send nothing twice."""
    ledger = Ledger()
    with ledger.receiver as receiver:
        processes = [
            start("spool_busy", receiver.url, tmp_path, name, 2000) for name in ("a", "b", "c", "d")
        ]
        for process in processes:
            finish(process)
        assert drain(receiver.url, tmp_path)
    assert by_stream(ledger.summaries) == {
        f"{name}-{thread}": list(range(2000)) for name in "abcd" for thread in range(4)
    }
    assert repeated(ledger.summaries) == 0


def test_repeats_after_a_kill_are_one_batch_at_most(tmp_path):
    """Where one of several processes is killed, one batch at most is sent twice."""
    ledger = Ledger()
    with ledger.receiver as receiver:
        processes = [
            start("spool_busy", receiver.url, tmp_path, name, 2000) for name in ("a", "b", "c")
        ]
        assert wait_for(lambda: any(s.startswith("a-3 5") for s in list(ledger.summaries)))
        kill(processes[0])
        for process in processes[1:]:
            finish(process)
        assert drain(receiver.url, tmp_path)
    arrived = by_stream(ledger.summaries)
    assert all(events == list(range(len(events))) for events in arrived.values())
    assert all(len(arrived[f"{name}-{n}"]) == 2000 for name in "bc" for n in range(4))
    # Each of its two sinks had one batch of 100 under way.
    assert repeated(ledger.summaries) <= 200
