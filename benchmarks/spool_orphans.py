"""The cost of a log call while streams of dead processes wait in the same folder."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import shutil
import signal
import statistics
import time
from pathlib import Path

from benchmarks.loggers import explicit_logger, log_many
from benchmarks.results import Results, Table, count, ratio
from benchmarks.running import disk_folder, quiet_port
from structlog_mozdef import RetryPolicy, Sink

ROUNDS = 5
_ORPHANS = (0, 100, 10_000)
_BURST = 1_000
# Longer than a sink takes to look through the folder again.
_SECONDS = 6.0


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved rounds, each in its own process."""
    orphans = (0, 10, 100) if quick else _ORPHANS
    rounds, seconds = (1, 1.0) if quick else (ROUNDS, _SECONDS)
    url = f"http://127.0.0.1:{quiet_port()}/events"
    context = multiprocessing.get_context("spawn")
    found: dict[int, list[tuple[float, float]]] = {number: [] for number in orphans}
    with contextlib.ExitStack() as stack:
        folders = {number: stack.enter_context(disk_folder()) for number in orphans}
        for number, folder in folders.items():
            process = context.Process(target=_leave_one, args=(url, folder))
            process.start()
            process.join()
            _copy(Path(folder), number)
        for _ in range(rounds):
            for number, folder in folders.items():
                with concurrent.futures.ProcessPoolExecutor(1, context) as processes:
                    found[number].append(processes.submit(_measure, url, folder, seconds).result())
    base = statistics.median(mean for mean, _ in found[0])
    rows = []
    for number, measured in found.items():
        mean = statistics.median(mean for mean, _ in measured)
        slowest = statistics.median(slowest for _, slowest in measured)
        rows.append([count(number), ratio(mean, base), f"{mean * 1e6:.2f}", f"{slowest * 1e6:.2f}"])
    return Results(
        [
            Table(
                "log call beside streams of dead processes in the spool",
                ["streams", "ratio", "us", "slowest burst us"],
                rows,
                f"explicit chain into the spool; mean of bursts of {_BURST:,} calls during"
                f" {seconds:.0f} s, and of the slowest burst; no receiver listens, so that the"
                f" streams stay; medians of {rounds} interleaved rounds",
            )
        ]
    )


def _leave_one(url: str, folder: str) -> None:
    """Append one event, and die."""
    Sink(url, spool=folder).put(b'{"summary": "of a dead process"}')
    os.kill(os.getpid(), signal.SIGKILL)


def _copy(folder: Path, number: int) -> None:
    """Make *number* streams of the one in *folder*: each is named by time, process and chance."""
    (stream,) = (entry for entry in folder.iterdir() if entry.is_dir())
    born, pid, _ = stream.name.split("-")
    for index in range(number):
        shutil.copytree(stream, folder / f"{int(born) - index}-{pid}-{index:016x}")
    shutil.rmtree(stream)


def _measure(url: str, folder: str, seconds: float) -> tuple[float, float]:
    """Return the mean of a call, and that of the slowest burst, in seconds."""
    sink = Sink(url, spool=folder, retry=RetryPolicy(0.1, 1.0), exit_timeout=0.0)
    log = explicit_logger(sink)
    log_many(log, _BURST)  # the first calls load modules and create the stream
    bursts = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        log_many(log, _BURST)
        bursts.append((time.perf_counter() - start) / _BURST)
        time.sleep(0.1)
    assert sink.stats().dropped == 0, sink.stats()
    sink.close(0)
    return statistics.fmean(bursts), max(bursts)


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
