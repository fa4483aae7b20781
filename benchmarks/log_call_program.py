"""Measure one way of logging in its own process, which `benchmarks.log_call` starts.

The argument is a JSON object: ``way``, a key in `benchmarks.ways.WAYS`; ``place``, "memory" or
"spool"; ``url`` of the receiver; ``folder``; ``events``; and ``result``, the file for the result.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import timing
from benchmarks.counting_receiver import CountingReceiver
from benchmarks.events import number_of
from benchmarks.running import write_result
from benchmarks.set_ups import SetUp
from benchmarks.ways import WAYS, State, Way

_WARM_UP = 1_000
_BURST = 1_000
_FLUSH_SECONDS = 120.0
#: In place of a number, for the event that the receiver always fails with.
_POISON = "poison"
_NOBODY_LISTENS = {State.OUTAGE, State.ORPHANS}


class Measurement:
    """One way of logging, from the first event to the last that is delivered."""

    def __init__(self, way: Way, options: dict[str, Any]) -> None:
        self._way = way
        self._options = options
        self._overhead = timing.overhead_async() if way.call_async else timing.overhead()
        sink_options = dict(way.options)
        if options["place"] == "spool":
            sink_options["spool"] = f"{options['folder']}/spool"
        self._set_up: SetUp = way.open(options["url"], options["folder"], **sink_options)
        self._numbers = map(number_of, itertools.count())

    def run(self) -> dict[str, Any]:
        """Log, wait for the delivery, and return what that took."""
        way, events = self._way, self._options["events"]
        self._log(self._take(min(_WARM_UP, events)))
        if way.state not in _NOBODY_LISTENS:
            self._flush()
        numbers = self._take(events)
        if way.state is State.POISON:
            numbers[0] = _POISON
        cpu, began, start = time.process_time(), time.monotonic(), time.perf_counter()
        seconds = self._log(numbers)
        elapsed = time.perf_counter() - start
        if way.state in _NOBODY_LISTENS:
            write_result(self._options, {})  # now a receiver is started
            sys.stdin.readline()
        self._deliver()
        cpu = time.process_time() - cpu
        found = self._found()
        # Sorting takes its time: only now.
        quantiles = timing.quantiles(seconds)
        return {
            **{name: max(0.0, value - self._overhead.call) for name, value in quantiles.items()},
            "timer": self._overhead.call,
            "mean": max(0.0, elapsed / events - self._overhead.loop),
            "cpu": max(0.0, cpu / events - self._overhead.loop),
            "calls_a_second": events / elapsed,
            "began": began,
            "logged": min(_WARM_UP, events) + events - (way.state is State.POISON),
            **found,
        }

    def close(self) -> None:
        """Let the sink end: what a receiver always fails with is left."""
        if self._set_up.sink is not None:
            self._set_up.sink.close(0 if self._way.state is State.POISON else 10)

    def _take(self, count: int) -> list[str]:
        return list(itertools.islice(self._numbers, count))

    def _log(self, numbers: Sequence[str]) -> array[float]:
        if self._way.call_async is not None:
            call_async = self._way.call_async(self._set_up.log)
            return asyncio.run(timing.timed_async(call_async, numbers))
        call = self._way.call(self._set_up.log)
        if self._way.threads > 1:
            return _timed_in_threads(call, numbers, self._way.threads)
        if not self._way.pause:
            return timing.timed(call, numbers)
        seconds = array("d")
        for first in range(0, len(numbers), _BURST):
            seconds += timing.timed(call, numbers[first : first + _BURST])
            time.sleep(self._way.pause)
        return seconds

    def _flush(self) -> None:
        sink = self._set_up.sink
        self._set_up.wait()
        assert sink is None or sink.flush(_FLUSH_SECONDS), sink.stats()

    def _deliver(self) -> None:
        """Wait until everything is delivered that can be."""
        sink = self._set_up.sink
        if sink is None or self._way.state is not State.POISON:
            self._flush()
            return
        deadline = time.monotonic() + _FLUSH_SECONDS
        while sink.stats().buffered > 1:
            assert time.monotonic() < deadline, sink.stats()
            time.sleep(0.02)

    def _found(self) -> dict[str, Any]:
        """Return what has arrived; before the sink is closed, which adds an event."""
        sink = self._set_up.sink
        if sink is None:
            return {}
        port = int(self._options["url"].partition("://127.0.0.1:")[2].partition("/")[0])
        arrivals = CountingReceiver(port).arrivals()
        stats = sink.stats()
        return {"last": arrivals.last, "dropped": stats.dropped, "buffered": stats.buffered}


def _timed_in_threads(call: timing.Call, numbers: Sequence[str], threads: int) -> array[float]:
    found: list[array[float]] = []
    parts: list[Callable[[], None]] = [
        lambda part=numbers[index::threads]: found.append(timing.timed(call, part))  # type: ignore[misc]
        for index in range(threads)
    ]
    workers = [threading.Thread(target=part) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(found[1:], start=found[0])


def main() -> None:
    """Measure once."""
    options = json.loads(sys.argv[1])
    measurement = Measurement(WAYS[options["way"]], options)
    result = measurement.run()
    measurement.close()
    write_result(options, result)
    # All is delivered: handlers at exit must not wait once more.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
