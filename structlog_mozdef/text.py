"""Any object as text, without an exception and without lone surrogates."""

from __future__ import annotations

from enum import Enum

#: No more of a binary value is decoded: all beyond is cut later, and it may be a gigabyte.
DECODED_LIMIT_BYTES = 100_000


def text_of(value: object) -> str:
    """*value* as text, whatever its ``repr`` does."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return text_of_bytes(value)
    if isinstance(value, Enum):
        return text_of(value.value)
    try:
        return str.__str__(repr(value))
    except Exception as error:
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"


def text_of_bytes(value: bytes | bytearray | memoryview) -> str:
    r"""*value* read as UTF-8; other bytes become ``\x..``."""
    return bytes(value[:DECODED_LIMIT_BYTES]).decode("utf-8", "backslashreplace")


def without_surrogates(text: str) -> str:
    r"""*text* with each lone surrogate, which UTF-8 does not know, written as ``\ud800``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def cut(text: str, limit_bytes: int) -> str:
    """The beginning of *text* that takes at most *limit_bytes* in UTF-8."""
    # A character takes at least one byte: no need to encode what cannot fit.
    return text[:limit_bytes].encode("utf-8")[:limit_bytes].decode("utf-8", "ignore")
