"""Show the events that the destination rejected, and why, as JSON lines."""

from __future__ import annotations

import argparse

import orjson

from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.cli.spool.letters import Letter, read_letters
from structlog_mozdef.cli.spool.selection import selection_of
from structlog_mozdef.cli.terminal import printable

# Of valid JSON these are outside of its strings, where they mean no more than a space.
_SPACES = dict.fromkeys(range(0x20), " ")


def act(options: argparse.Namespace, folder: SpoolFolder) -> int:
    """Print the dead letters of *folder*, or their number."""
    selection, count = selection_of(options), 0
    for letter in read_letters(folder):
        if selection.selects(letter.values):
            count += 1
            if not options.count:
                print(_json_of(letter))
    if options.count:
        print(count)
    return 0


def _json_of(letter: Letter) -> str:
    text = orjson.dumps(letter.values) if letter.is_damaged else letter.text
    return printable(text.decode().translate(_SPACES))
