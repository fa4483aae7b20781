"""The cost of a log call for events of different sizes."""

from __future__ import annotations

import statistics

from benchmarks.counting_receiver import counting_receiver
from benchmarks.peers import PEERS
from benchmarks.results import Lines, Results, Table, micro, ratio
from benchmarks.running import Child, disk_folder

_ROUNDS = 3
# Bytes that are added to the event (about 200 bytes of fields), and the number of events.
_SIZES = ((0, 2000), (800, 2000), (4_800, 1000), (19_800, 500), (49_800, 300))
_LIMIT = 20.0


def main(*, quick: bool = False) -> Results:
    """Measure each library with each size."""
    sizes = [(size, 100) for size, _ in _SIZES] if quick else list(_SIZES)
    medians: dict[str, list[list[float]]] = {key: [] for key in PEERS}
    remarks: dict[str, str] = {}
    for _ in range(1 if quick else _ROUNDS):
        for key, found in medians.items():
            with disk_folder() as folder, counting_receiver() as receiver:
                child = Child("sizes", key, receiver.port, folder, sizes=sizes, seconds=3)
                child.wait(_LIMIT)
                result = child.result()
            if result is None:
                remarks[key] = f"no result: {child.last_words()}"
            else:
                found.append(result["medians"])
    names = [f"{size + 200:,} B us" for size, _ in _SIZES]
    rows = []
    lines = {}
    for key, found in medians.items():
        name = PEERS[key].name
        if not found:
            rows.append([name, "-", *["-"] * len(names), remarks[key]])
            continue
        figures = [statistics.median(column) for column in zip(*found, strict=True)]
        rows.append(
            [name, ratio(figures[-1], figures[0]), *map(micro, figures), remarks.get(key, "")]
        )
        lines[name] = [
            (size + 200, figure * 1e6) for (size, _), figure in zip(_SIZES, figures, strict=True)
        ]
    return Results(
        [
            Table(
                "a log call by the size of the event",
                ["library", "ratio", *names, "remarks"],
                rows,
                "median of single calls, one thread; sizes: the values of the fields; ratio: the"
                f" largest to the smallest; medians of {1 if quick else _ROUNDS} interleaved"
                " rounds",
            )
        ],
        [
            Lines(
                "event_size",
                "A log call by the size of the event",
                "bytes of the fields",
                "microseconds (median)",
                lines,
                x_log=True,
            )
        ],
    )


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
