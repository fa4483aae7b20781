"""The cost of a seal in a log call, for each way of logging.

Each logs into the same kind of sink, with a seal and without. Both are measured by turns, in time
of the processor; what counts is the difference within each pair: a busy machine slows both down.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from benchmarks.loggers import (
    configured_logger,
    explicit_logger,
    log_many,
    structlog_json_logger,
)
from benchmarks.results import Results, Table
from structlog_mozdef import MozDefHandler, MozDefRenderer, MozDefTee, Sink
from structlog_mozdef.rendering.sealing.key_file import create_key
from structlog_mozdef.transports.memory import MemoryTransport

ROUNDS = 60
CALLS = 500
_NEVER = 1_000_000_000

Way = Callable[[Sink], Callable[[], None]]


def main(*, quick: bool = False) -> Results:
    """Measure each way with a sealing sink and with another one."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder, "keys", "key")
        create_key(str(key))
        pairs = {name: (way(_sink(None)), way(_sink(key))) for name, way in _WAYS.items()}
        floor_logger = structlog_json_logger()
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in pairs}
        floor: list[float] = []
        for number in range(1 + (ROUNDS // 4 if quick else ROUNDS)):
            floor.append(_seconds(lambda: log_many(floor_logger, CALLS)))
            for name, (plain, sealed) in pairs.items():
                pair = _seconds(plain), _seconds(sealed)
                if number:  # the first one warms up
                    times[name].append(pair)
    rows = [
        [
            name,
            f"{min(one for one, _ in found) * 1e6:.2f}",
            f"{min(two for _, two in found) * 1e6:.2f}",
            f"{statistics.median(two - one for one, two in found) * 1e6:+.2f}",
        ]
        for name, found in times.items()
    ]
    return Results(
        [
            Table(
                "a sealed log call",
                ["way", "plain, us", "sealed, us", "more, us"],
                rows,
                f"{CALLS} calls by turns; minimum, and the median of the differences;"
                f" structlog's own chain takes {min(floor) * 1e6:.2f} us",
            )
        ]
    )


def _sink(seal: Path | None) -> Sink:
    return Sink(
        MemoryTransport(),
        linger=3600.0,
        batch_events=_NEVER,
        max_events=_NEVER,
        max_bytes=_NEVER,
        seal=seal,
    )


def _seconds(call: Callable[[], None]) -> float:
    began = time.thread_time()
    call()
    return (time.thread_time() - began) / CALLS


def _configured(sink: Sink) -> Callable[[], None]:
    log = configured_logger(sink, sequence=sink.sealer is None)
    return lambda: log_many(log, CALLS)


def _explicit(sink: Sink) -> Callable[[], None]:
    log = explicit_logger(sink, sequence=sink.sealer is None)
    return lambda: log_many(log, CALLS)


def _tee(sink: Sink) -> Callable[[], None]:
    def drop(_logger: Any, _name: str, _event: Any) -> str:
        return ""

    processors = [MozDefTee(sink), drop]
    log = structlog.make_filtering_bound_logger(20)(structlog.ReturnLogger(), processors, {})
    return lambda: log_many(log, CALLS)


def _handler(sink: Sink) -> Callable[[], None]:
    logger = logging.getLogger(f"{__name__}.{sink.sealer is None}")
    logger.propagate = False
    logger.setLevel("INFO")
    logger.addHandler(MozDefHandler(sink))

    def log() -> None:
        for number in range(CALLS):
            logger.info("User logged in", extra={"username": "kang", "number": number})

    return log


def _bytes(sink: Sink) -> Callable[[], None]:
    event = MozDefRenderer()(None, "info", {"event": "User logged in", "username": "kang"})
    event = event.replace(b'"tags":[]', b'"tags":["openvpn"]')  # made by nobody that we know

    def put() -> None:
        for _ in range(CALLS):
            sink.put(event)

    return put


_WAYS: dict[str, Way] = {
    "configure": _configured,
    "a chain by hand": _explicit,
    "MozDefTee": _tee,
    "MozDefHandler": _handler,
    "bytes of a program": _bytes,
}

if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
