"""Who is logging: this machine, this process and its name."""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import PurePath
from typing import Any

from structlog_mozdef._lock import locked
from structlog_mozdef._raised import pass_on
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.process.threads import start_without_signals

#: Longest wait for the resolver, in seconds, once in the life of a program.
RESOLVER_TIMEOUT = 1.0

# What is known so far; the processors look here first, since a call costs more than the look.
known_hostname: str | None = None
known_process_id = os.getpid()
known_process_name: str | None = None


def hostname() -> str:
    """The fully qualified name of this machine, looked up once.

    The plain host name stands in where the resolver knows no better one, only knows
    ``localhost``, or has no answer within a second.
    """
    return _process.hostname() if known_hostname is None else known_hostname


def find_hostname() -> str:
    """Ask the operating system and the resolver; see `hostname`."""
    plain = socket.gethostname() or "localhost"
    if "." in plain and not plain.startswith("localhost"):
        return plain
    return canonical_name(plain)


def canonical_name(plain: str) -> str:
    """Ask the resolver for the full name of *plain*, a host name; return *plain* if it has none."""
    if sys.is_finalizing():
        return plain  # before Python 3.12, starting a thread would wait for it forever
    found: list[str] = []

    def resolve() -> None:
        try:
            found.append(socket.getfqdn(plain))
        except (OSError, UnicodeError):
            pass  # the plain name stands in

    # In a thread: the resolver of the operating system accepts no timeout.
    resolver = threading.Thread(target=resolve, name="structlog-mozdef-hostname", daemon=True)
    try:
        start_without_signals(resolver)
        resolver.join(RESOLVER_TIMEOUT)
    except RuntimeError as error:  # the interpreter is shutting down, or no thread can be had
        pass_on(error)
        return plain
    name = found[0].rstrip(".") if found else plain
    if "." not in name or name.startswith(("localhost", "ip6-")) or name.endswith(".arpa"):
        return plain
    return name


def process_id() -> int:
    """The id of this process; right in a forked child as well."""
    return known_process_id


def process_name() -> str:
    """The name of this program as a person knows it: ``gunicorn``, ``manage.py``, ``mypackage``."""
    global known_process_name  # noqa: PLW0603 - found once in the life of a process
    if known_process_name is None:
        # While `python -m` looks for its module, no name is final.
        name = find_process_name()
        if sys.argv[:1] == ["-m"]:
            return name
        known_process_name = name
    return known_process_name


def find_process_name() -> str:
    """Read the name off the command line; see `process_name`."""
    executable = PurePath(sys.executable or "python").name
    if getattr(sys, "frozen", False):
        return executable
    spec: Any = getattr(sys.modules.get("__main__"), "__spec__", None)
    script = sys.argv[0] if getattr(sys, "argv", None) else ""
    if spec is not None and getattr(spec, "name", "") not in ("", "__main__"):
        # python -m package.module, python -m package
        return str(spec.name).removesuffix(".__main__")
    if script == "-m" and "-m" in sys.orig_argv[:-1]:
        return sys.orig_argv[sys.orig_argv.index("-m") + 1]
    path = PurePath(script)
    if path.name == "__main__.py":
        # A folder or an archive that is run, or a spawned child of python -m.
        return path.parent.name or executable
    if script in ("", "-c", "-"):
        return executable
    return path.name


class _Process:
    def __init__(self) -> None:
        # Re-entrant: a signal handler may log in the middle of the look-up.
        self._lock = threading.RLock()

    @locked
    def hostname(self) -> str:
        global known_hostname  # noqa: PLW0603 - found once in the life of a program
        if known_hostname is None:
            known_hostname = find_hostname()
        return known_hostname

    def after_fork_in_child(self) -> None:
        global known_process_id  # noqa: PLW0603 - a child is another process
        known_process_id = os.getpid()
        self._lock = threading.RLock()


_process = _Process()
reset_after_fork(_process)
