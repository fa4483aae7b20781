"""What arrived from the classes of compat."""

from __future__ import annotations

import structlog_mozdef.compat as mozdef


def sent(receiver):
    """The events that have arrived once all are delivered."""
    assert mozdef.flush(20)
    return receiver.events()


def only(receiver):
    """The one event that has arrived."""
    (event,) = sent(receiver)
    return event
