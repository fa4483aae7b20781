"""Transports for tests of the sink: each is a real transport with a manner of its own."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.memory import MemoryTransport


class HeldTransport(MemoryTransport):
    """Keeps every `send` waiting until `release` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.sending = threading.Event()
        self._released = threading.Event()
        #: How many events the first `send` was called with.
        self.held = 0

    def send(self, events: Sequence[bytes]) -> SendResult:
        self.held = self.held or len(events)
        self.sending.set()
        assert self._released.wait(30)
        return super().send(events)

    def release(self) -> None:
        self._released.set()


class IdleTransport(MemoryTransport):
    """Says when the sender has nothing to send."""

    def __init__(self) -> None:
        super().__init__()
        self.idling = threading.Event()

    def idle(self) -> None:
        self.idling.set()


class DownTransport(MemoryTransport):
    """An outage that lasts until `down` is False."""

    down = True

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0

    def send(self, events: Sequence[bytes]) -> SendResult:
        self.attempts += 1
        if self.down:
            raise TransportError("down")
        return super().send(events)


class MoodyTransport(MemoryTransport):
    """Fails, rejects and accepts at random."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        self._random = random.Random(seed)

    def send(self, events: Sequence[bytes]) -> SendResult:
        mood = self._random.random()
        if mood < 0.2:
            raise TransportError("moody", retry_after=0.001)
        if mood < 0.4:
            return SendResult(rejected={0: "moody"})
        if mood < 0.6 and len(events) > 2:
            error = TransportError("moody", retry_after=0.001)
            return SendResult(retry=range(len(events) // 2, len(events)), error=error)
        return ALL_ACCEPTED


class RejectingTransport(MemoryTransport):
    """Accepts nothing, ever."""

    def send(self, events: Sequence[bytes]) -> SendResult:
        return SendResult(rejected=dict.fromkeys(range(len(events)), "HTTP 400"))


class DyingTransport(MemoryTransport):
    """Raises *error* once, with its first `send`."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._errors = [error]

    def send(self, events: Sequence[bytes]) -> SendResult:
        if self._errors:
            raise self._errors.pop()
        return super().send(events)
