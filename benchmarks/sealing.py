"""The cost of a seal in a log call: the same chain into the same kind of sink, with and without.

Both are measured by turns, and what counts is the difference within each pair: a busy machine slows
both down.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.loggers import log_many, structlog_json_logger
from benchmarks.results import Results, Table, ratio
from structlog_mozdef import MozDefLogger, Sink, build_processors
from structlog_mozdef.rendering.sealing.key_file import create_key
from structlog_mozdef.rendering.sealing.renderer import SortingRenderer
from structlog_mozdef.transports.memory import MemoryTransport

ROUNDS = 60
CALLS = 500
_NEVER = 1_000_000_000


def _logger(seal: Path | None, renderer: Any = None) -> Any:
    import structlog

    processors = build_processors(
        tags=["openvpn", "duosecurity"], category="authentication", sequence=seal is None
    )
    if renderer is not None:
        processors[-1] = renderer("authentication")
    sink = Sink(
        MemoryTransport(),
        linger=3600.0,
        batch_events=_NEVER,
        max_events=_NEVER,
        max_bytes=_NEVER,
        seal=seal,
    )
    return structlog.make_filtering_bound_logger(20)(MozDefLogger(sink), processors, {})


def _seconds(log: Any) -> float:
    began = time.perf_counter()
    log_many(log, CALLS)
    return (time.perf_counter() - began) / CALLS


def main(*, quick: bool = False) -> Results:
    """Measure the floor, and the chain of ``configure`` with ``seal`` and without."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder, "keys", "key")
        create_key(str(key))
        chains = {
            "structlog's own chain": structlog_json_logger(),
            "no seal": _logger(None),
            "a seal": _logger(key, SortingRenderer),
            "a seal, by another renderer": _logger(key),
        }
        times: dict[str, list[float]] = {name: [] for name in chains}
        for log in chains.values():
            log_many(log, CALLS)
        for _ in range(ROUNDS // 4 if quick else ROUNDS):
            for name, log in chains.items():
                times[name].append(_seconds(log))
    floor = min(times["structlog's own chain"])
    plain = times["no seal"]
    rows = []
    for name, found in times.items():
        more = statistics.median(one - other for one, other in zip(found, plain, strict=True))
        rows.append(
            [
                name,
                f"{min(found) * 1e6:.2f}",
                ratio(min(found), floor),
                f"{(min(found) - min(plain)) * 1e6:+.2f}",
                f"{more * 1e6:+.2f}",
            ]
        )
    return Results(
        [
            Table(
                "a sealed log call",
                ["chain", "minimum, us", "ratio", "more, us", "median of pairs, us"],
                rows,
                f"{CALLS} calls by turns; ratio: to structlog's own chain; more: than without a"
                " seal, of the minimums, and within each round",
            )
        ]
    )


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
