"""Say which events of a record are missing, which came twice, and how each stream ended.

Each process numbers its events in a stream of its own (``stream_id`` and ``sequence``). The exit
status is 1 where a number is missing, or where the record has no numbers.
"""

from __future__ import annotations

import argparse

from structlog_mozdef.cli.record import add_record, add_silent_after, read_record
from structlog_mozdef.cli.terminal import print_json, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options of this command."""
    add_record(parser)
    add_silent_after(parser)


def run(options: argparse.Namespace) -> int:
    """Read the whole record, and print what was found."""
    from structlog_mozdef.audit.completeness import Completeness
    from structlog_mozdef.audit.report import Rules, as_json, as_lines, is_complete

    found = Completeness()
    rules = Rules(partial=options.partial, silent_after=options.silent_after)
    read_record(options, found.add, whole=False)
    if options.json:
        print_json(as_json(found, rules))
    else:
        for line in as_lines(found, rules):
            print(printable(line))
    return 0 if is_complete(found, rules) else 1
