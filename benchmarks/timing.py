"""Time single calls, and say what timing them costs."""

from __future__ import annotations

import asyncio
import statistics
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Call = Callable[[str], object]
AsyncCall = Callable[[str], Awaitable[object]]

_clock = time.perf_counter
_CALLS = 20_000
_ROUNDS = 5


@dataclass(frozen=True)
class Overhead:
    """What timing a call costs, in seconds, measured with a function that does nothing.

    Attributes:
        call: part of the time of each single call.
        loop: of a whole round of the loop.
    """

    call: float
    loop: float


def timed(call: Call, numbers: Sequence[str]) -> array[float]:
    """Call *call* with each of *numbers*, one after the other; return the seconds of each call."""
    seconds = array("d", bytes(8 * len(numbers)))
    for index, number in enumerate(numbers):
        start = _clock()
        call(number)
        seconds[index] = _clock() - start
    return seconds


async def timed_async(call: AsyncCall, numbers: Sequence[str]) -> array[float]:
    """Do as `timed`, but await each call."""
    seconds = array("d", bytes(8 * len(numbers)))
    for index, number in enumerate(numbers):
        start = _clock()
        await call(number)
        seconds[index] = _clock() - start
    return seconds


def overhead() -> Overhead:
    """Measure what `timed` costs: the minimum of a few rounds."""
    return _overhead(lambda numbers: timed(_nothing, numbers))


def overhead_async() -> Overhead:
    """Measure what `timed_async` costs, as `overhead` does."""
    return _overhead(lambda numbers: asyncio.run(timed_async(_nothing_async, numbers)))


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, p99, p99.9, maximum and mean."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return {
        "median": ordered[last // 2],
        "p99": ordered[int(last * 0.99)],
        "p999": ordered[int(last * 0.999)],
        "max": ordered[-1],
        "mean": sum(ordered) / len(ordered),
    }


def _overhead(run: Callable[[Sequence[str]], array[float]]) -> Overhead:
    numbers = ["10000000"] * _CALLS
    calls, loops = [], []
    for _ in range(_ROUNDS):
        start = _clock()
        seconds = run(numbers)
        loops.append((_clock() - start) / _CALLS)
        calls.append(statistics.median(seconds))
    return Overhead(min(calls), min(loops))


def _nothing(number: str) -> None:
    pass


async def _nothing_async(number: str) -> None:
    pass
