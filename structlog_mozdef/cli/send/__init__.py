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
where its file was removed or truncated, or came and was renamed between the last seconds before a
kill and the next start. A position file that another command uses is refused.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence

from structlog_mozdef.cli.destination import add_destination
from structlog_mozdef.cli.ending import StopReading, handling_signals
from structlog_mozdef.cli.send.following import followed_lines
from structlog_mozdef.cli.send.reading import STANDARD_INPUT, check_sources, lines_of, size_of
from structlog_mozdef.cli.send.resuming import Following
from structlog_mozdef.cli.terminal import progress
from structlog_mozdef.cli.times import timeout

# `reading` has the lines of files and of standard input, `following` those of files that grow;
# `resuming` remembers what was delivered of those, in a file of `positions`; `delivery` sends them.


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
    from structlog_mozdef.cli.send.delivery import Delivery

    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(StopReading(options.timeout))
        following = None
        lines: Iterator[bytes | None]
        if options.follow:
            following = stack.enter_context(Following(options))
            lines = followed_lines(following.files, stop)
        elif options.from_end or options.position_file is not None:
            raise ValueError("--from-end and --position-file belong to --follow")
        else:
            sources = options.files or [STANDARD_INPUT]
            check_sources(sources)
            lines = _with_progress(sources, stop)
        delivery = Delivery(options)
        with handling_signals(stop.handle):
            problem = delivery.send(lines, stop, following)
        is_all, text = delivery.result()
        if following is not None and delivery.is_settled():
            is_all = following.save_now() and is_all
        print(text, file=sys.stderr)
        if problem is not None:
            raise problem
        return stop.status if is_all else 1


def _with_progress(sources: Sequence[str], stop: StopReading) -> Iterator[bytes]:
    with progress(size_of(sources), unit="B") as bar:
        yield from lines_of(sources, stop, bar.update)
