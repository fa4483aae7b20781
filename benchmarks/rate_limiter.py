"""The cost of a rate limiter in a log call, for events that it does not hold back, and for others.

The first table has the processor alone, called in a loop; the second the whole log call.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import structlog

from benchmarks.loggers import Nowhere, configured_logger, log_many, structlog_json_logger
from benchmarks.results import Results, Table, ratio
from structlog_mozdef import RateLimiter

ROUNDS = 9
CALLS = 20_000
_MANY = 10**9
_FIELDS = {"username": "kang", "sourceipaddress": "10.0.0.7", "success": True}

Limited = Callable[[Any, str, dict[str, Any]], Any]


def _nothing(logger: Any, name: str, event_dict: dict[str, Any]) -> dict[str, Any]:
    return event_dict


#: What is measured -> the processor, and whether each event has a summary of its own.
_PROCESSORS: dict[str, tuple[Callable[[], Limited], bool]] = {
    "the same summary": (lambda: RateLimiter(_MANY), False),
    "the same summary and two names": (
        lambda: RateLimiter(_MANY, names=["username", "sourceipaddress"]),
        False,
    ),
    "a summary of its own for each": (lambda: RateLimiter(_MANY), True),
    "held back": (lambda: RateLimiter(1, 3600.0), False),
}


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved rounds."""
    rounds, calls = (3, 2_000) if quick else (ROUNDS, CALLS)
    return Results([_processors(rounds, calls), _log_calls(rounds, calls)])


def _processors(rounds: int, calls: int) -> Table:
    times: dict[str, list[float]] = {name: [] for name in _PROCESSORS}
    for _ in range(rounds):
        for name, (make, is_unique) in _PROCESSORS.items():
            floor = _seconds(_nothing, calls, is_unique=is_unique)
            times[name].append(_seconds(make(), calls, is_unique=is_unique) - floor)
    return Table(
        "RateLimiter, one event",
        ["an event with", "us"],
        [[name, f"{statistics.median(spent) * 1e6:.2f}"] for name, spent in times.items()],
        f"processor time of one call, without that of a function that does nothing; medians of"
        f" {rounds} interleaved rounds of {calls:,} calls",
    )


def _seconds(processor: Limited, calls: int, *, is_unique: bool) -> float:
    events = [
        {"event": f"User {number} logged in" if is_unique else "User logged in", **_FIELDS}
        for number in range(calls)
    ]
    start = time.thread_time()
    for event in events:
        try:
            processor(None, "info", event)
        except structlog.DropEvent:
            pass
    return (time.thread_time() - start) / calls


def _log_calls(rounds: int, calls: int) -> Table:
    loggers = {
        "structlog JSON to /dev/null (the floor)": structlog_json_logger(),
        "configure()'s chain": configured_logger(Nowhere()),
        "with a RateLimiter that holds nothing back": _limited_logger(RateLimiter(_MANY)),
        "with a RateLimiter that holds nearly all back": _limited_logger(RateLimiter(1, 3600.0)),
    }
    times: dict[str, list[float]] = {name: [] for name in loggers}
    for _, (name, log) in itertools.product(range(rounds), loggers.items()):
        start = time.thread_time()
        log_many(log, calls)
        times[name].append((time.thread_time() - start) / calls)
    medians = {name: statistics.median(spent) for name, spent in times.items()}
    floor = next(iter(medians.values()))
    return Table(
        "log call with a RateLimiter, events dropped",
        ["chain", "ratio", "us"],
        [[name, ratio(spent, floor), f"{spent * 1e6:.2f}"] for name, spent in medians.items()],
        f"processor time; ratio: to the floor; medians of {rounds} interleaved rounds of"
        f" {calls:,} calls",
    )


def _limited_logger(limiter: RateLimiter) -> Any:
    return configured_logger(Nowhere(), processors=[limiter])


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
