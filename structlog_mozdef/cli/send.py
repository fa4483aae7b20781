"""Send lines of files or of standard input to MozDef: JSON objects or plain text.

A line that is a JSON object, such as any output of structlog, is an event; any other is the summary
of one. Files may be in gzip. The status is 0 only if all lines were delivered. After a signal, the
lines that were read before it are sent. The lines of one call are a stream, in which events are
numbered, and which ends with the last line that is sent.

With --follow, files are read from their beginning (or their end) until a signal comes. A file that
is renamed or removed is read on until nobody has written to it for a minute. What is truncated and
written again within a quarter of a second is not seen.

Without --position-file nothing is remembered: the next start begins in the same way. With it, the
next start goes on behind the last line that was delivered, also in files that were renamed in their
folder meanwhile. After a kill, the lines of the last seconds are sent twice; none is left out but
where its file was removed or truncated. A position file is for one command at a time.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import orjson

from structlog_mozdef.cli.destination import add_destination, sink_of
from structlog_mozdef.cli.ending import Interrupted, StopReading, handling_signals
from structlog_mozdef.cli.following import FollowedFile, check_followed, followed_lines
from structlog_mozdef.cli.positions import PositionFile
from structlog_mozdef.cli.reading import (
    LINE_LIMIT_BYTES,
    STANDARD_INPUT,
    check_sources,
    lines_of,
    size_of,
)
from structlog_mozdef.cli.terminal import progress
from structlog_mozdef.cli.times import timeout
from structlog_mozdef.process.standard_error import count_of

if TYPE_CHECKING:
    from structlog.typing import Processor

    from structlog_mozdef.sink import Sink, Stats

#: Seconds between two looks at what was delivered, to remember it.
_SAVE_INTERVAL = 1.0
#: Seconds after which reading pauses for that, where something is on its way all the time, and for
#: how long at the most.
_PAUSE_INTERVAL, _PAUSE = 10.0, 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of this command."""
    add_destination(parser)
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        help="a file of lines, plain or in gzip; - for standard input (default: standard input)",
    )
    add_following(parser)
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="TAG",
        help="a tag for every event; repeatable (default: none)",
    )
    parser.add_argument(
        "--category",
        default="event",
        metavar="NAME",
        help="the category of events that have none (default: %(default)s)",
    )
    parser.add_argument(
        "--source",
        metavar="NAME",
        help="the source of events that have none (default: the name of their logger)",
    )
    parser.add_argument(
        "--redact",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="replace passwords, tokens and other secrets in the lines (default: yes)",
    )
    parser.add_argument(
        "--seal",
        metavar="FILE",
        help="a key file, by which events get seals; see seal new-key (default: none get one)",
    )
    parser.add_argument(
        "--timeout",
        type=timeout,
        default="60s",
        metavar="DURATION",
        help="the maximum wait for the delivery after the last line, or after a signal: 90 or 90s,"
        " 10m, 2h (default: %(default)s)",
    )


def add_following(parser: argparse.ArgumentParser) -> None:
    """Define the options for files that are followed."""
    parser.add_argument(
        "--follow",
        action="store_true",
        help="wait for more lines until a signal comes, as tail -F does: through rotations,"
        " truncations, and for files that are not there yet (default: end with the last line)",
    )
    parser.add_argument(
        "--from-end",
        action="store_true",
        help="with --follow: leave out the lines that are in the files already (default: send them"
        " too)",
    )
    parser.add_argument(
        "--position-file",
        metavar="FILE",
        help="with --follow: remember there what was delivered, and go on from there at the next"
        " start (default: nothing is remembered)",
    )


def run(options: argparse.Namespace) -> int:
    """Send all lines; return 0 only if all of them were delivered."""
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(StopReading(options.timeout))
        lines: Iterator[bytes | None]
        if options.follow:
            following = stack.enter_context(_Following(options))
            lines = followed_lines(following.files, stop)
        elif options.from_end or options.position_file is not None:
            raise ValueError("--from-end and --position-file belong to --follow")
        else:
            following = None
            sources = options.files or [STANDARD_INPUT]
            check_sources(sources)
            lines = _with_progress(sources, stop)
        return _send(options, lines, stop, following)


def _with_progress(sources: Sequence[str], stop: StopReading) -> Iterator[bytes]:
    with progress(size_of(sources), unit="B") as bar:
        yield from lines_of(sources, stop, bar.update)


