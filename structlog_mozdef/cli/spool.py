"""Inspect a spool folder, deliver the events in it, and manage its dead letters."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import orjson

from structlog_mozdef._deadline import monotonic
from structlog_mozdef.buffers.spool.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.inspect import (
    StreamReport,
    has_orphans,
    inspect_folder,
    remove_orphans,
    write_orphan,
)
from structlog_mozdef.cli.destination import add_destination, sink_of
from structlog_mozdef.cli.ending import Interrupted
from structlog_mozdef.cli.terminal import printable, progress
from structlog_mozdef.exceptions import SpoolError

_NO_LIMIT = sys.maxsize
# Seconds between two checks of how many events are left.
_POLL_INTERVAL = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the actions of this command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for function, help_text in (
        (_list, "show the streams: events, bytes, age, and the process of each"),
        (_drain, "deliver the events that dead processes left behind"),
        (_dead_letters, "show the events that the destination rejected, and why"),
        (_requeue, "send the dead letters again, with the next delivery"),
        (_purge, "remove the dead letters, and with --events what waits as well"),
    ):
        name = function.__name__.strip("_").replace("_", "-")
        action = actions.add_parser(name, help=help_text, description=help_text)
        action.add_argument("folder", metavar="FOLDER")
        if function is _drain:
            add_destination(action)
            action.add_argument(
                "--timeout", type=float, default=3600.0, help="seconds (default: %(default)s)"
            )
        if function is _purge:
            action.add_argument(
                "--events", action="store_true", help="remove the events of dead processes as well"
            )
            action.add_argument("--yes", action="store_true", help="do not ask")
        action.set_defaults(act=function)


def run(options: argparse.Namespace) -> int:
    """Run one action."""
    try:
        folder = SpoolFolder.existing(options.folder)
        try:
            return int(options.act(options, folder))
        finally:
            folder.close()
    except SpoolError as error:
        raise ValueError(printable(str(error))) from None
    except BrokenPipeError:
        raise  # by what is printed
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"spool is {options.folder!r}, which cannot be used: {reason}") from None


def _list(options: argparse.Namespace, folder: SpoolFolder) -> int:
    reports = inspect_folder(folder)
    for report in reports:
        print(_line_of(report))
    events, size = (
        sum(getattr(report, name) for report in reports) for name in ("events", "bytes")
    )
    letters = len(DeadLetterFile(folder, _NO_LIMIT).read())
    print(
        f"{events:,} events wait, {size:,} bytes, in {len(reports)} streams; {letters} dead letters"
    )
    return 0


def _line_of(report: StreamReport) -> str:
    owner = f"process {report.pid}, {'alive' if report.alive else 'dead'}"
    destination = "an unknown destination" if report.destination is None else report.destination
    return (
        f"{report.name}  {report.events:>9,} events  {report.bytes:>13,} bytes"
        f"  since {report.begun}  {owner}  to {printable(destination)}"
        + (f"; left alone: {printable(report.left_alone)}" if report.left_alone else "")
    )


def _drain(options: argparse.Namespace, folder: SpoolFolder) -> int:
    orphans = [report for report in inspect_folder(folder) if not report.alive]
    foreign = [report for report in orphans if report.left_alone]
    total = sum(report.events for report in orphans) - sum(report.events for report in foreign)
    deadline = monotonic() + options.timeout
    sink = sink_of(options, spool=options.folder, exit_timeout=0.0)
    left, status = True, 0
    try:
        with progress(total, always=True) as bar:
            while left and monotonic() < deadline:
                time.sleep(_POLL_INTERVAL)
                stats = sink.stats()
                bar.update(stats.delivered + stats.sent + stats.dead_lettered - bar.n)
                left = stats.buffered > 0 or has_orphans(folder)
    except Interrupted as error:
        status = error.status  # what is left stays on disk
    stats = sink.stats()
    sink.close(0.0)
    sink.mark_reported()
    for report in foreign:
        print(f"{report.name} is left alone: {printable(report.left_alone or '')}", file=sys.stderr)
    print(
        f"{stats.delivered + stats.sent:,} events delivered, {stats.dead_lettered:,} dead letters,"
        f" {stats.buffered:,} left"
        + (f": {printable(stats.last_error)}" if left and stats.last_error else ""),
        file=sys.stderr,
    )
    return status or int(bool(left or foreign or stats.dead_lettered))


def _dead_letters(options: argparse.Namespace, folder: SpoolFolder) -> int:
    for letter in DeadLetterFile(folder, _NO_LIMIT).read():
        print(printable(orjson.dumps(letter).decode()))
    return 0


def _requeue(options: argparse.Namespace, folder: SpoolFolder) -> int:
    def write_again(letters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        resent: dict[str, list[bytes]] = {}
        kept = []
        for letter in letters:
            event, destination = letter.get("event"), letter.get("destination")
            if isinstance(event, dict) and isinstance(destination, str):
                resent.setdefault(destination, []).append(orjson.dumps(event))
            else:
                kept.append(letter)  # a damaged line cannot be sent
        for destination, events in resent.items():
            write_orphan(folder, destination, events)
        return kept

    count = DeadLetterFile(folder, _NO_LIMIT).remove(write_again)
    print(f"{count} dead letters will be sent again by the next sink or drain")
    return 0


def _purge(options: argparse.Namespace, folder: SpoolFolder) -> int:
    reports = inspect_folder(folder) if options.events else []
    events = sum(report.events for report in reports if not report.alive)
    if options.events and not options.yes:
        print(
            f"Remove {events:,} events of dead processes, which were never delivered? [y/N] ",
            end="",
        )
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing removed")
            return 1
    removed = remove_orphans(folder) if options.events else 0
    count = DeadLetterFile(folder, _NO_LIMIT).remove(lambda _: [])
    print(f"{count} dead letters removed" + (f", {removed:,} events" if options.events else ""))
    left = [report.name for report in inspect_folder(folder)] if options.events else []
    for name in left:
        print(f"{name} is left alone: a process holds it, or it cannot be read", file=sys.stderr)
    return 1 if left else 0
