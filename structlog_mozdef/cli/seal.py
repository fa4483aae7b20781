"""Make the keys that seal events, and check the seals of a record.

``new-key`` makes a key file for ``configure(seal=FILE)``, and prints the verification key, which
belongs to the auditor, and on no machine that seals. ``verify`` says which events are authentic,
changed, forged or missing; the exit status is 1 where anything is.
"""

from __future__ import annotations

import argparse
import os
import re
from datetime import UTC, datetime

from structlog_mozdef.cli.record import add_record, add_silent_after, read_record
from structlog_mozdef.cli.terminal import print_json, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the actions of this command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    text = "Make a key file, and print its verification key."
    new_key = actions.add_parser(
        "new-key",
        help=text,
        description=f"{text}\n\nThe key file is for configure(seal=FILE). The verification key"
        " belongs to the auditor, and on no machine that seals.",
    )
    new_key.add_argument(
        "file", metavar="FILE", help="the key file to make, in a folder of the sealing user's alone"
    )
    new_key.add_argument(
        "--verification-key",
        metavar="FILE",
        help="append the verification key to this file, and print nothing (default: print it)",
    )
    new_key.set_defaults(act=_new_key)
    text = "Check the seals of a record."
    verify = actions.add_parser(
        "verify",
        help=text,
        description=f"{text}\n\nIt says which events are authentic, changed, forged or missing. The"
        " exit status is 1 where anything is not authentic or is missing.",
    )
    verify.add_argument(
        "--key",
        metavar="FILE",
        action="append",
        required=True,
        help="a file of verification keys, one in a line; repeatable",
    )
    add_record(verify)
    add_silent_after(verify)
    verify.add_argument(
        "--compromised-at",
        metavar="TIME|STREAM:NUMBER",
        action="append",
        default=[],
        help="when somebody else may have got the keys: a time (ISO 8601), or an event; repeatable"
        " (default: never)",
    )
    verify.add_argument(
        "--added",
        metavar="NAME",
        action="append",
        default=[],
        help="a detail that something on the way adds to events (those of MozDef's own plugins"
        " are known); repeatable (default: none)",
    )
    verify.add_argument(
        "--mixed",
        action="store_true",
        help="the record also has events of programs that do not seal: they prove nothing, and are"
        " no error (default: each is an error)",
    )
    verify.set_defaults(act=_verify)


def run(options: argparse.Namespace) -> int:
    """Run one action."""
    return int(options.act(options))


def _new_key(options: argparse.Namespace) -> int:
    from structlog_mozdef.audit.verification_keys import line_of
    from structlog_mozdef.rendering.sealing.key_file import create_key

    target = options.verification_key
    if target is None:
        print(line_of(create_key(options.file)))
        return 0
    try:
        fd = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(
            f"--verification-key is {target!r}, which cannot be written: {reason}"
        ) from None
    with os.fdopen(fd, "w") as file:
        file.write(line_of(create_key(options.file)) + "\n")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from structlog_mozdef.audit.report import Rules
    from structlog_mozdef.audit.seal_report import as_json, as_lines
    from structlog_mozdef.audit.seals import Verification
    from structlog_mozdef.audit.verification_keys import read_keys

    times, since = _compromises(options.compromised_at)
    found = Verification(read_keys(options.key), options.added, min(times, default=None))
    read_record(options, found.add, whole=True, all_events=not options.mixed)
    rules = Rules(partial=options.partial, silent_after=options.silent_after)
    report = as_json(found, rules, since, mixed=options.mixed)
    if options.json:
        print_json(report)
    else:
        for line in as_lines(report):
            print(printable(line))
    return 0 if report["proved"] else 1


def _compromises(texts: list[str]) -> tuple[list[datetime], dict[str, int]]:
    times: list[datetime] = []
    since: dict[str, int] = {}
    for text in texts:
        stream_id, _, number = text.rpartition(":")
        if stream_id.isalnum() and re.fullmatch(r"\d{1,18}", number, re.ASCII) and int(number):
            since[stream_id] = min(int(number), since.get(stream_id, int(number)))
            continue
        try:
            time = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError(
                f"--compromised-at is {text!r}; it must be a time, 2026-03-04T05:06:07Z, or"
                " STREAM:NUMBER"
            ) from None
        times.append(time)
    return times, since
