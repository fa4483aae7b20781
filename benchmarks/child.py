"""Measure one library in its own process, which `benchmarks.running` starts.

The argument is a JSON object, which names the file for the result, another JSON object. What the
library prints goes to standard output and error.
"""

from __future__ import annotations

import collections
import json
import os
import signal
import sys
import threading
import time
from array import array
from pathlib import Path
from typing import Any

from benchmarks import events
from benchmarks.peers import PEERS, Destination, Running
from benchmarks.running import write_result
from benchmarks.timing import quantiles

_clock = time.perf_counter
_BUCKETS = 30


class _Calls:
    """Log, and time each call."""

    def __init__(self, running: Running) -> None:
        self._log = running.log
        self.seconds = array("d")
        self.raised: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def run(self, numbers: range, deadline: float, padding: dict[str, str] | None = None) -> int:
        """Log these events until *deadline* (by ``time.monotonic``); return their number."""
        log, seconds = self._log, array("d")
        for number in numbers:
            fields = events.fields(number, padding)
            start = _clock()
            try:
                log(fields)
            except Exception as error:
                self.raised[type(error).__name__] += 1
            seconds.append(_clock() - start)
            if number & 255 == 0 and time.monotonic() > deadline:
                break
        with self._lock:
            self.seconds.extend(seconds)
        return len(seconds)


def _memory(name: str) -> int:
    """Return the memory of this process in bytes: VmRSS is the present, VmHWM the maximum."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(name)


def speed(running: Running, options: dict[str, Any]) -> dict[str, Any]:
    """Log with one or several threads, and close."""
    calls = _Calls(running)
    count, threads = options["events"], options["threads"]
    part = count // threads
    deadline = time.monotonic() + options["seconds"]
    workers = [
        threading.Thread(target=calls.run, args=(range(i * part, (i + 1) * part), deadline))
        for i in range(threads - 1)
    ]
    start, began = time.monotonic(), _clock()
    for worker in workers:
        worker.start()
    calls.run(range((threads - 1) * part, threads * part), deadline)
    for worker in workers:
        worker.join()
    elapsed = _clock() - began
    result = {
        "start": start,
        "logged": len(calls.seconds),
        "calls_a_second": len(calls.seconds) / elapsed,
        "raised": calls.raised,
        **quantiles(calls.seconds),
    }
    write_result(options, result)  # in case close() hangs
    running.close()
    return result


def outage(running: Running, options: dict[str, Any]) -> dict[str, Any]:
    """Log while no receiver listens, wait for a line on standard input, then close."""
    calls = _Calls(running)
    before = _memory("VmRSS")
    logged = calls.run(range(options["events"]), time.monotonic() + options["seconds"])
    width = max(1, logged // _BUCKETS)
    parts = [calls.seconds[i : i + width] for i in range(0, logged - width + 1, width)]
    result = {
        "logged": logged,
        "raised": calls.raised,
        "memory": _memory("VmHWM") - before,
        "curve": [
            [(index + 0.5) * width, of["median"], of["p99"]]
            for index, of in enumerate(map(quantiles, parts))
        ],
        **quantiles(calls.seconds),
    }
    write_result(options, result)
    sys.stdin.readline()
    running.close()
    return {**result, "memory": _memory("VmHWM") - before}


def kill(running: Running, options: dict[str, Any]) -> dict[str, Any]:
    """Log, and kill this process when the last log call has returned."""
    calls = _Calls(running)
    logged = calls.run(range(options["events"]), time.monotonic() + options["seconds"])
    write_result(options, {"logged": logged, "raised": calls.raised})
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def recover(running: Running, options: dict[str, Any]) -> dict[str, Any]:
    """Log one event, since some libraries start with the first one, and send what is on disk."""
    running.log(events.fields(options["events"]))
    running.close()
    return {}


def sizes(running: Running, options: dict[str, Any]) -> dict[str, Any]:
    """Return the median of a log call for each size of the event."""
    medians = []
    for size, count in options["sizes"]:
        calls = _Calls(running)
        calls.run(range(count), time.monotonic() + options["seconds"], events.padding(size))
        medians.append(quantiles(calls.seconds)["median"])
    return {"medians": medians}


_MEASUREMENTS = {function.__name__: function for function in (speed, outage, kill, recover, sizes)}


def main() -> None:
    """Measure once."""
    options = json.loads(sys.argv[1])
    peer = PEERS[options["peer"]]
    running = peer.open(Destination(options["port"], options["folder"]))
    write_result(options, _MEASUREMENTS[options["measurement"]](running, options))
    # The library is closed: its exit handlers must not wait once more.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
