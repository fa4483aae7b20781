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
from structlog_mozdef.buffers.spool.inspect import has_orphans, inspect_folder
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
    kind = Sink
    if options.to is not None:
        options.url, kind = options.to, _SinkForAll
    orphans = [report for report in inspect_folder(folder) if not report.alive]
    foreign = [report for report in orphans if report.left_alone]
    total = sum(report.events for report in orphans) - sum(report.events for report in foreign)
    stop = StopRequest()
    with handling_signals(stop.handle):
        sink = sink_of(options, kind, spool=options.folder, exit_timeout=0.0)
        is_left = not _deliver(sink, folder, total, Deadline.after(options.timeout), stop)
        sink.close(0.0)
        stats = sink.stats()
        sink.mark_reported()
    for report in foreign:
        print(f"{report.name} is left alone: {printable(report.left_alone or '')}", file=sys.stderr)
    print(_sum_up(stats, total if is_left else 0), file=sys.stderr)
    return stop.status or int(bool(is_left or foreign or stats.dead_lettered or stats.dropped))


def _deliver(
    sink: Sink, folder: SpoolFolder, total: int, deadline: Deadline, stop: StopRequest
) -> bool:
    """Wait for *sink* to deliver everything; return whether nothing is left."""
    is_left = True
    with progress(total) as bar:
        while is_left and not stop.status and not deadline.expired:
            time.sleep(_POLL_INTERVAL)
            stats = sink.stats()
            bar.update(stats.delivered + stats.sent + stats.dead_lettered - bar.n)
            is_left = stats.buffered > 0 or has_orphans(folder)
    return not is_left


class _SinkForAll(Sink):
    """A sink that delivers the events for other destinations as well."""

    def _open_spool(self, spool: str | os.PathLike[str], destination: str) -> Any:
        return SpoolFolder(spool, destination, adopts_all=True)


def _sum_up(stats: Stats, total: int) -> str:
    """Say what became of the events; those that this process has not adopted yet are left too."""
    done = stats.delivered + stats.sent
    left = max(total - done - stats.dead_lettered - stats.dropped, stats.buffered)
    text = (
        f"{count_of(done, 'event')} {'sent' if stats.sent else 'delivered'},"
        f" {count_of(stats.dead_lettered, 'dead letter')}, {left:,} left"
    )
    if stats.dropped:
        text += f", {stats.dropped:,} dropped"
    return f"{text}: {printable(stats.last_error)}" if left and stats.last_error else text
