"""The cost of a log call for events of different sizes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from benchmarks.counting_receiver import counting_receiver
from benchmarks.peers import FLOOR, PEERS, Destination
from benchmarks.results import Panel, Panels, Results, Table, lost_of, lost_share, micro, ratio
from benchmarks.running import Child, disk_folder, settled

_ROUNDS = 1
# Bytes that are added to the event (about 200 bytes of fields), and the number of events.
_SIZES = ((0, 2000), (800, 1000), (4_800, 1000), (19_800, 500), (49_800, 300))
_LIMIT = 20.0


@dataclass
class _Measured:
    """The runs of one library: the medians by size, and what was lost in all of them."""

    medians: list[list[float]] = field(default_factory=list)
    logged: int = 0
    lost: int = 0
    remark: str = ""


def main(*, quick: bool = False) -> Results:
    """Measure each library with each size."""
    measured = {key: _Measured() for key in PEERS}
    rounds = 1 if quick else _ROUNDS
    for _ in range(rounds):
        for key, found in measured.items():
            _run(key, found, quick=quick)
    names = [f"{size + 200:,} B us" for size, _ in _SIZES]
    rows, panels = [], []
    for key, found in measured.items():
        peer = PEERS[key]
        if not found.medians:
            rows.append([peer.name, *["-"] * (2 + len(names)), found.remark])
            continue
        figures = [statistics.median(column) for column in zip(*found.medians, strict=True)]
        times = ratio(figures[-1], figures[0])
        lost = "-" if key == FLOOR else lost_of(found.lost, found.logged)
        rows.append([peer.name, times, lost, *map(micro, figures), found.remark])
        points = [
            (size + 200, figure * 1e6) for (size, _), figure in zip(_SIZES, figures, strict=True)
        ]
        share = lost_share(found.lost, found.logged) if key != FLOOR else "-"
        panels.append(Panel(peer.name, {"median": points}, share, ours=peer.ours))
    table = Table(
        "a log call by the size of the event",
        ["library", "ratio", "lost", *names, "remarks"],
        rows,
        "median of single calls, one thread; sizes: the values of the fields; ratio: the largest to"
        f" the smallest; lost: of all rounds and sizes, not arrived after close() or {_LIMIT:g} s;"
        f" medians of {rounds} interleaved rounds",
    )
    plot = Panels(
        "event_size",
        "A log call by the size of the event, and what is lost",
        "bytes of the fields",
        "microseconds",
        sorted(panels, key=lambda panel: not panel.ours),
        x_log=True,
    )
    return Results([table], [plot])


def _run(key: str, found: _Measured, *, quick: bool) -> None:
    sizes = [(size, 100 if quick else number) for size, number in _SIZES]
    with (
        disk_folder() as folder,
        counting_receiver(keep=True) as receiver,
        PEERS[key].agent(Destination(receiver.port, folder)),
    ):
        child = Child("sizes", key, receiver.port, folder, sizes=sizes, seconds=3)
        ended = child.wait(_LIMIT)
        result = child.result()
        if result is None:
            found.remark = f"no result: {child.last_words()}"
            return
        if not ended:
            found.remark = "did not end in time"
        found.medians.append(result["medians"])
        if key != FLOOR:
            settled(receiver.count, enough=result["logged"], idle=0.5, limit=5)
            found.logged += result["logged"]
            found.lost += result["logged"] - receiver.distinct()


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
