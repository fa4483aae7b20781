"""How one event is logged: each function returns what does so, for the logger of a module."""

from __future__ import annotations

from typing import Any

from benchmarks import events
from benchmarks.timing import AsyncCall, Call

# Of texts beside the fields that `event` has, of 450 bytes.
_KILOBYTE = 550
_LARGE = 49_550
_FRAMES = 8


def event(log: Any) -> Call:
    """Log an event of about 450 bytes by structlog."""

    def call(number: str) -> None:
        log.info(
            events.SUMMARY,
            username="kang",
            sourceipaddress="10.0.0.7",
            success=True,
            useragent=events.USER_AGENT,
            number=number,
        )

    return call


def event_async(log: Any) -> AsyncCall:
    """Do as `event`, but by ``log.ainfo``."""

    async def call(number: str) -> None:
        await log.ainfo(
            events.SUMMARY,
            username="kang",
            sourceipaddress="10.0.0.7",
            success=True,
            useragent=events.USER_AGENT,
            number=number,
        )

    return call


def record(log: Any) -> Call:
    """Log the same fields by the standard library."""

    def call(number: str) -> None:
        log.info(
            events.SUMMARY,
            extra={
                "username": "kang",
                "sourceipaddress": "10.0.0.7",
                "success": True,
                "useragent": events.USER_AGENT,
                "number": number,
            },
        )

    return call


def exception(log: Any) -> Call:
    """Log an exception of nine frames, where it is handled."""

    def fail(depth: int) -> None:
        if depth:
            fail(depth - 1)
        else:
            raise ConnectionError("the directory of users does not answer")

    def call(number: str) -> None:
        try:
            fail(_FRAMES)
        except ConnectionError:
            log.exception("User could not log in", username="kang", number=number)

    return call


def kilobyte(log: Any) -> Call:
    """Log an event of 1 kB by structlog."""
    return _padded(log, _KILOBYTE)


def large(log: Any) -> Call:
    """Log an event of 50 kB by structlog."""
    return _padded(log, _LARGE)


def _padded(log: Any, size: int) -> Call:
    padding = events.padding(size)

    def call(number: str) -> None:
        log.info(
            events.SUMMARY,
            username="kang",
            sourceipaddress="10.0.0.7",
            success=True,
            useragent=events.USER_AGENT,
            number=number,
            **padding,
        )

    return call
