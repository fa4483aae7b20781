"""The cost of a log call with each library, its rate at the receiver, and its losses."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from benchmarks.counting_receiver import counting_receiver
from benchmarks.peers import FLOOR, PEERS, Destination
from benchmarks.results import (
    Dot,
    Dots,
    Results,
    Table,
    count,
    lost_of,
    lost_share,
    micro,
    of_rounds,
    ratio,
)
from benchmarks.running import Child, disk_folder, settled

_ROUNDS = {1: 3, 8: 1}  # by the number of threads
_LIMIT = 20.0
_QUICK_LIMIT = 6.0


@dataclass
class _Measured:
    """The runs of one library."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    logged: int = 0
    arrived: int = 0
    remarks: dict[str, int] = field(default_factory=dict)

    def remark(self, text: str, times: int = 1) -> None:
        self.remarks[text] = self.remarks.get(text, 0) + times

    @property
    def lost(self) -> int:
        return self.logged - self.arrived

    def median(self, name: str) -> float:
        return float(statistics.median(run[name] for run in self.runs))


def main(*, quick: bool = False) -> Results:
    """Measure with one thread and with eight."""
    one = _measure(1, quick=quick)
    eight = _measure(8, quick=quick)
    floor = one[FLOOR].median("median") if one[FLOOR].runs else 1.0
    dots = [
        Dot(
            PEERS[key].name,
            found.median("median") / floor,
            ratio(found.median("median"), floor),
            lost_share(found.lost, found.logged),
            ours=PEERS[key].ours,
        )
        for key, found in one.items()
        if found.runs
    ]
    return Results(
        [_table(one, 1, quick=quick), _table(eight, 8, quick=quick), _settings()],
        [
            Dots(
                "log_call",
                "A log call, one thread, median; and what is lost",
                "times structlog's own JSON to /dev/null",
                dots,
            )
        ],
    )


def _measure(threads: int, *, quick: bool) -> dict[str, _Measured]:
    measured = {key: _Measured() for key in PEERS}
    for _ in range(1 if quick else _ROUNDS[threads]):
        for key, found in measured.items():
            _run(key, found, threads, quick=quick)
    return measured


def _run(key: str, found: _Measured, threads: int, *, quick: bool) -> None:
    events = max(400, PEERS[key].events // 20) if quick else PEERS[key].events
    limit = _QUICK_LIMIT if quick else _LIMIT
    with (
        disk_folder() as folder,
        counting_receiver(keep=True) as receiver,
        PEERS[key].agent(Destination(receiver.port, folder)),
    ):
        child = Child(
            "speed", key, receiver.port, folder, events=events, threads=threads, seconds=limit / 2
        )
        ended = child.wait(limit)
        result = child.result()
        if result is None:
            found.remark(f"no result ({child.last_words() or 'hangs in the log call'})")
            return
        if not ended:
            found.remark("did not end in time")
        elif child.exit_status:
            found.remark(f"ended with {child.exit_status}: {child.last_words()}")
        for name, times in result["raised"].items():
            found.remark(f"raised {name}", times)
        found.runs.append(result)
        if key == FLOOR:
            return
        found.logged += result["logged"]
        # The process has ended: the rest of its events is in the kernel.
        settled(receiver.count, enough=result["logged"], idle=0.5, limit=5)
        arrivals = receiver.arrivals()
        found.arrived += receiver.distinct()
        if arrivals.events:
            found.rates.append(arrivals.events / (arrivals.last - result["start"]))


def _table(measured: dict[str, _Measured], threads: int, *, quick: bool) -> Table:
    floor = measured[FLOOR].median("median") if measured[FLOOR].runs else 1.0
    rows = []
    for key, found in measured.items():
        name = PEERS[key].name
        if not found.runs:
            rows.append([name, *["-"] * 8, _remarks(found)])
            continue
        rows.append(
            [
                name,
                ratio(found.median("median"), floor),
                "-" if key == FLOOR else lost_of(found.lost, found.logged),
                micro(found.median("median")),
                micro(found.median("p99")),
                micro(found.median("p999")),
                micro(found.median("mean")),
                count(found.median("calls_a_second")),
                count(statistics.median(found.rates)) if found.rates else "-",
                _remarks(found),
            ]
        )
    word = "one thread" if threads == 1 else f"{threads} threads"
    limit = _QUICK_LIMIT if quick else _LIMIT
    return Table(
        f"log call and delivery, {word}",
        [
            "library",
            "ratio",
            "lost",
            "median us",
            "p99 us",
            "p99.9 us",
            "mean us",
            "calls/s",
            "arrived/s",
            "remarks",
        ],
        rows,
        "a tight loop with the sender at work, whose processor time is part of the mean; ratio: the"
        " median call against the floor;"
        " arrived/s: from the first call to the last event at the receiver, of those that arrived;"
        f" lost: of all rounds, not arrived after close() or {limit:g} s;"
        f" {of_rounds(1 if quick else _ROUNDS[threads])}",
    )


def _remarks(found: _Measured) -> str:
    return ", ".join(
        f"{text} ({count(times)} times)" if times > 1 else text
        for text, times in found.remarks.items()
    )


def _settings() -> Table:
    return Table(
        "how each library is used, and what it says about loss",
        ["library", "settings", "loss"],
        [[peer.name, peer.settings, peer.loss] for peer in PEERS.values()],
    )


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
