"""Show the streams: events, bytes, the age of the oldest event, and the process of each.

Monitoring can use the exit status: 0 if all is well, 1 if a --fail-if option says so (standard
error says why), 2 if the folder or an option cannot be used.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time

from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.inspect import StreamReport, inspect_folder
from structlog_mozdef.cli.spool.letters import count_letters
from structlog_mozdef.cli.terminal import printable
from structlog_mozdef.cli.times import age_text
from structlog_mozdef.process.standard_error import count_of


def act(options: argparse.Namespace, folder: SpoolFolder) -> int:
    """List what is in *folder*."""
    now = time.time()
    reports = inspect_folder(folder)
    letters = count_letters(folder)
    if options.json:
        print(printable(json.dumps(_summary(reports, letters, now))))
    else:
        for report in reports:
            print(_line_of(report, now))
        print(_total_of(reports, letters, now))
    failures = _failures(options, reports, letters, now)
    for failure in failures:
        print(failure, file=sys.stderr)
    return int(bool(failures))


def _summary(reports: list[StreamReport], letters: int, now: float) -> dict[str, object]:
    return {
        "events": sum(report.events for report in reports),
        "bytes": sum(report.bytes for report in reports),
        "oldest_age": _largest_age(reports, now),
        "dead_letters": letters,
        "streams": [_values_of(report, now) for report in reports],
    }


def _values_of(report: StreamReport, now: float) -> dict[str, object]:
    values = dataclasses.asdict(report)
    del values["oldest"]
    return {**values, "oldest_age": _age_of(report, now)}


def _line_of(report: StreamReport, now: float) -> str:
    owner = f"process {report.pid}, {'alive' if report.alive else 'dead'}"
    destination = "an unknown destination" if report.destination is None else report.destination
    age = _age_of(report, now)
    return (
        f"{report.name}  {report.events:>9,} {'event ' if report.events == 1 else 'events'}"
        f"  {report.bytes:>13,} bytes"
        + ("" if age is None else f"  oldest {age_text(age)}")
        + f"  since {report.begun}  {owner}  to {printable(destination)}"
        + (f"; left alone: {printable(report.left_alone)}" if report.left_alone else "")
    )


def _total_of(reports: list[StreamReport], letters: int, now: float) -> str:
    events, size = (
        sum(getattr(report, name) for report in reports) for name in ("events", "bytes")
    )
    age = _largest_age(reports, now)
    return (
        f"{count_of(events, 'event')} waiting, {size:,} bytes,"
        f" in {count_of(len(reports), 'stream')}"
        + ("" if age is None else f", the oldest for {age_text(age)}")
        + f"; {count_of(letters, 'dead letter')}"
    )


def _age_of(report: StreamReport, now: float) -> float | None:
    return None if report.oldest is None else round(max(now - report.oldest, 0.0), 3)


def _largest_age(reports: list[StreamReport], now: float) -> float | None:
    ages = (_age_of(report, now) for report in reports)
    return max((age for age in ages if age is not None), default=None)


def _failures(
    options: argparse.Namespace, reports: list[StreamReport], letters: int, now: float
) -> list[str]:
    failures = []
    if options.fail_if_older is not None:
        age = _largest_age(reports, now)
        if age is not None and age > options.fail_if_older:
            failures.append(f"the oldest event has waited for {age_text(age)}")
        failures += [
            f"{report.name}: {printable(report.left_alone or '')}"
            for report in reports
            if not report.readable
        ]
    if options.fail_if_dead_letters and letters:
        failures.append(
            f"there {'is' if letters == 1 else 'are'} {count_of(letters, 'dead letter')}"
        )
    return failures
