"""Send lines of standard input to MozDef: JSON objects (any structlog output) or plain text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from structlog_mozdef.cli.destination import add_destination, sink_of
from structlog_mozdef.cli.ending import Input, Interrupted, handling_signals
from structlog_mozdef.configuration import build_processors
from structlog_mozdef.logger import MozDefLogger
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.sink import Stats

# Longer lines are truncated, and say so: the maximum size of an event is a tenth of this.
_LINE_LIMIT_BYTES = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of this command."""
    add_destination(parser)
    parser.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="for every event; repeatable"
    )
    parser.add_argument(
        "--category", default="event", help="of events that have none (default: %(default)s)"
    )
    parser.add_argument(
        "--source", help="of events that have none (default: the name of their logger)"
    )
    parser.add_argument(
        "--redact",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="replace passwords, tokens and other secrets in the lines (default: yes)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="maximum wait for the delivery after the last line, or after a signal"
        " (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Send all lines; return 0 only if all of them were delivered.

    After a signal, the lines that were read before it are sent, in the same time.
    """
    processors = build_processors(
        tags=options.tag,
        category=options.category,
        source=options.source,
        redact=options.redact,
    )
    sink = sink_of(options, when_full="block", exit_timeout=0.0)
    logger = MozDefLogger(sink)
    lines = Input(options.timeout)
    read = 0
    with handling_signals(lines.handle):
        try:
            for event_dict in read_events(lines.stream):
                read += 1
                rendered: Any = event_dict
                for processor in processors:
                    rendered = processor(logger, "info", rendered)
                sink.put(rendered)
            sink.close(options.timeout)
            lines.done()
        except Interrupted:
            # Another signal: nobody wants to wait for this one, nor for those behind it.
            read += sum(1 for _ in read_events(lines.stream))
    stats = sink.stats()
    print(_sum_up(stats, read), file=sys.stderr)
    sink.mark_reported()
    return lines.status if stats.delivered + stats.sent == read else 1


def read_events(source: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the event dict of each line of *source* that is not blank."""
    while line := source.readline(_LINE_LIMIT_BYTES):
        cut = len(line) >= _LINE_LIMIT_BYTES and not line.endswith(b"\n")
        while cut and not source.readline(_LINE_LIMIT_BYTES).endswith(b"\n"):
            if not source.peek(1):  # type: ignore[attr-defined] # a BufferedReader has it
                break
        if line.strip():
            event_dict = _event_dict_of(line.strip())
            if cut:
                event_dict["line_cut_at_bytes"] = _LINE_LIMIT_BYTES
            yield event_dict


def _event_dict_of(line: bytes) -> dict[str, Any]:
    if line.startswith(b"{"):
        try:
            event_dict = orjson.loads(line)
            if isinstance(event_dict, dict):
                return event_dict
        except ValueError:
            pass  # it is plain text
    return {"event": line.decode("utf-8", "backslashreplace")}


def _sum_up(stats: Stats, read: int) -> str:
    text = f"{stats.delivered:,} of {count_of(read, 'event')} delivered"
    if stats.sent:
        text = f"{stats.sent:,} of {count_of(read, 'event')} sent, without confirmation"
    for what, count in (
        ("rejected", stats.dead_lettered),
        ("dropped", stats.dropped),
        ("not sent", stats.buffered + max(read - stats.accepted, 0)),
    ):
        if count:
            text += f", {count:,} {what}"
    return f"{text}: {stats.last_error}" if stats.last_error else text
