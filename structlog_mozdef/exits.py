"""Closing what is open when a process ends, in whatever way a process can be asked to end.

``atexit`` covers a script, a service and a gunicorn worker. The children of multiprocessing and
of billiard (Celery) leave by ``os._exit`` without it, but run the finalizers of their library.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from typing import Any, Protocol


class ClosedAtExit(Protocol):
    """What wants to be closed when the process ends."""

    exit_timeout: float

    def close_at_exit(self, deadline: float) -> None:
        """Finish by *deadline*, of ``time.monotonic``."""


_open: weakref.WeakSet[ClosedAtExit] = weakref.WeakSet()
_imported_in = os.getpid()
_finalizer_in = 0


def close_at_exit(instance: ClosedAtExit) -> None:
    """Close *instance* when this process ends, unless it is gone by then."""
    _open.add(instance)


def _close_all() -> None:
    instances = list(_open)
    # One time-out for all, not one after another: nobody waits for the sum.
    start = time.monotonic()
    for instance in instances:
        instance.close_at_exit(start + instance.exit_timeout)


def finalize_in_worker() -> None:
    """Make sure that `_close_all` runs in a worker process of multiprocessing or billiard.

    To be called in the worker, after its library has cleared the finalizers of the parent.
    """
    global _finalizer_in  # noqa: PLW0603 - once for each process
    pid = os.getpid()
    if _finalizer_in == pid:
        return
    _finalizer_in = pid
    multiprocessing: Any = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        _register_finalizer("multiprocessing.util")
    if pid != _imported_in:
        _register_finalizer("billiard.util")


def _register_finalizer(module_name: str) -> None:
    module: Any = sys.modules.get(module_name)
    if module is not None:
        # Without a priority it would not run at exit; 0 is last among the usual ones.
        module.Finalize(None, _close_all, exitpriority=0)


atexit.register(_close_all)
