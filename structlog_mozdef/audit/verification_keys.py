"""Verification keys: the first keys of key files, from which an auditor derives all others.

A file of them has one line for each: ``structlog-mozdef-verification-key 1 ID KEY``. Who has a
verification key can make seals as well: it belongs to the auditor, and on no machine that seals.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from structlog_mozdef.rendering.sealing.keys import (
    CHAPTER_EPOCHS,
    NUMBER_LIMIT,
    STARTS_LIMIT,
    MACKey,
    derive,
    epoch_of,
    key_id_of,
    mac_key_of,
    stream_key_of,
)

_CHECKPOINT = 1_000
# In so many chapters of all streams together, an epoch is found at once: 20 MB.
_KEPT_CHAPTERS = 256
_LINE = re.compile(r"structlog-mozdef-verification-key 1 ([0-9a-f]{8}) ([0-9a-f]{64})", re.ASCII)


def line_of(first_key: bytes) -> str:
    """Return the line of a verification key."""
    return f"structlog-mozdef-verification-key 1 {key_id_of(first_key)} {first_key.hex()}"


def read_keys(paths: Iterable[str]) -> dict[str, VerificationKey]:
    """Return the verification keys in files, by their ids. Blank lines and ``#`` are skipped.

    Raises:
        ValueError: a file cannot be read, or has a line that is no verification key.
    """
    keys: dict[str, VerificationKey] = {}
    for path in paths:
        try:
            lines = Path(path).read_text("ascii").splitlines()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise ValueError(f"--key is {path!r}, which cannot be read: {reason}") from None
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            match = _LINE.fullmatch(text)
            first_key = bytes.fromhex(match[2]) if match else b""
            if match is None or key_id_of(first_key) != match[1]:
                raise ValueError(f"--key is {path!r}, whose line {number} is no verification key")
            keys[match[1]] = VerificationKey(first_key)
    return keys


class VerificationKey:
    """All keys that follow from the first one of a key file.

    Args:
        first_key: see above.
    """

    def __init__(self, first_key: bytes) -> None:
        self.key_id = key_id_of(first_key)
        # Every thousandth, so that a forged number costs its time once.
        self._checkpoints = [first_key]

    def start_key(self, start: int) -> bytes:
        """Return the key of the start *start*, which is at most `STARTS_LIMIT`."""
        at, left = divmod(start - 1, _CHECKPOINT)
        while len(self._checkpoints) <= at:
            self._checkpoints.append(_steps(self._checkpoints[-1], b"start", _CHECKPOINT))
        return _steps(self._checkpoints[at], b"start", left)

    def stream(self, start: int, stream_id: str) -> StreamKeys:
        """Return the keys of one stream."""
        key = stream_key_of(self.start_key(start), stream_id)
        return StreamKeys(self.key_id, start, stream_id, key)


class StreamKeys:
    """The keys of one stream. Those that events in any order need again are kept, up to a limit."""

    __slots__ = ("_first_key", "_identity", "_latest")

    def __init__(self, key_id: str, start: int, stream_id: str, key: bytes) -> None:
        self._identity = (key_id, start, stream_id)
        self._first_key = key
        self._latest: tuple[int, MACKey] | None = None

    def mac(self, number: int, form: bytes) -> bytes:
        """Return the MAC that the event *number* must have, at most `NUMBER_LIMIT`."""
        epoch = epoch_of(number)
        if self._latest is None or self._latest[0] != epoch:
            chapter, within = divmod(epoch, CHAPTER_EPOCHS)
            epoch_key = _chapter_of(self._first_key, chapter).epoch_key(within)
            self._latest = (epoch, mac_key_of(epoch_key, *self._identity))
        return self._latest[1].mac(number, form)


class _Chapter:
    """The keys of the epochs of a chapter, as far as they were needed."""

    def __init__(self, key: bytes) -> None:
        self._epoch_keys = [derive(key, b"first epoch")]

    def epoch_key(self, within: int) -> bytes:
        """Return the key of one of its epochs, which count from 0."""
        while len(self._epoch_keys) <= within:
            self._epoch_keys.append(derive(self._epoch_keys[-1], b"epoch"))
        return self._epoch_keys[within]


@functools.lru_cache(_KEPT_CHAPTERS)
def _chapter_of(first_key: bytes, chapter: int) -> _Chapter:
    return _Chapter(_steps(first_key, b"chapter", chapter))


def can_be_sealed(start: int, number: int) -> bool:
    """Return whether a seal can have this start and this number."""
    return 1 <= start <= STARTS_LIMIT and 1 <= number <= NUMBER_LIMIT


def _steps(key: bytes, label: bytes, count: int) -> bytes:
    for _ in range(count):
        key = derive(key, label)
    return key
