"""The cost of a log call for events of different sizes."""

from __future__ import annotations

from benchmarks.counting_receiver import counting_receiver
from benchmarks.peers import FLOOR, PEERS, Destination
from benchmarks.results import Panel, Panels, Results, Table, lost_of, lost_share, micro, ratio
from benchmarks.running import Child, disk_folder, settled

# Bytes that are added to the event (about 200 bytes of fields), and the number of events.
_SIZES = ((0, 2000), (800, 1000), (4_800, 1000), (19_800, 500), (49_800, 300))
_LIMIT = 20.0


def main(*, quick: bool = False) -> Results:
    """Measure each library with each size."""
    names = [f"{size + 200:,} B us" for size, _ in _SIZES]
    rows, panels = [], []
    for key, peer in PEERS.items():
        medians, lost, logged, remark = _run(key, quick=quick)
        if not medians:
            rows.append([peer.name, *["-"] * (2 + len(names)), remark])
            continue
        rows.append(
            [
                peer.name,
                ratio(medians[-1], medians[0]),
                lost_of(lost, logged),
                *map(micro, medians),
                remark,
            ]
        )
        points = [
            (size + 200, median * 1e6) for (size, _), median in zip(_SIZES, medians, strict=True)
        ]
        panels.append(
            Panel(peer.name, {"median": points}, lost_share(lost, logged), ours=peer.ours)
        )
    table = Table(
        "a log call by the size of the event",
        ["library", "ratio", "lost", *names, "remarks"],
        rows,
        "median of single calls, one thread; sizes: the values of the fields; ratio: the largest to"
        f" the smallest; lost: of all sizes, not arrived after close() or {_LIMIT:g} s; one round",
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


def _run(key: str, *, quick: bool) -> tuple[list[float], int, int, str]:
    """Return the medians by size, how many events were lost of how many, and a remark."""
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
            return [], 0, 0, f"no result: {child.last_words()}"
        medians = result["medians"]
        if key == FLOOR:
            return medians, 0, 0, ""
        logged = result["logged"]
        settled(receiver.count, enough=logged, idle=0.5, limit=5)
        remark = "" if ended else "did not end in time"
        return medians, logged - receiver.distinct(), logged, remark


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
