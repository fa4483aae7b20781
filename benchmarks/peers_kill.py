"""Events that are lost by ``kill -9`` after the last log call has returned."""

from __future__ import annotations

from benchmarks.counting_receiver import counting_receiver
from benchmarks.peers import PEERS, SENDERS, Destination
from benchmarks.results import Results, Table, count, lost_of, lost_share
from benchmarks.running import Child, disk_folder, settled

_EVENTS = 10_000
_LIMIT = 20.0
_RECOVERY = 30.0


def main(*, quick: bool = False) -> Results:
    """Return how many events each library loses."""
    events = 1_000 if quick else _EVENTS
    rows, losses = [], {}
    for key in SENDERS:
        logged, arrived, remark = _run(key, events, quick=quick)
        name, lost = PEERS[key].name, logged - arrived
        rows.append([name, lost_share(lost, logged), lost_of(lost, logged), remark])
        losses[name] = lost_share(lost, logged)
    return Results(
        [
            Table(
                "lost by kill -9",
                ["library", "share", "lost", "remarks"],
                rows,
                f"killed when the log call of the last of {count(events)} events has returned"
                f" (at the latest after {_LIMIT:g} s); if events wait on disk, a new process has"
                f" {_RECOVERY:g} s to send them; an agent beside the process goes on; one round",
            )
        ],
        losses={"by kill -9": losses},
    )


def _run(key: str, events: int, *, quick: bool) -> tuple[int, int, str]:
    limit = 5 if quick else _LIMIT
    with (
        disk_folder() as folder,
        counting_receiver(keep=True) as receiver,
        PEERS[key].agent(Destination(receiver.port, folder)),
    ):
        child = Child("kill", key, receiver.port, folder, events=events, seconds=limit)
        child.wait(limit + 10)
        result = child.result()
        if result is None:
            return 0, 0, f"no result: {child.last_words()}"
        logged = result["logged"]
        remark = ", ".join(f"raised {name}" for name in result["raised"])
        settled(receiver.count, enough=logged, idle=0.5, limit=5)
        if PEERS[key].durable:
            # It logs one more event.
            successor = Child("recover", key, receiver.port, folder, events=events)
            if not successor.wait(_RECOVERY):
                remark = f"not all sent in {_RECOVERY:g} s"
            settled(receiver.count, enough=logged + 1, idle=0.5, limit=5)
            return logged, min(logged, receiver.distinct() - 1), remark
        return logged, receiver.distinct(), remark


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
