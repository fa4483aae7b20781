"""What arrived from the classes of compat, and what they share, replaced for one test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat import _delivery
from structlog_mozdef.compat._delivery import SharedDelivery


def sent(receiver):
    """The events that have arrived once all are delivered."""
    assert mozdef.flush(20)
    return receiver.events()


def only(receiver):
    """The one event that has arrived."""
    (event,) = sent(receiver)
    return event


@contextlib.contextmanager
def own_delivery(**settings) -> Iterator[None]:
    """Let all instances share a new delivery, which has not warned of anything yet."""
    before = _delivery.shared
    _delivery.shared = SharedDelivery(**settings)
    try:
        yield
    finally:
        _delivery.shared.flush(20)
        _delivery.shared = before
