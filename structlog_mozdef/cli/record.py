"""The arguments of commands that read a record, and its events."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from structlog_mozdef.cli.destination import access_to, add_access
from structlog_mozdef.cli.terminal import progress
from structlog_mozdef.cli.times import duration

if TYPE_CHECKING:
    from structlog_mozdef.audit.index import IndexReader

_STEP = 1_000


def add_record(parser: argparse.ArgumentParser) -> None:
    """Define the arguments for the sources of a record."""
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="*",
        default=["-"],
        help="a file of NDJSON (also in gzip), the folder of a spool, the database of the"
        " collector, or https://host:9200/INDEX of Elasticsearch or OpenSearch; - for standard"
        " input, the default. Several are one record.",
    )
    parser.add_argument(
        "--query",
        metavar="LUCENE",
        help="which events of an index, such as tags:openvpn (default: all)",
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="the record may begin in the middle of streams: what comes before the first number of"
        " a stream is not missing (default: it is)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object (default: lines for people)"
    )
    add_access(parser)


def add_silent_after(parser: argparse.ArgumentParser) -> None:
    """Define the argument for streams that do not end."""
    parser.add_argument(
        "--silent-after",
        type=duration,
        metavar="DURATION",
        help="a stream without an end whose last event is older than this (90 or 90s, 10m, 2h, 1d)"
        " was cut off, and its tail may be missing; 0: every one (default: a stream without an end"
        " is still open)",
    )


def read_record(
    options: argparse.Namespace,
    use: Callable[[dict[str, Any]], None],
    *,
    whole: bool,
    all_events: bool = False,
) -> None:
    """Call *use* with each event of the record.

    Args:
        options: of `add_record`.
        use: is given each event, and an empty dict for each line that is none.
        whole: whether *use* needs more of an event than its number.
        all_events: whether an index is asked for events without a number as well.

    Raises:
        ValueError: an argument cannot work.
        AuditError: a source cannot be read to its end.
    """
    # All addresses are checked before the first source is read.
    readers = [
        _reader(options, source, whole=whole, all_events=all_events) for source in options.sources
    ]
    for source, reader in zip(options.sources, readers, strict=True):
        with progress() as bar:
            if reader is not None:
                for page in reader.pages():
                    bar.total = reader.total
                    for event in page:
                        use(event)
                    bar.update(len(page))
                continue
            for number, event in enumerate(_events_of(source), 1):
                use(event)
                if not number % _STEP:
                    bar.update(_STEP)


def _events_of(source: str) -> Iterator[dict[str, Any]]:
    from structlog_mozdef.audit.sources import events_in_lines, events_of

    if source != "-":
        return events_of(source)
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    return events_in_lines(sys.stdin.buffer)


def _reader(
    options: argparse.Namespace, source: str, *, whole: bool, all_events: bool
) -> IndexReader | None:
    if not source.lower().startswith(("https://", "http://")):
        return None
    from structlog_mozdef.audit.index import NUMBERS_ONLY, IndexReader

    verify: bool | str = {"yes": True, "no": False}.get(options.verify, options.verify)
    url, api_key = access_to(source, options, os.environ)
    return IndexReader(
        url,
        api_key=api_key,
        query=options.query,
        verify=verify,
        fields=None if whole else NUMBERS_ONLY,
        all_events=all_events,
    )
