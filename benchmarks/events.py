"""The event that all libraries log in the comparison: of the size of `benchmarks.chains`'."""

from __future__ import annotations

SUMMARY = "User logged in"
_FIRST = 10_000_000
# A single text of 32,000 bytes would be cut by this project, so large events have several.
_LONGEST_TEXT = 15_000


def fields(number: int, padding: dict[str, str] | None = None) -> dict[str, object]:
    """The fields of one event.

    ``number`` has eight digits and is text, by which the receiver can tell events apart in every
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
    """Further fields, so that an event has *size* bytes more."""
    return {
        f"body{start // _LONGEST_TEXT}": "x" * min(_LONGEST_TEXT, size - start)
        for start in range(0, size, _LONGEST_TEXT)
    }
