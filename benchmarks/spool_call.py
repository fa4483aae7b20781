"""What a log call with the spool costs, beside python-logstash-async with its SQLite cache."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import events
from benchmarks.chains import explicit_chain, log_many, structlog_json
from benchmarks.counting_receiver import counting_receiver
from benchmarks.peers import PEERS, Destination, Running
from benchmarks.results import Results, Table, ratio
from benchmarks.running import disk_folder
from structlog_mozdef import Sink

ROUNDS = 9
CALLS = 5_000
_DISCARD = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
def discard(connection):
    while connection.recv(1 << 20):
        pass
while True:
    threading.Thread(target=discard, args=(listener.accept()[0],), daemon=True).start()
"""


def main(*, quick: bool = False) -> Results:
    """Medians of interleaved runs."""
    rounds, calls = (2, 500) if quick else (ROUNDS, CALLS)
    discard = subprocess.Popen([sys.executable, "-c", _DISCARD], stdout=subprocess.PIPE)
    assert discard.stdout is not None
    port = int(discard.stdout.readline())
    with (
        disk_folder() as folder,
        counting_receiver() as receiver,
        Sink(receiver.url, spool=f"{folder}/spool") as sink,
    ):
        logstash = PEERS["logstash-sqlite"].open(Destination(port, folder))
        ways: dict[str, Callable[[int], None]] = {
            "structlog JSON to /dev/null (the floor)": _structlog(structlog_json()),
            "explicit chain into the spool": _structlog(explicit_chain(sink)),
            "python-logstash-async, SQLite": _peer(logstash),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                start = time.perf_counter()
                way(calls)
                times[name].append((time.perf_counter() - start) / calls)
                sink.flush(30)
        assert sink.stats().dropped == 0
        _drop_backlog(logstash)
    discard.kill()
    discard.wait()
    discard.stdout.close()
    floor = statistics.median(next(iter(times.values())))
    rows = []
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rows.append([name, ratio(median, floor), f"{median * 1e6:.2f}"])
    return Results(
        [
            Table(
                "log call with an event on disk",
                ["way", "ratio", "us"],
                rows,
                "spool and database on the same disk; with ours the event is in the file when the"
                " call returns, with the other it is in a queue in memory; ratio: to the floor;"
                f" mean of {calls:,} calls, medians of {rounds} interleaved rounds",
            )
        ]
    )


def _structlog(log: Any) -> Callable[[int], None]:
    return lambda calls: log_many(log, calls)


def _peer(running: Running) -> Callable[[int], None]:
    def run(calls: int) -> None:
        for number in range(calls):
            running.log(events.fields(number))

    return run


def _drop_backlog(running: Running) -> None:
    """Stop its thread before the folder goes, without waiting for what it has not yet stored.

    Without this the thread finds no folder for its database, tries again for ever and says
    "Disk I/O error".
    """
    from logstash_async.handler import AsynchronousLogstashHandler

    worker = AsynchronousLogstashHandler._worker_thread  # noqa: SLF001
    while not worker._queue.empty():  # noqa: SLF001
        worker._queue.get_nowait()  # noqa: SLF001
    running.close()


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
