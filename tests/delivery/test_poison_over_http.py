"""Over real HTTP: what a server cannot digest holds up nobody, and no other is blamed for it."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.receivers import CLOSE, OK, Receiver, Request, answer
from support.running import wait_for

from structlog_mozdef.sink import Sink

POISON = b"poison"


def event(number: int, word: str = "event") -> bytes:
    return b'{"summary": "%s %d"}' % (word.encode(), number)


def queue(count: int, poisons: set[int]) -> list[bytes]:
    return [event(n, "poison" if n in poisons else "event") for n in range(count)]


def good(events: list[bytes]) -> list[bytes]:
    return [event for event in events if POISON not in event]


def first_arrivals(receiver: Receiver) -> list[bytes]:
    return list(dict.fromkeys(receiver.raw_events()))


def put_all(sink: Sink, events: list[bytes]) -> None:
    for event in events:
        sink.put(event)


FAILURES = {"500": answer(500), "cut": CLOSE}


def chokes_on_poison(failure: str) -> Callable[[Request], object]:
    """Answer as a server that fails at once where there is poison, in the way that is named."""
    return lambda request: FAILURES[failure] if POISON in request.body else OK


@pytest.fixture(params=FAILURES)
def chokes(request):
    return chokes_on_poison(request.param)


# Each of these takes half a minute, in which nearly nothing happens: they run at the same time.


def three_of_three_thousand(failure: str, folder: Path) -> None:
    events = queue(3000, {17, 1500, 2999})
    with Receiver(chokes_on_poison(failure)) as receiver, Sink(receiver.url) as sink:
        start = time.monotonic()
        put_all(sink, events)
        assert wait_for(lambda: len(first_arrivals(receiver)) == 2997, timeout=10)
        assert first_arrivals(receiver) == good(events)
        assert wait_for(lambda: sink.stats().dead_lettered == 3, timeout=90)
        assert (time.monotonic() - start < 90, sink.stats().buffered) == (True, 0)


def a_hundred_of_ten_thousand(failure: str, folder: Path) -> None:
    events = queue(10_000, set(random.Random(1).sample(range(10_000), 100)))
    receiver = Receiver(chokes_on_poison(failure))
    with receiver, Sink(receiver.url, exit_timeout=1) as sink:
        put_all(sink, events)
        assert wait_for(lambda: sink.stats().delivered == 9900, timeout=60)
        assert first_arrivals(receiver) == good(events)
        assert wait_for(lambda: sink.stats().dead_lettered == 100, timeout=90)


def one_broken_server_of_two(buffer: str, folder: Path) -> None:
    chance = random.Random(2)
    lock = threading.Lock()

    def respond(request):
        with lock:
            return OK if chance.random() < 0.5 else answer(500)

    events = queue(5000, set())
    spool = folder if buffer == "spool" else None
    with Receiver(respond) as receiver, Sink(receiver.url, spool=spool) as sink:
        put_all(sink, events)
        assert wait_for(lambda: sink.stats().buffered == 0, timeout=90)
        assert (sink.stats().dead_lettered, set(first_arrivals(receiver))) == (0, set(events))


def new_events_while_suspects_wait(failure: str, folder: Path) -> None:
    with Receiver(chokes_on_poison(failure)) as receiver, Sink(receiver.url, spool=folder) as sink:
        put_all(sink, queue(10, {3, 4}))
        slowest = 0.0
        for number in range(10, 60):
            start = time.monotonic()
            sink.put(event(number))
            assert wait_for(lambda number=number: event(number) in receiver.raw_events())
            slowest = max(slowest, time.monotonic() - start)
            time.sleep(0.2)
        assert slowest < 5


SCENARIOS = [
    *itertools.product(
        (three_of_three_thousand, a_hundred_of_ten_thousand, new_events_while_suspects_wait),
        FAILURES,
    ),
    *itertools.product((one_broken_server_of_two,), ("memory", "spool")),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What became of each scenario, as a future."""
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        yield {
            (scenario, variant): pool.submit(scenario, variant, tmp_path_factory.mktemp("spool"))
            for scenario, variant in SCENARIOS
        }


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
def test_three_of_three_thousand(outcomes, failure):
    """The others are delivered within ten seconds, in their order, and the three are found."""
    outcomes[three_of_three_thousand, failure].result()


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
def test_a_hundred_of_ten_thousand(outcomes, failure):
    """The others are delivered within a minute, in their order."""
    outcomes[a_hundred_of_ten_thousand, failure].result()


@pytest.mark.slow
@pytest.mark.parametrize("buffer", ["memory", "spool"])
def test_a_balancer_with_one_broken_server_of_two(outcomes, buffer):
    """Where half of all requests fail, all events arrive, and none is a dead letter."""
    outcomes[one_broken_server_of_two, buffer].result()


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
def test_new_events_do_not_wait_for_suspects(outcomes, failure):
    """While suspects wait in a spool, each new event arrives within a second or two."""
    outcomes[new_events_while_suspects_wait, failure].result()


def test_flush_says_that_a_suspect_waits(chokes):
    """A flush is not done while an event is a suspect; the others are delivered by then."""
    with Receiver(chokes) as receiver, Sink(receiver.url, exit_timeout=0) as sink:
        sink.put(event(0))
        assert sink.flush(10)
        put_all(sink, queue(10, {5}))
        assert not sink.flush(2)
        assert sink.stats().delivered == 10
        receiver.respond = lambda request: OK
        assert sink.close(30)


def test_the_exit_does_not_wait_for_a_suspect(chokes):
    """A close tries a suspect once more, and then ends in its time."""
    with Receiver(chokes) as receiver:
        sink = Sink(receiver.url)
        sink.put(event(0))
        assert sink.flush(10)
        put_all(sink, queue(10, {5}))
        start = time.monotonic()
        assert not sink.close(5)
        assert time.monotonic() - start < 8
        receiver.respond = lambda request: OK
        assert sink.close(30)
