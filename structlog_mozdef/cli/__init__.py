"""The command line: ``structlog-mozdef COMMAND``, or ``python -m structlog_mozdef COMMAND``.

- ``send``: send files, or the lines of standard input, to MozDef.
- ``spool``: list a spool, drain it, and show, requeue or purge what is in it.
- ``collector``: run the development collector.
- ``audit``: say which events are missing in a record.
- ``seal``: make the keys that seal events, and check the seals of a record.
- ``demo``: send the events of a sample application to a collector, and show what it stored.

Each command is a module of that name; `demo_application` and `demo_traffic` are the programs that
``demo`` runs. `parsing` has the parser and the exit statuses, `destination`, `record` and `times`
the arguments that commands share, `terminal` what they write to one, and `ending` is what they do
when a signal asks them to end.

A module of a command imports what its work needs when that begins, so that help is there at once.
docs/command_line.rst is made from the parser: ``make docs``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from structlog_mozdef._version import __version__
from structlog_mozdef.cli import audit, collector, demo, seal, send, spool
from structlog_mozdef.cli.ending import Interrupted, handling_signals, raise_interrupted
from structlog_mozdef.cli.output import OutputError, end_output, prepared_output
from structlog_mozdef.cli.parsing import Parser, statuses_text
from structlog_mozdef.exceptions import MozDefError

_COMMANDS = (send, spool, collector, audit, seal, demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name. Default: those of this process.

    Returns:
        The exit status: see `structlog_mozdef.cli.parsing.STATUSES`.
    """
    try:
        with prepared_output(), handling_signals(raise_interrupted):
            return _run(arguments)
    except OutputError as error:
        return _end_unread() if error.is_unread else _fail(error)
    except BrokenPipeError:  # of standard error
        return _end_unread()
    except (ValueError, ImportError, OSError, MozDefError) as error:
        return _fail(error)
    except Interrupted as error:
        return error.status


def build_parser(name: str | None = None) -> Parser:
    """Return the parser of all commands.

    Args:
        name: of the program. Default: as it was started.
    """
    parser = Parser(
        prog=name or _program_name(),
        description="Send security events to MozDef.",
        epilog=statuses_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command_name = command.__name__.rpartition(".")[2]
        subparser = commands.add_parser(
            command_name,
            help=(command.__doc__ or "").partition("\n")[0],
            description=command.__doc__,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def _run(arguments: Sequence[str] | None) -> int:
    try:
        options = build_parser().parse_args(arguments)
    except SystemExit as end:  # of --help, or of an argument that is wrong
        status = end.code
    else:
        status = options.run(options)
    if sys.stdout is not None:
        sys.stdout.flush()
    return int(status or 0)


def _end_unread() -> int:
    end_output()
    return 141  # 128 and the number of SIGPIPE, which Windows has not


def _fail(error: Exception) -> int:
    end_output()
    print(f"error: {error}", file=sys.stderr)
    return 2


def _program_name() -> str:
    """Return how this program was started, for its usage and errors."""
    name = sys.argv[0].replace("\\", "/").rpartition("/")[2]
    return "python -m structlog_mozdef" if name == "__main__.py" else name
