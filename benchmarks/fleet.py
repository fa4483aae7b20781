"""A fleet of clients that recover from the same outage, with and without jitter: a simulation.

The clients are real (`Dispatcher` with its buffer and `RetryPolicy`, as in every sink); the clock,
the network and the receiver are simulated. While the receiver is down it refuses connections.
Afterwards it accepts a limited number of requests a second and answers 503 to the others, as an
overloaded front end does.
"""

from __future__ import annotations

import heapq
import logging
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence

from benchmarks.results import Lines, Results, Table, count
from structlog_mozdef import RetryPolicy
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.memory import MemoryBuffer
from structlog_mozdef.delivery.dispatcher import Dispatcher
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult

CLIENTS = 10_000
OUTAGE_SECONDS = 300.0
#: Requests a second that the receiver accepts, about as many as a front end of MozDef.
CAPACITY = 500
_SLOT = 0.1
# The end of the simulation: a fleet that never recovers would be simulated forever.
_END = 7200.0


class Receiver:
    """Count the requests of each second, and answer them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.requests: Counter[int] = Counter()
        self.rejected = 0
        self._accepted_in_slot: Counter[int] = Counter()

    def answer(self) -> None:
        """Accept one request, or raise the error that a client sees."""
        self.requests[int(self.now)] += 1
        if self.now < OUTAGE_SECONDS:
            raise TransportError("connection refused")
        slot = int(self.now / _SLOT)
        if self._accepted_in_slot[slot] >= CAPACITY * _SLOT:
            self.rejected += 1
            raise TransportError("HTTP 503", ambiguous=True)
        self._accepted_in_slot[slot] += 1


class _Transport:
    """As `HTTPTransport` behaves after a 5xx."""

    name = "simulated"
    loggers: frozenset[str] = frozenset()
    recovery_probes = 3
    recovery_pause = 5.0
    confirms = True

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def send(self, events: Sequence[bytes]) -> SendResult:
        self._receiver.answer()
        return ALL_ACCEPTED

    def after_fork_in_child(self) -> None:
        """There is nothing to reset."""

    def close(self) -> None:
        """There is nothing to close."""


def simulate(clients: int, chance: Callable[[], float]) -> tuple[Receiver, list[float]]:
    """Simulate the outage; return the receiver, and when each client had delivered."""
    receiver = Receiver()
    spread = random.Random(1)
    dispatchers = []
    for _ in range(clients):
        buffer = MemoryBuffer(100, 100_000, "drop_newest")
        buffer.append(b"{}")
        dispatchers.append(
            Dispatcher(
                buffer,
                _Transport(receiver),
                RetryPolicy(),
                RateLimitedLogger(),
                batch_events=100,
                batch_bytes=100_000,
                clock=lambda: receiver.now,
                chance=chance,
            )
        )
    # Each has something to send within the first second, as busy services have.
    turns = [(spread.random(), number) for number in range(clients)]
    heapq.heapify(turns)
    done: list[float] = []
    while turns and receiver.now < _END:
        receiver.now, number = heapq.heappop(turns)
        wait = dispatchers[number].step()
        if wait is None:
            done.append(receiver.now)
        else:
            heapq.heappush(turns, (receiver.now + max(wait, 0.001), number))
    return receiver, done


def main(*, quick: bool = False) -> Results:
    """Compare the policy with the same one without its jitter."""
    clients = CLIENTS // 10 if quick else CLIENTS
    logger = logging.getLogger("structlog_mozdef")
    before = logger.level
    logger.setLevel(logging.CRITICAL)  # 10,000 clients warn of the same outage
    try:
        ways = {
            "structlog-mozdef, full jitter": simulate(clients, random.Random(2).random),
            "without jitter": simulate(clients, lambda: 1.0),
        }
    finally:
        logger.setLevel(before)
    rows, lines = [], {}
    for name, (receiver, done) in ways.items():
        after = {s: n for s, n in receiver.requests.items() if s >= OUTAGE_SECONDS}
        waits = [finished - OUTAGE_SECONDS for finished in done]
        rows.append(
            [
                name,
                count(max(after.values())),
                f"{receiver.rejected / clients:.2f}",
                count(statistics.median(waits)),
                count(max(waits)),
                count(clients - len(done)),
            ]
        )
        lines[name] = [
            (float(second), float(receiver.requests[second]))
            for second in range(int(OUTAGE_SECONDS) - 60, int(OUTAGE_SECONDS) + 240)
            if receiver.requests[second]
        ]
    table = Table(
        title=f"a fleet of {count(clients)} clients after an outage of {OUTAGE_SECONDS:.0f} s",
        columns=[
            "retries",
            "max. requests a second",
            "503 for each client",
            "median s",
            "last s",
            "never",
        ],
        rows=rows,
        caveat=(
            f"simulated; the receiver accepts {CAPACITY} requests a second; a client needs four in"
            " a row (three probes, a pause of 5 s, its batch) once it has met a 503, else one;"
            " seconds from the recovery until all of a client's events are delivered"
        ),
    )
    plot = Lines(
        name="fleet",
        title="Requests to a receiver that comes back after 300 s",
        x_label="seconds since the outage began",
        y_label="requests a second",
        lines=lines,
    )
    return Results([table], [plot])


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
