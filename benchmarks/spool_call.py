"""What a log call with the spool costs, beside python-logstash-async with its SQLite cache."""

from __future__ import annotations

import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.chains import explicit_chain, log_many, structlog_json
from benchmarks.counting_receiver import counting_receiver
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


def main() -> None:
    """Print the medians of interleaved runs."""
    discard = subprocess.Popen([sys.executable, "-c", _DISCARD], stdout=subprocess.PIPE)
    assert discard.stdout is not None
    port = int(discard.stdout.readline())
    with (
        tempfile.TemporaryDirectory() as folder,
        counting_receiver() as receiver,
        Sink(receiver.url, spool=f"{folder}/spool") as sink,
    ):
        ways: dict[str, Callable[[int], None]] = {
            "structlog JSON to /dev/null (the floor)": _structlog(structlog_json()),
            "explicit chain into the spool": _structlog(explicit_chain(sink)),
            "python-logstash-async, SQLite": _logstash(port, f"{folder}/logstash.db"),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                start = time.perf_counter()
                way(CALLS)
                times[name].append((time.perf_counter() - start) / CALLS)
                sink.flush(30)
        assert sink.stats().dropped == 0
    discard.kill()
    discard.wait()
    discard.stdout.close()
    floor = statistics.median(next(iter(times.values())))
    print("log call with an event on disk (ratio to the floor, microseconds)")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"  {median / floor:5.2f}  {median * 1e6:6.2f}  {name}")


def _structlog(log: Any) -> Callable[[int], None]:
    return lambda calls: log_many(log, calls)


def _logstash(port: int, database: str) -> Callable[[int], None]:
    from logstash_async.handler import AsynchronousLogstashHandler

    logger = logging.getLogger("benchmark.logstash")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(AsynchronousLogstashHandler("127.0.0.1", port, database_path=database))

    def run(calls: int) -> None:
        for number in range(calls):
            extra = {
                "username": "kang",
                "sourceipaddress": "10.0.0.7",
                "success": True,
                "useragent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0",
                "number": number,
            }
            logger.info("User logged in", extra=extra)

    return run


if __name__ == "__main__":
    main()
