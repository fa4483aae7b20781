"""The command line: ``python -m structlog_mozdef COMMAND``.

`send` ships lines of another program, `spool` shows and empties a spool, `collector` runs the
receiver, `demo` shows all of it (with `demo_application`). `destination` is what the commands
share. All of them stand on the public names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from structlog_mozdef._version import __version__
from structlog_mozdef.cli import collector, demo, send, spool
from structlog_mozdef.exceptions import MozDefError

_COMMANDS = (send, spool, collector, demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; default: those of this process.

    Returns:
        The exit status: 0 success, 1 not everything was delivered, 2 bad configuration, 130 after
        Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        prog="python -m structlog_mozdef", description="Security events on their way to MozDef."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        name = command.__name__.rpartition(".")[2]
        help_text = (command.__doc__ or "").partition("\n")[0]
        subparser = commands.add_parser(name, help=help_text, description=command.__doc__)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except (ValueError, ImportError, MozDefError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
