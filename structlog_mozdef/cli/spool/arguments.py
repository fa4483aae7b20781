"""The arguments of all actions. The docstring of each function is the help of its action."""

from __future__ import annotations

import argparse

from structlog_mozdef.cli.destination import add_destination
from structlog_mozdef.cli.times import duration, moment, timeout


def _list(parser: argparse.ArgumentParser) -> None:
    """Show the streams: events, bytes, the age of the oldest event, and the process of each.

    Monitoring can use the exit status: 0 if all is well, 1 if a --fail-if option says so (standard
    error says why), 2 if the folder or an option cannot be used.
    """
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object, with ages in seconds (default: lines for people)",
    )
    parser.add_argument(
        "--fail-if-older",
        type=duration,
        metavar="DURATION",
        help="status 1 if an event has waited for longer: 90 or 90s, 10m, 2h, 1d (default: any age"
        " is well)",
    )
    parser.add_argument(
        "--fail-if-dead-letters",
        action="store_true",
        help="status 1 if there are dead letters (default: they are well)",
    )


def _drain(parser: argparse.ArgumentParser) -> None:
    """Deliver the events that dead processes left behind.

    With --to they go to another destination than the one that they were meant for, unchanged, with
    their stream_id and sequence. What is not delivered stays in the spool, for its own destination.
    """
    add_destination(parser, optional=True)
    parser.add_argument(
        "--to",
        metavar="URL",
        help="instead of URL: another destination than the spool's (default: none)",
    )
    parser.add_argument(
        "--timeout",
        type=timeout,
        default="1h",
        metavar="DURATION",
        help="the maximum time for all of it: 90 or 90s, 10m, 2h, 1d (default: %(default)s)",
    )


def _dead_letters(parser: argparse.ArgumentParser) -> None:
    """Show the events that the destination rejected, and why, as JSON lines."""
    _add_selection(parser)
    parser.add_argument(
        "--count", action="store_true", help="print their number only (default: print them)"
    )


def _requeue(parser: argparse.ArgumentParser) -> None:
    """Send dead letters again, with the next delivery.

    They are removed once they wait in the spool: if this command is killed in between, they are in
    both, and can be sent twice. None is lost.
    """
    _add_selection(parser)
    parser.add_argument(
        "--to",
        metavar="URL",
        help="another destination than the one that rejected them (default: that one)",
    )


def _purge(parser: argparse.ArgumentParser) -> None:
    """Remove dead letters, or with --waiting the events that dead processes left behind."""
    _add_selection(parser)
    parser.add_argument(
        "--waiting",
        action="store_true",
        help="remove no dead letters, but the events of dead processes, which were never delivered"
        " (default: dead letters)",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="do not ask before events are removed that were never delivered (default: ask)",
    )


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which dead letters (default: all)")
    group.add_argument(
        "--reason",
        metavar="TEXT",
        help="those whose reason contains it, in upper or lower case (default: any)",
    )
    group.add_argument(
        "--since",
        type=moment,
        metavar="TIME",
        help="those that were rejected since: 10m, 2h or 1d ago, or an ISO 8601 date or time, such"
        " as 2026-03-18T23:20, in local time if it has no offset (default: at any time)",
    )
    group.add_argument(
        "--summary", metavar="TEXT", help="those whose summary contains it (default: any)"
    )


ACTIONS = {
    "list": _list,
    "drain": _drain,
    "dead-letters": _dead_letters,
    "requeue": _requeue,
    "purge": _purge,
}
