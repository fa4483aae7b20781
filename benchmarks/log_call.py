"""The cost of a log call in each way that the documents show, and whether the events arrive.

Ratios are to structlog's own JSON chain writing to /dev/null, the floor, in the same run. Each way
runs in its own process, in turn with the others, against a receiver that counts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.counting_receiver import CountingReceiver, counting_receiver
from benchmarks.log_call_results import Measured, results_of
from benchmarks.orphans import leave_orphans
from benchmarks.results import Results
from benchmarks.running import Program, disk_folder, quiet_port, settled
from benchmarks.ways import WAYS, State, Way

_LIMIT = 180.0
_ORPHANS = 10_000
_QUICK_PART = 100
_QUICK_EVENTS = 300


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved rounds."""
    return measured(WAYS, quick=quick)


def measured(ways: Mapping[str, Way], *, quick: bool) -> Results:
    """Measure *ways*, the floor among them, by turns."""
    found = _measure(ways, quick=quick)
    return results_of(found)


def _measure(ways: Mapping[str, Way], *, quick: bool) -> dict[str, Measured]:
    found = {key: Measured() for key in ways}
    for number in range(1 if quick else max(way.rounds for way in ways.values())):
        for key, way in ways.items():
            if number >= way.rounds:
                continue
            try:
                found[key].rounds.append(_run(key, way, quick=quick))
            except RuntimeError as error:
                # One that fails must not prevent the figures of the others.
                found[key].failure = str(error)
    return found


def _run(key: str, way: Way, *, quick: bool) -> dict[str, float]:
    events = max(_QUICK_EVENTS, way.events // _QUICK_PART) if quick else way.events
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(disk_folder())
        fails = "poison" if way.state is State.POISON else "nothing"
        is_down = way.state in {State.OUTAGE, State.ORPHANS}
        port = quiet_port() if is_down else 0
        receiving = counting_receiver(port, keep=True, fails=fails)  # type: ignore[arg-type]
        receiver = None if is_down else stack.enter_context(receiving)
        url = f"http://127.0.0.1:{port}/events" if receiver is None else receiver.url
        if way.state is State.ORPHANS:
            leave_orphans(url, f"{folder}/spool", 20 if quick else _ORPHANS)
        program = Program(
            "log_call_program",
            "measured",
            folder,
            way=key,
            place=key.partition("/")[2],
            url=url,
            events=events,
        )
        stack.callback(program.kill)
        if receiver is None:
            _wait_for_result(program)
            receiver = stack.enter_context(receiving)
            program.go_on()
        if not program.wait(_LIMIT) or program.exit_status:
            raise RuntimeError(program.last_words() or "did not end in time")
        result = program.result()
        assert result is not None
        return {**result, **_arrived(way, receiver, result, events)}


def _wait_for_result(program: Program) -> None:
    deadline = time.monotonic() + _LIMIT
    while program.result() is None:
        if not program.running() or time.monotonic() > deadline:
            raise RuntimeError(program.last_words() or "did not end in time")
        time.sleep(0.05)


def _arrived(
    way: Way, receiver: CountingReceiver, result: dict[str, Any], events: int
) -> dict[str, float]:
    if not way.ships:
        return {}
    settled(receiver.count, enough=result["logged"], idle=0.5, limit=5)
    return {
        "lost": result["logged"] - receiver.distinct(),
        "arrived_a_second": events / (result["last"] - result["began"]),
    }


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