def _send(
    options: argparse.Namespace,
    lines: Iterator[bytes | None],
    stop: StopReading,
    following: _Following | None,
) -> int:
    from structlog_mozdef._deadline import Deadline
    from structlog_mozdef.sink.destination import end_streams_in

    processors = _processors(options)
    sink = sink_of(options, when_full="block", exit_timeout=0.0, seal=options.seal)
    put = _putter(processors, sink)
    read = 0
    problem: ValueError | None = None
    before_end: Stats | None = None
    with handling_signals(stop.handle):
        try:
            try:
                for line in lines:
                    if line is not None:
                        read += put(line)
                    elif following is not None:
                        following.save(sink, stop)
                for line in following.rest() if following else ():
                    read += put(line)
            except ValueError as error:
                problem = error  # of a file that cannot be read to its end
            deadline = Deadline.after(options.timeout)
            if sink.flush(deadline.left()):
                before_end = sink.stats()
                end_streams_in(sink, processors)
                sink.end_streams(0.0)
            sink.close(deadline.left())
            stop.done()
        except Interrupted as error:
            stop.status = stop.status or error.status
            # Another signal: nobody wants to wait for this one, nor for those behind it.
            read += sum(1 for line in lines if line and line.strip())
    at_end = sink.stats()
    stats = before_end or at_end
    is_all = stats.delivered + stats.sent == read
    text = _sum_up(stats, read)
    if is_all and read and not at_end.delivered + at_end.sent > read:
        is_all = False
        text += ", but not the end of the stream"
    if following and stats.delivered + stats.sent + stats.dead_lettered == read:
        is_all = following.save_now() and is_all
    print(text, file=sys.stderr)
    sink.mark_reported()
    if problem is not None:
        raise problem
    return stop.status if is_all else 1


def _processors(options: argparse.Namespace) -> list[Processor]:
    from structlog_mozdef.configuration import build_processors

    return build_processors(
        tags=options.tag,
        category=options.category,
        source=options.source,
        redact=options.redact,
        sequence=options.seal is None,  # the sink numbers what it seals
    )


def _putter(processors: Sequence[Processor], sink: Sink) -> Callable[[bytes], int]:
    """Return what hands a line to *sink*, and returns how many events it is: 0 or 1."""
    from structlog_mozdef.logger import MozDefLogger

    logger = MozDefLogger(sink)

    def put(line: bytes) -> int:
        event_dict: Any = _event_dict_of(line)
        if event_dict is None:
            return 0
        for processor in processors:
            event_dict = processor(logger, "info", event_dict)
        sink.put(event_dict)
        return 1

    return put


class _Following:
    """The files that are followed, and how far they were delivered."""

    def __init__(self, options: argparse.Namespace) -> None:
        check_followed(options.files)
        self.files: list[FollowedFile] = []
        self._positions: PositionFile | None = None
        if options.position_file is not None:
            self._positions = PositionFile(options.position_file)
        for path in dict.fromkeys(options.files):
            file = self._positions.restore(path) if self._positions else FollowedFile(path)
            self.files.append(file)
            is_new = not file.files
            file.look()
            if options.from_end and is_new:
                for each in file.files:
                    each.seek_end()
        self._saved_at = self._looked_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files:
            file.close()

    def rest(self) -> list[bytes]:
        """Return the last lines without an end, which the next start does not read again."""
        return [] if self._positions else [line for file in self.files for line in file.rest()]

    def save(self, sink: Sink, stop: StopReading) -> None:
        """Remember what was delivered, if it is time, and if everything that was read is."""
        now = time.monotonic()
        if self._positions is None or now - self._looked_at < _SAVE_INTERVAL:
            return
        if now - self._saved_at > _PAUSE_INTERVAL:
            while sink.stats().buffered and time.monotonic() - now < _PAUSE and not stop.status:
                stop.wait(0.05)
        self._looked_at = time.monotonic()
        if not sink.stats().buffered:
            self.save_now()

    def save_now(self) -> bool:
        """Remember that everything that was read is delivered; return False if that fails."""
        self._saved_at = time.monotonic()
        return self._positions is None or self._positions.save(self.files)


def _event_dict_of(line: bytes) -> dict[str, Any] | None:
    """Return what *line* says; None where it is blank."""
    text = line[:LINE_LIMIT_BYTES].strip()
    if not text:
        return None
    event_dict = _object_in(text) or {"event": text.decode("utf-8", "backslashreplace")}
    if len(line) > LINE_LIMIT_BYTES:
        event_dict["line_cut_at_bytes"] = LINE_LIMIT_BYTES
    return event_dict


def _object_in(text: bytes) -> dict[str, Any] | None:
    if text.startswith(b"{"):
        try:
            value = orjson.loads(text)
        except ValueError:
            return None  # it is plain text
        if isinstance(value, dict):
            return value
    return None


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
