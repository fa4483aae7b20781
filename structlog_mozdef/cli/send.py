"""Send lines of standard input to MozDef: JSON objects (any structlog output) or plain text.

The lines of one call are a stream, in which events are numbered. It ends with the last line, or
with a signal after which all lines that were read are sent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.cli.destination import add_destination, sink_of
from structlog_mozdef.cli.ending import Input, Interrupted, handling_signals
from structlog_mozdef.configuration import build_processors
from structlog_mozdef.logger import MozDefLogger
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.sink import Stats
from structlog_mozdef.sink.destination import end_streams_in

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
        "--seal", metavar="FILE", help="a key file, by which events get seals; see 'seal new-key'"
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
        sequence=options.seal is None,  # the sink numbers what it seals
    )
    sink = sink_of(options, when_full="block", exit_timeout=0.0, seal=options.seal)
    logger = MozDefLogger(sink)
    lines = Input(options.timeout)
    read = 0
    stats: Stats | None = None
    with handling_signals(lines.handle):
        try:
            for event_dict in read_events(lines.stream):
                read += 1
                rendered: Any = event_dict
                for processor in processors:
                    rendered = processor(logger, "info", rendered)
                sink.put(rendered)
            deadline = Deadline.after(options.timeout)
            if sink.flush(deadline.left()):
                stats = sink.stats()
                end_streams_in(sink, processors)
                sink.end_streams(0.0)
            sink.close(deadline.left())
            lines.done()
        except Interrupted:
            # Another signal: nobody wants to wait for this one, nor for those behind it.
            read += sum(1 for _ in read_events(lines.stream))
    final = sink.stats()
    stats = stats or final
    has_all = stats.delivered + stats.sent == read
    text = _sum_up(stats, read)
    if has_all and read and not final.delivered + final.sent > read:
        has_all = False
        text += ", but not the end of the stream"
    print(text, file=sys.stderr)
    sink.mark_reported()
    return lines.status if has_all else 1


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
