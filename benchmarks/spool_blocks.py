"""Why the spool consists of files: the cost of an event in a file, and in SQLite."""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.results import Results, Table
from benchmarks.running import disk_folder

ROUNDS = 5
EVENTS = 10_000
_EVENT = b'{"summary": "' + b"x" * 434 + b'"}\n'


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved runs."""
    rounds = 1 if quick else ROUNDS
    ways: dict[str, Callable[[Path], float]] = {
        "write(2) to an O_APPEND descriptor": _file,
        "SQLite, WAL, synchronous=OFF, autocommit": lambda path: _sqlite(path, "OFF", 1),
        "SQLite, WAL, synchronous=NORMAL, autocommit": lambda path: _sqlite(path, "NORMAL", 1),
        "SQLite, WAL, synchronous=NORMAL, 1000 a transaction": lambda p: _sqlite(p, "NORMAL", 1000),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            with disk_folder() as folder:
                times[name].append(way(Path(folder) / "events"))
    base = statistics.median(next(iter(times.values())))
    rows = []
    for name, seconds in times.items():
        median = statistics.median(seconds)
        rows.append([name, f"{median / base:.1f}", f"{median * 1e6:.2f}"])
    return Results(
        [
            Table(
                "one event of 450 bytes on disk",
                ["way", "ratio", "us"],
                rows,
                f"mean of {EVENTS:,} events, all on the same disk; ratio: to a file; medians of"
                f" {rounds} interleaved rounds",
            )
        ]
    )


def _file(path: Path) -> float:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    start = time.perf_counter()
    for _ in range(EVENTS):
        os.write(fd, _EVENT)
    seconds = time.perf_counter() - start
    os.close(fd)
    return seconds / EVENTS


def _sqlite(path: Path, synchronous: str, batch: int) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, event BLOB)")
    start = time.perf_counter()
    for number in range(EVENTS):
        if batch > 1 and number % batch == 0:
            connection.execute("BEGIN")
        connection.execute("INSERT INTO events (event) VALUES (?)", (_EVENT,))
        if batch > 1 and number % batch == batch - 1:
            connection.execute("COMMIT")
    seconds = time.perf_counter() - start
    connection.close()
    return seconds / EVENTS


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
