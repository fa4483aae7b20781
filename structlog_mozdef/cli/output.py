"""Standard output and standard error of a command: closed, full, unread, or not in UTF-8."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


class OutputError(Exception):
    """Standard output takes no more.

    It is no OSError: those are of files, and `argparse` passes over them.

    Attributes:
        is_unread: whether that is since nobody reads it any more.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output cannot be written: {error.strerror or error}")
        self.is_unread = isinstance(error, BrokenPipeError)


@contextlib.contextmanager
def prepared_output() -> Iterator[None]:
    """Let standard output raise `OutputError`, and show each character in some way.

    A closed standard error is made up: what is for it must not get onto standard output.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    output = None if sys.stdout is None else cast("TextIO", _Output(sys.stdout))
    with contextlib.redirect_stdout(output):
        yield


class _Output:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _translated():
            return self._stream.write(text)

    def flush(self) -> None:
        with _translated():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(error) from None


def end_output() -> None:
    """Let nothing be written any more to what takes no more: Python would try it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with contextlib.suppress(OSError):  # it is no descriptor
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
