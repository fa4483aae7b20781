"""How long a few events that the server cannot digest hold up the others."""

from __future__ import annotations

import concurrent.futures
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from benchmarks.counting_receiver import counting_receiver
from benchmarks.results import Results, Table, count, ratio
from structlog_mozdef import Sink

# An event is a dead letter after half a minute of failures, at the earliest.
_LIMIT_SECONDS = 150.0


class _Case(NamedTuple):
    name: str
    events: int
    poisons: int
    fails: Literal["nothing", "poison", "half"]


class _Found(NamedTuple):
    through: float
    settled: float
    dead_lettered: int
    missing: int
    repeated: int


_CASES = (
    _Case("3,000 events", 3_000, 0, "nothing"),
    _Case("3 of 3,000 events get 500", 3_000, 3, "poison"),
    _Case("10,000 events", 10_000, 0, "nothing"),
    _Case("100 of 10,000 events get 500", 10_000, 100, "poison"),
    _Case("10,000 events, one of two servers is broken", 10_000, 0, "half"),
)
# With a broken server even a few events take a minute.
_QUICK = (
    _Case("300 events", 300, 0, "nothing"),
    _Case("3 of 300 events get 500", 300, 3, "poison"),
)


def main(*, quick: bool = False) -> Results:
    """Return how long each case takes, beside the same number of events without any failure."""
    cases = _QUICK if quick else _CASES
    rows, base = [], {}
    for case, found in zip(cases, _measure_all(cases, wait=not quick), strict=True):
        if case.fails == "nothing":
            base[case.events] = found.through
        rows.append(
            [
                case.name,
                ratio(found.through, base[case.events]),
                f"{found.through:.2f}",
                "-" if found.settled == _LIMIT_SECONDS else f"{found.settled:.1f}",
                count(found.dead_lettered),
                count(found.missing),
                count(found.repeated),
            ]
        )
    return Results(
        [
            Table(
                "events that always fail, and servers that sometimes do",
                [
                    "case",
                    "ratio",
                    "others through s",
                    "all settled s",
                    "dead letters",
                    "missing",
                    "repeated",
                ],
                rows,
                "the first events of a sink, all at once, batches of 1,000; 500 comes at once;"
                " others through: until each event that does not fail is delivered; ratio: to the"
                " same number of events without a failure; missing, repeated: at the receiver, of"
                " those that do not fail; one round; a case begins once the others of the case"
                " before are through: that only waits from then on",
            )
        ]
    )


def _measure_all(cases: Sequence[_Case], *, wait: bool) -> list[_Found]:
    """Measure each of *cases*; begin with the next one while one waits for its dead letters."""
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as threads:
        running = []
        for case in cases:
            is_through = threading.Event()
            running.append(threads.submit(_measure, case, is_through, wait=wait))
            is_through.wait(_LIMIT_SECONDS)
        return [each.result() for each in running]


def _measure(case: _Case, is_through: threading.Event, *, wait: bool) -> _Found:
    poisons = set(random.Random(1).sample(range(case.events), case.poisons))
    others = case.events - case.poisons
    with (
        counting_receiver(keep=True, fails=case.fails) as receiver,
        Sink(receiver.url, exit_timeout=0.0) as sink,
    ):
        start = time.monotonic()
        for number in range(case.events):
            word = b"poison" if number in poisons else b"event"
            sink.put(b'{"summary": "%s", "number": "%d"}' % (word, 10_000_000 + number))
        through = _until(lambda: sink.stats().delivered >= others, start, _LIMIT_SECONDS)
        is_through.set()
        limit = _LIMIT_SECONDS if wait else 0.0
        settled = _until(lambda: not sink.stats().buffered, start, limit)
        stats = sink.stats()
        arrived = receiver.count()
        missing = others - receiver.distinct()
        sink.close(0)
    if stats.buffered:
        settled = _LIMIT_SECONDS
    return _Found(through, settled, stats.dead_lettered, missing, arrived - others + missing)


def _until(done: Callable[[], bool], start: float, limit: float) -> float:
    """Return the seconds from *start* until *done*, or those of *limit*."""
    while not done() and time.monotonic() - start < limit:
        # Often at first, as long as it can be over at any moment.
        time.sleep(0.002 if time.monotonic() - start < 2 else 0.05)
    return time.monotonic() - start


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
