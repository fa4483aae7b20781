"""Deliver the events that dead processes left behind.

With --to they go to another destination than the one that they were meant for, unchanged, with
their stream_id and sequence. What is not delivered stays in the spool, for its own destination.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.inspect import StreamReport, inspect_folder, is_drained
from structlog_mozdef.cli.destination import sink_of
from structlog_mozdef.cli.ending import StopRequest, handling_signals
from structlog_mozdef.cli.terminal import printable, progress
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.sink import Sink, Stats

# Seconds between two checks of how many events are left.
_POLL_INTERVAL = 0.1


def act(options: argparse.Namespace, folder: SpoolFolder) -> int:
    """Deliver what no living process holds in *folder*."""
    if (options.url is None) == (options.to is None):
        raise ValueError("drain needs URL, or --to URL for another destination than the spool's")
    kind = _DrainingSink
    if options.to is not None:
        options.url, kind = options.to, _SinkForAll
    ours, foreign = _orphans_in(folder)
    total = sum(report.events for report in ours)
    stop = StopRequest()
    with handling_signals(stop.handle):
        sink: Any = sink_of(options, kind, spool=options.folder, exit_timeout=0.0)
        is_done = _deliver(sink, folder, total, Deadline.after(options.timeout), stop)
        sink.close(0.0)
        stats = sink.stats()
        sink.mark_reported()
    left = max(total - _settled(stats), stats.buffered)
    if is_done:
        # Nothing is held here any more: the disk itself says whether that is so.
        ours, foreign = _orphans_in(folder)
        left = stats.buffered + sum(report.events for report in ours)
    for report in foreign:
        print(f"{report.name} is left alone: {printable(report.left_alone or '')}", file=sys.stderr)
    print(_sum_up(stats, left), file=sys.stderr)
    is_all = is_done and not (left or foreign or stats.dead_lettered or stats.dropped)
    return stop.status or int(not is_all)


def _orphans_in(folder: SpoolFolder) -> tuple[list[StreamReport], list[StreamReport]]:
    """Return the streams that no process holds: those to deliver, and those to leave alone."""
    orphans = [report for report in inspect_folder(folder) if not report.alive]
    ours = [report for report in orphans if not report.left_alone]
    return ours, [report for report in orphans if report.left_alone]


def _deliver(
    sink: _DrainingSink, folder: SpoolFolder, total: int, deadline: Deadline, stop: StopRequest
) -> bool:
    """Wait for *sink* to deliver everything; return whether nothing is left."""
    is_done = False
    with progress(total) as bar:
        while not is_done and not stop.status and not deadline.expired:
            time.sleep(_POLL_INTERVAL)
            stats = sink.stats()
            bar.update(stats.delivered + stats.sent + stats.dead_lettered - bar.n)
            is_done = not stats.buffered and sink.is_drained(folder)
    return is_done


class _DrainingSink(Sink):
    """A sink that nobody but dead processes has left events to."""

    def is_drained(self, folder: SpoolFolder) -> bool:
        """Return whether nothing waits, here or in *folder*."""
        return is_drained(folder, self._buffer)


class _SinkForAll(_DrainingSink):
    """A sink that delivers the events for other destinations as well."""

    def _open_spool(self, spool: str | os.PathLike[str], destination: str) -> Any:
        return SpoolFolder(spool, destination, adopts_all=True)


def _settled(stats: Stats) -> int:
    return stats.delivered + stats.sent + stats.dead_lettered + stats.dropped


def _sum_up(stats: Stats, left: int) -> str:
    """Say what became of the events."""
    done = stats.delivered + stats.sent
    text = (
        f"{count_of(done, 'event')} {'sent' if stats.sent else 'delivered'},"
        f" {count_of(stats.dead_lettered, 'dead letter')}, {left:,} left"
    )
    if stats.dropped:
        text += f", {stats.dropped:,} dropped"
    return f"{text}: {printable(stats.last_error)}" if left and stats.last_error else text
