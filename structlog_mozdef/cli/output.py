"""Standard output and standard error of a command: closed, full, unread, or not in UTF-8."""

from __future__ import annotations

import contextlib
import io
import os
import sys


class OutputError(Exception):
    """Standard output takes no more, for another reason than that nobody reads it."""


def prepare_output() -> None:
    """Let no character be one that an output does not know, and make up a closed standard error."""
    if sys.stderr is None:  # what is for it must not get onto standard output
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish_output() -> None:
    """Write what is left for standard output.

    Raises:
        BrokenPipeError: nobody reads it.
        OutputError: it takes no more.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"standard output cannot be written: {reason}") from None


def end_output(status: int) -> int:
    """Let nothing be written any more to what takes no more; return *status*."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with contextlib.suppress(OSError):  # it is no descriptor
                os.dup2(nowhere, stream.fileno())  # what it still holds is written at exit
    os.close(nowhere)
    return status
