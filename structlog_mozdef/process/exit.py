"""Closing what is open when a process ends, in whatever way a process can be asked to end.

``atexit`` covers a script, a service and a gunicorn worker. The children of multiprocessing and
of billiard leave by ``os._exit`` without it, but run the finalizers of their library; the pool
processes of Celery not even these, but they send a signal. SIGTERM runs none of all that: see
`structlog_mozdef.process.signals`.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import weakref
from collections.abc import Iterable
from typing import Any, Protocol

from structlog_mozdef._deadline import Deadline
from structlog_mozdef._raised import pass_on
from structlog_mozdef.process import signals, standard_error


class ClosedAtExit(Protocol):
    """An object that is closed when the process ends.

    Attributes:
        exit_timeout: seconds that it may take.
    """

    @property
    def exit_timeout(self) -> float:
        """See above."""

    def is_interrupted(self) -> bool:
        """Return whether the calling signal handler holds it up: what it interrupts has a lock."""

    def begin_exit(self, deadline: Deadline) -> None:
        """Begin to finish by *deadline*. Does not wait."""

    def end_exit(self, deadline: Deadline) -> None:
        """Wait until all is finished, *deadline* at the latest."""

    def report_exit(self) -> None:
        """Say what is left, and what was lost, as far as it was not said. Does not wait."""


_open: weakref.WeakSet[ClosedAtExit] = weakref.WeakSet()
_kept: list[ClosedAtExit] = []
_finalizer_in = 0


def close_at_exit(instance: ClosedAtExit) -> None:
    """Close *instance* when this process ends, unless it is gone by then."""
    _open.add(instance)


def keep_until_exit(instance: ClosedAtExit) -> None:
    """Keep *instance*, which nobody else holds any more, until it was closed at the exit."""
    _kept.append(instance)
    _open.add(instance)


def close_at_sigterm() -> None:
    """Close everything when SIGTERM ends this process, where the program has no handler for it."""
    signals.handle_sigterm(
        _close_all, lambda: any(instance.is_interrupted() for instance in _all_open())
    )


def _all_open() -> list[ClosedAtExit]:
    while True:
        try:
            return list(_open)
        except RuntimeError as error:  # another thread has made one meanwhile
            pass_on(error)


def _close_all(**_: Any) -> None:
    standard_error.prepare()
    # All at once and with one start, not one after another: nobody waits for the sum.
    deadlines = [(instance, Deadline.after(instance.exit_timeout)) for instance in _all_open()]
    with signals.Impatience() as impatience:
        try:
            try:
                for instance, deadline in deadlines:
                    instance.begin_exit(deadline)
                for instance, deadline in deadlines:
                    instance.end_exit(deadline)
            finally:
                _report_all()
        except signals.EndNow:
            _report_all()  # it may have come in the middle of that
    if impatience.ends_process:
        signals.raise_by_default(signal.SIGTERM)


def _report_all() -> None:
    for instance in _all_open():
        instance.report_exit()


class _LastWord:
    """Goes when the interpreter clears this module, and says what was left since `_close_all`."""

    def __init__(self, instances: Iterable[ClosedAtExit]) -> None:
        self._instances = instances  # the names of the module may be gone by then

    def __del__(self) -> None:
        for instance in list(self._instances):
            instance.report_exit()


_last_word = _LastWord(_open)


def finalize_in_worker() -> None:
    """Make sure that `_close_all` runs in a worker of multiprocessing, billiard or Celery.

    Call it in the worker, after its library has cleared the finalizers of the parent.
    """
    signals.prepare_for_events()
    global _finalizer_in  # noqa: PLW0603 - once for each process
    pid = os.getpid()
    if _finalizer_in == pid:
        return
    _finalizer_in = pid
    for module_name in ("multiprocessing.util", "billiard.util"):
        module: Any = sys.modules.get(module_name)
        if module is not None:
            # A spawned worker imports the program, and us, before its library clears the
            # finalizers; right after that it calls what is registered here.
            module.register_after_fork(_close_all, _finalize_in_new_worker)
    multiprocessing: Any = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        _register_finalizer("multiprocessing.util")
    billiard: Any = sys.modules.get("billiard.process")
    if billiard is not None and billiard.current_process()._parent_pid is not None:  # noqa: SLF001
        _register_finalizer("billiard.util")
    celery: Any = sys.modules.get("celery.signals")
    if celery is not None:
        celery.worker_process_shutdown.connect(_close_all, weak=False, dispatch_uid=__name__)


def _finalize_in_new_worker(_: Any) -> None:
    global _finalizer_in  # noqa: PLW0603 - as above
    _finalizer_in = 0
    finalize_in_worker()


def _register_finalizer(module_name: str) -> None:
    module: Any = sys.modules.get(module_name)
    if module is not None:
        # Without a priority it would not run at exit; 0 is last among the usual ones.
        module.Finalize(None, _close_all, exitpriority=0)


atexit.register(_close_all)
