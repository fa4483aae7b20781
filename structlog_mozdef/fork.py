"""What a forked child must forget, over weak references so that nothing is kept alive.

The child replaces whole objects (locks, buffers, connections) and never repairs one that the
parent was in the middle of changing. So no lock is held across a fork: one that another library
holds at the same moment could never be waited for in the wrong order.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """An object with state that a forked child must not share with its parent."""

    def after_fork_in_child(self) -> None:
        """Replace all such state. Called in the child before any other code of it runs."""


_registered: weakref.WeakSet[Forkable] = weakref.WeakSet()


def reset_after_fork(instance: Forkable) -> None:
    """Call ``instance.after_fork_in_child()`` in every child forked while it lives."""
    _registered.add(instance)


def _after_fork_in_child() -> None:
    for instance in list(_registered):
        instance.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
