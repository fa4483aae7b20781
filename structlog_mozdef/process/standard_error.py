"""The last way to say something: one line on standard error, in one write, without a lock.

While a process ends, or a signal handler runs, the locks of ``logging`` and of ``sys.stderr`` may
be held by a thread that never runs again, or by the very code that was interrupted.
"""

from __future__ import annotations

import os
import sys

from structlog_mozdef.process import identity


class _StandardError:
    """Holds all that it needs: at the very end the names of modules are gone."""

    def __init__(self) -> None:
        self._sys = sys
        self._write = os.write
        self._getpid = os.getpid
        self._name = ""

    def write_line(self, message: str) -> None:
        """Write *message*, after the names of the program, its process and this package.

        Never raises; without a standard error it does nothing.
        """
        try:
            stream, original = self._sys.stderr, self._sys.__stderr__
            if stream is None:  # a process without a console
                return
            # Once only: sys.argv, from which it is read, is gone at the very end.
            self._name = self._name or identity.process_name()
            line = f"{self._name}[{self._getpid()}]: structlog_mozdef: {message}\n"
            if stream is original:
                self._write(original.fileno(), line.encode("utf-8", "backslashreplace"))
            else:  # a program has replaced it, and wants to have it there
                stream.write(line)
        except Exception:
            pass  # it is closed, or a pipe that nobody reads any more

    def prepare(self) -> None:
        """Find out the name of the program while it can be found."""
        self._name = self._name or identity.process_name()


_standard_error = _StandardError()
write_line = _standard_error.write_line
prepare = _standard_error.prepare


_SINGULAR = {"are": "is", "were": "was", "have": "has"}


def count_of(number: int, noun: str, verb: str = "") -> str:
    """Return *number* with *noun*, in the plural where it needs one: ``1,234 events``.

    Args:
        number: how many there are.
        noun: in the singular.
        verb: in the plural; it follows, as in ``1 event waits`` and ``2 events wait``.
    """
    if number == 1:
        return f"1 {noun}" + (f" {_SINGULAR.get(verb, f'{verb}s')}" if verb else "")
    return f"{number:,} {noun}s" + (f" {verb}" if verb else "")
