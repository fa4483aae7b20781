"""Inspect a spool folder, deliver the events in it, and manage its dead letters.

An action is a module: `listing`, `drain`, `dead_letters`, `requeue` and `purge`. The last three
share `letters`, which reads and rewrites the file of the dead letters line by line, and
`selection`, the options that choose some of them. No action needs more memory for a larger spool.
"""

from __future__ import annotations

import argparse

from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.cli.spool import dead_letters, drain, listing, purge, requeue
from structlog_mozdef.cli.terminal import printable
from structlog_mozdef.exceptions import SpoolError

_ACTIONS = {
    "list": listing,
    "drain": drain,
    "dead-letters": dead_letters,
    "requeue": requeue,
    "purge": purge,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the actions of this command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, module in _ACTIONS.items():
        help_text = (module.__doc__ or "").partition("\n")[0]
        action = actions.add_parser(name, help=help_text, description=module.__doc__)
        action.add_argument("folder", metavar="FOLDER")
        module.add_arguments(action)
        action.set_defaults(act=module.act)


def run(options: argparse.Namespace) -> int:
    """Run one action."""
    try:
        folder = SpoolFolder.existing(options.folder)
        try:
            return int(options.act(options, folder))
        finally:
            folder.close()
    except SpoolError as error:
        raise ValueError(printable(str(error))) from None
    except BrokenPipeError:
        raise  # by what is printed
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"spool is {options.folder!r}, which cannot be used: {reason}") from None
