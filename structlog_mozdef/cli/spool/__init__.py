"""Inspect a spool folder, deliver the events in it, and manage its dead letters.

An action is a module: `listing`, `drain`, `dead_letters`, `requeue` and `purge`; `arguments` has
what they are given. The last three share `letters`, which reads and rewrites the file of the dead
letters line by line, and `selection`, which chooses some of them. No action needs more memory for a
larger spool.
"""

from __future__ import annotations

import argparse
import importlib

from structlog_mozdef.cli.spool.arguments import ACTIONS
from structlog_mozdef.cli.terminal import printable
from structlog_mozdef.exceptions import SpoolError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the actions of this command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, add in ACTIONS.items():
        description = add.__doc__ or ""
        action = actions.add_parser(
            name, help=description.partition("\n")[0], description=description
        )
        action.add_argument(
            "folder", metavar="FOLDER", help="the folder of the spool, as given to spool="
        )
        add(action)
        module = "listing" if name == "list" else name.replace("-", "_")
        action.set_defaults(action=f"{__name__}.{module}")


def run(options: argparse.Namespace) -> int:
    """Run one action."""
    from structlog_mozdef.buffers.spool.folder import SpoolFolder

    action = importlib.import_module(options.action)
    try:
        folder = SpoolFolder.existing(options.folder)
        try:
            return int(action.act(options, folder))
        finally:
            folder.close()
    except SpoolError as error:
        raise ValueError(printable(str(error))) from None
    except BrokenPipeError:
        raise  # of standard error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"spool is {options.folder!r}, which cannot be used: {reason}") from None
