"""An outage: events are logged while no receiver listens, and then it comes back."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.counting_receiver import counting_receiver
from benchmarks.peers import PEERS, SENDERS, Destination
from benchmarks.results import Panel, Panels, Results, Table, count, lost_share, micro
from benchmarks.running import Child, disk_folder, quiet_port, settled

_EVENTS = 300_000
_QUICK_EVENTS = 3_000
_LOGGING = 6.0
# Nothing arrives for so long: over the longest pause between two tries, 10 s.
_IDLE = 11.0
_RECOVERY = 25.0
_CLOSING = 10.0


def main(*, quick: bool = False) -> Results:
    """Return the results of one outage for each library that sends."""
    events = _QUICK_EVENTS if quick else _EVENTS
    scale = 0.1 if quick else 1.0
    found = {key: _run(key, events, scale) for key in SENDERS}
    table = Table(
        f"an outage of {count(events)} events: what is lost, how large the process grows, and what"
        " a log call costs",
        ["library", "lost", "memory MB", "median us", "p99.9 us", "max. ms", "remarks"],
        [_row(key, result) for key, result in found.items()],
        f"no receiver listens while {count(events)} events are logged, for up to"
        f" {_LOGGING * scale:g} s; then the receiver starts, and has {_RECOVERY * scale:g} s, and"
        f" {_CLOSING * scale:g} s more for close(); lost: has not arrived then; memory: maximum"
        " growth; one round",
    )
    panels = [
        Panel(
            PEERS[key].name,
            {
                "median": [(x, median * 1e6) for x, median, _ in result["curve"]],
                "p99": [(x, p99 * 1e6) for x, _, p99 in result["curve"]],
            },
            _lost(result),
            ours=PEERS[key].ours,
        )
        for key, result in found.items()
        if result.get("curve")
    ]
    plot = Panels(
        "outage",
        "A log call through an outage, and what is lost",
        "events logged since the receiver went away",
        "microseconds, of each thirtieth",
        panels,
    )
    losses = {PEERS[key].name: _lost(result) for key, result in found.items()}
    return Results([table], [plot], {"in an outage": losses})


def _lost(result: dict[str, Any]) -> str:
    if "logged" not in result:
        return "blocks"
    return lost_share(result["logged"] - result["arrived"], result["logged"])


def _run(key: str, events: int, scale: float) -> dict[str, Any]:
    port = quiet_port()
    with disk_folder() as folder, PEERS[key].agent(Destination(port, folder)):
        child = Child("outage", key, port, folder, events=events, seconds=_LOGGING * scale)
        # Some libraries hang inside of one call.
        deadline = time.monotonic() + _LOGGING * scale + 15
        while child.running() and child.result() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        result = child.result()
        if result is None:
            child.kill()
            words = child.last_words()
            return {"remark": "blocks in a log call" + (f" ({words})" if words else "")}
        remarks = [
            f"raised {name} {count(times)} times" for name, times in result["raised"].items()
        ]
        if result["logged"] < events:
            remarks.append(f"{count(result['logged'])} calls in {_LOGGING * scale:g} s")
        with counting_receiver(port, keep=True) as receiver:
            logged = result["logged"]
            settled(receiver.count, enough=logged, idle=_IDLE * scale, limit=_RECOVERY * scale)
            child.go_on()
            ended = child.wait(_CLOSING * scale + (0 if scale == 1 else 2))
            if not ended:
                remarks.append("not done in time")
            settled(receiver.count, enough=logged, idle=0.5, limit=5)
            arrived = receiver.distinct()
        return {
            **(child.result() or result),
            "arrived": arrived,
            "ended": ended,
            "remark": ", ".join(remarks),
        }


def _row(key: str, result: dict[str, Any]) -> list[str]:
    name = PEERS[key].name
    if "logged" not in result:
        return [name, *["-"] * 5, result["remark"]]
    lost = result["logged"] - result["arrived"]
    return [
        name,
        f"{count(lost)} ({_lost(result)})" if lost else "0",
        count(result["memory"] / 1e6),
        micro(result["median"]),
        micro(result["p999"]),
        f"{result['max'] * 1e3:,.1f}",
        result["remark"],
    ]


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
