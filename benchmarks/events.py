"""The event that all libraries log in the comparison, of about 450 bytes."""

from __future__ import annotations

from itertools import cycle, islice

SUMMARY = "User logged in"
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_FIRST = 10_000_000
# This project truncates a string of 32,000 bytes, so large events have several strings.
_MAX_STRING = 15_000
# Words, and not one letter again and again: what searches texts for secrets must have to read.
_PROSE = "The worker took the order from the queue, and wrote the answer for the shop. "


def number_of(number: int) -> str:
    """Return a string of eight digits, by which the receiver distinguishes events in any format."""
    return str(_FIRST + number)


def fields(number: int, padding: dict[str, str] | None = None) -> dict[str, object]:
    """Return the fields of one event."""
    return {
        "username": "kang",
        "sourceipaddress": "10.0.0.7",
        "success": True,
        "useragent": USER_AGENT,
        "number": number_of(number),
        **(padding or {}),
    }


def padding(size: int) -> dict[str, str]:
    """Return additional fields, of *size* bytes in all."""
    return {
        f"body{start // _MAX_STRING}": "".join(
            islice(cycle(_PROSE), min(_MAX_STRING, size - start))
        )
        for start in range(0, size, _MAX_STRING)
    }
