"""The event that all libraries log in the comparison, as large as that of `benchmarks.loggers`."""

from __future__ import annotations

SUMMARY = "User logged in"
_FIRST = 10_000_000
# This project truncates a string of 32,000 bytes, so large events have several strings.
_MAX_STRING = 15_000


def fields(number: int, padding: dict[str, str] | None = None) -> dict[str, object]:
    """Return the fields of one event.

    ``number`` is a string of eight digits, by which the receiver can distinguish events in every
    wire format.
    """
    return {
        "username": "kang",
        "sourceipaddress": "10.0.0.7",
        "success": True,
        "useragent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "number": str(_FIRST + number),
        **(padding or {}),
    }


def padding(size: int) -> dict[str, str]:
    """Return additional fields, of *size* bytes in all."""
    return {
        f"body{start // _MAX_STRING}": "x" * min(_MAX_STRING, size - start)
        for start in range(0, size, _MAX_STRING)
    }
