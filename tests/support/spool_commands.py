"""The commands for spools, run as an operator would, and folders for them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from support.handmade_spools import orphan
from support.receivers import Receiver
from support.running import start_command

from structlog_mozdef.cli import main

SPOOL = [sys.executable, "-m", "structlog_mozdef", "spool"]


def spool_command(*arguments, timeout=40, **options):
    """Run a command; its status, and what it printed."""
    options = {"stdin": subprocess.DEVNULL, **options}
    process = start_command([*SPOOL, *map(str, arguments)], **options)
    stdout, stderr = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def here(capsys, *arguments):
    """Run a command in this process; the same."""
    command = ["spool", *map(str, arguments)]
    try:
        status = main(command)
    except SystemExit as exit_of_usage:
        status = exit_of_usage.code
    return subprocess.CompletedProcess(command, status, *capsys.readouterr())


def answered(answer: bytes, *arguments):
    """Run a command that asks a question, on a terminal."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        return spool_command(*arguments, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def orphan_for(receiver: Receiver, path: Path, *segments, number=1, later=False) -> Path:
    """A stream for *receiver* that a dead process left, of a *later* format or not."""
    metadata = {"format": 2 if later else 1, "destination": receiver.url, "pid": 4711}
    return orphan(path, *segments, number=number, metadata=metadata)


def sent(receiver: Receiver) -> list[str]:
    """The summaries that arrived at *receiver*."""
    return [event["summary"] for event in receiver.events()]
