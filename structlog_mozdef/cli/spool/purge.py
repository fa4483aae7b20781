"""Remove dead letters, or with --waiting the events that dead processes left behind."""

from __future__ import annotations

import argparse
import sys
from typing import Self

from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.inspect import inspect_folder, remove_orphans
from structlog_mozdef.cli.spool.letters import Letter, remove_letters
from structlog_mozdef.cli.spool.selection import Selection, selection_of
from structlog_mozdef.cli.terminal import printable
from structlog_mozdef.process.standard_error import count_of


def act(options: argparse.Namespace, folder: SpoolFolder) -> int:
    """Remove what is asked for from *folder*."""
    selection = selection_of(options)
    if options.waiting:
        if not selection.is_all:
            raise ValueError("--reason, --since and --summary choose dead letters, not --waiting")
        return _purge_waiting(folder, asks=not options.yes)
    count = remove_letters(folder, lambda: _Removal(selection))
    print(f"{count_of(count, 'dead letter')} removed")
    return 0


def _purge_waiting(folder: SpoolFolder, *, asks: bool) -> int:
    if asks and (sys.stdin is None or not sys.stdin.isatty()):
        raise ValueError(
            "purge --waiting asks before it removes events, and standard input is no terminal; if"
            " nobody is to be asked, add --yes"
        )
    reports = inspect_folder(folder)
    orphans = [report for report in reports if not report.alive]
    if asks and orphans and not _is_confirmed(sum(report.events for report in orphans)):
        print("nothing removed")
        return 1
    removed = remove_orphans(folder, [report.name for report in orphans])
    print(f"{count_of(removed, 'event')} removed")
    left = inspect_folder(folder)
    for report in left:
        reason = report.left_alone or "a process holds it"
        print(f"{report.name} is left alone: {printable(reason)}", file=sys.stderr)
    return int(bool(left))


def _is_confirmed(events: int) -> bool:
    question = f"Remove {count_of(events, 'event')} of dead processes, which were never delivered?"
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


class _Removal:
    """See `structlog_mozdef.cli.spool.letters.Taker`."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def take(self, letter: Letter) -> bool:
        """Take *letter*, if it is selected."""
        return self._selection.selects(letter.values)

    def publish(self) -> None:
        """Nothing is kept of it."""
