"""The command line: ``structlog-mozdef COMMAND``, or ``python -m structlog_mozdef COMMAND``.

- ``send``: send the lines of standard input to MozDef.
- ``spool``: list a spool, drain it, and show, requeue or purge what is in it.
- ``collector``: run the development collector.
- ``audit``: say which events are missing in a record.
- ``seal``: make the keys that seal events, and check the seals of a record.
- ``demo``: send the events of a sample application to a collector, and show what it stored.

Each command is a module of that name; `demo_application` and `demo_traffic` are the programs that
``demo`` runs, `destination`, `record` and `times` have the arguments that commands share,
`terminal` what they write to one, and `ending` is what they do when a signal asks them to end.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from structlog_mozdef._version import __version__
from structlog_mozdef.cli import audit, collector, demo, seal, send, spool
from structlog_mozdef.cli.ending import (
    Interrupted,
    end_output,
    handling_signals,
    raise_interrupted,
)
from structlog_mozdef.exceptions import MozDefError

_COMMANDS = (send, spool, collector, audit, seal, demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name. Default: those of this process.

    Returns:
        The exit status: 0 for success, 1 if not everything was delivered or
        is there, 2 for a setting that
        cannot work. After a signal 128 and its number: 130 for Ctrl-C, 143 for SIGTERM, 129 for
        SIGHUP, 141 where nobody reads the output any more.
    """
    parser = argparse.ArgumentParser(
        prog=_program_name(), description="Send security events to MozDef."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        name = command.__name__.rpartition(".")[2]
        help_text = (command.__doc__ or "").partition("\n")[0]
        subparser = commands.add_parser(name, help=help_text, description=help_text)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    if sys.stderr is None:  # it was closed: what is for it must not get onto standard output
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - to the end
    options = parser.parse_args(arguments)
    try:
        with handling_signals(raise_interrupted):
            status = int(options.run(options))
            if sys.stdout is not None:
                sys.stdout.flush()
            return status
    except BrokenPipeError:
        return end_output()
    except (ValueError, ImportError, MozDefError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted as error:
        return error.status


def _program_name() -> str:
    """Return how this program was started, for its usage and errors."""
    name = os.path.basename(sys.argv[0])  # noqa: PTH119 - it is a string
    return "python -m structlog_mozdef" if name == "__main__.py" else name
