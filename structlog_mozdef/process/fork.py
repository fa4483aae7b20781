"""What a forked child replaces, found by weak references so that nothing is kept alive.

The child replaces whole objects (locks, buffers, connections) and never repairs one that the
parent was in the middle of changing. So no lock is held across a fork: one that another library
holds at the same moment could never be waited for in the wrong order.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

from structlog_mozdef.process.uwsgi import call_after_uwsgi_forks


class Forkable(Protocol):
    """An object with state that a forked child must not share with its parent."""

    def after_fork_in_child(self) -> None:
        """Replace all such state. Called in the child before any other code of it runs."""


_registered: weakref.WeakSet[Forkable] = weakref.WeakSet()


def reset_after_fork(instance: Forkable) -> None:
    """Call ``instance.after_fork_in_child()`` in every child forked while it lives."""
    _registered.add(instance)
    watch_forks()


def watch_forks() -> None:
    """Make sure that forks are noticed; call it when a thread is about to start."""
    call_after_uwsgi_forks(after_fork_in_child)


def after_fork_in_child() -> None:
    """Reset every object that `reset_after_fork` was called for. Called in each forked child."""
    errors = []
    for instance in list(_registered):
        try:
            instance.after_fork_in_child()
        except Exception as error:  # the others must be reset all the same
            errors.append(error)
    if errors:
        raise errors[0]  # Python shows it, and goes on


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=after_fork_in_child)
