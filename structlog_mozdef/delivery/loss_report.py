"""An event that tells MozDef which events it will never get: how many, why, from when to when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from structlog_mozdef.buffers.accounting import Loss
from structlog_mozdef.buffers.base import Buffer
from structlog_mozdef.process import identity
from structlog_mozdef.rendering.encode import encode
from structlog_mozdef.rendering.timestamps import iso_timestamp, utc_now

#: The least time between two such events for the same reason, in seconds.
INTERVAL = 60.0


class LossReporter:
    """Puts such events into *buffer*.

    Args:
        buffer: that has lost events.
        clock: gives seconds, monotonic.
    """

    def __init__(self, buffer: Buffer, clock: Callable[[], float] = time.monotonic) -> None:
        self._buffer = buffer
        self._clock = clock
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def report(self, *, final_attempt: bool = False) -> None:
        """Tell what is not told yet. To be called when events were delivered (again).

        Args:
            final_attempt: whether to tell of losses of the last minute as well, though others were
                told of just before them.
        """
        # A thread that does not get it leaves the work to the one that has it.
        if not self._lock.acquire(blocking=False):
            return
        try:
            for reason, loss in self._buffer.losses().items():
                now = self._clock()
                if not final_attempt and now < self._next.get(reason, now):
                    continue
                if self._buffer.report_loss(reason, loss, encode(_event(reason, loss))):
                    self._next[reason] = now + INTERVAL
        finally:
            self._lock.release()


def _event(reason: str, loss: Loss) -> dict[str, Any]:
    return {
        "category": "logging",
        "details": {
            "dropped": loss.events,
            "reason": reason,
            "first": iso_timestamp(loss.first),
            "last": iso_timestamp(loss.last),
        },
        "hostname": identity.hostname(),
        "processid": identity.process_id(),
        "processname": identity.process_name(),
        "severity": "ERROR",
        "source": "structlog_mozdef",
        "summary": f"{loss.events} events were lost before they could be sent: {reason}",
        "tags": [],
        "timestamp": utc_now(),
    }
