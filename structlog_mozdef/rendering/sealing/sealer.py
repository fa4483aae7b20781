"""Seal events in the log call: number them, and add the MAC that proves it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from itertools import repeat
from operator import length_hint
from typing import Any

import orjson

from structlog_mozdef._deadline import Deadline
from structlog_mozdef._lock import locked
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.fields import FIELDS, claim_detail
from structlog_mozdef.rendering.sealing.canonical import (
    SEAL,
    SEALING_NAMES,
    SEQUENCE,
    STREAM_ID,
    are_written_alike,
    canonical_of,
    is_canonical,
)
from structlog_mozdef.rendering.sealing.in_order import latest
from structlog_mozdef.rendering.sealing.key_file import KeyFile, Start
from structlog_mozdef.rendering.sealing.keys import (
    CHAPTER_EPOCHS,
    EPOCH_EVENTS,
    NUMBER_LIMIT,
    derive,
    mac_key_of,
    wipe,
)

_DETAILS = b',"details":{'
_FIELDS = frozenset(FIELDS)
# After the key file could not be used, seconds until the next attempt.
_PAUSE_SECONDS = 30.0


class Sealer:
    """Seal the events of one process, in a stream of its own, which begins with the first one.

    Args:
        key_file: moves on when the stream begins.
        own_log: for the warning that events are not sealed.
    """

    def __init__(self, key_file: KeyFile, own_log: RateLimitedLogger) -> None:
        self._key_file = key_file
        self._own_log = own_log
        self._lock = threading.RLock()
        self._epoch: _Epoch = _EXHAUSTED
        self._pause: Deadline | None = None

    def appending(self, append: Callable[[bytes], int]) -> Callable[[bytes], int]:
        """Return a function that seals an event, and appends it."""

        def append_sealed(event: bytes) -> int:
            return append(self.seal(event))

        return append_sealed

    def seal(self, event: bytes) -> bytes:
        """Return *event* with its stream, its number and its seal.

        What is no event with MozDef's ten fields, or comes while the key file cannot be used, is
        returned as it is. Raises nothing of its own.
        """
        try:
            if event is latest.event:
                latest.event = b""
                form, fields = event, None
            else:
                form, fields = _parsed(event)
            epoch = self._epoch
            while (drawn := next(epoch.numbered, None)) is None:
                epoch = self._advance(epoch)
            number, mac_key = drawn
            mac = mac_key.mac(number, form)
            if fields is None:
                at = form.index(_DETAILS) + len(_DETAILS)
                return epoch.template % (form[:at], mac, number, form[at:])
            details = fields["details"]
            details[SEAL] = f"{epoch.prefix}{mac.decode()}"
            details[SEQUENCE] = number
            details[STREAM_ID] = epoch.stream_id
            return orjson.dumps(fields)
        except Exception as error:
            pass_on(error)
            return event

    @locked
    def _advance(self, exhausted: _Epoch) -> _Epoch:
        """Move the key on, unless another thread has done it."""
        if self._epoch is exhausted:
            following = exhausted.following() or self._begin()
            # A signal handler may have logged meanwhile, and moved it on. (None runs between these
            # two lines, which call nothing.)
            if self._epoch is exhausted:
                self._epoch = following
            exhausted.wipe()
        return self._epoch

    def _begin(self) -> _Epoch:
        if self._pause is not None and not self._pause.expired:
            raise _NotNow
        stream_id = secrets.token_hex(8)
        try:
            start = self._key_file.begin(stream_id)
        except OSError as error:
            pass_on(error)
            self._pause = Deadline.after(_PAUSE_SECONDS)
            reason = error.strerror or str(error) or type(error).__name__
            self._own_log.warn("seal", f"events are not sealed: {self._key_file.path}: {reason}")
            raise _NotNow from None
        return _Epoch(start, stream_id, 0, start.key)

    def position(self) -> tuple[str, int]:
        """Return the id of the stream and its last number; 0 where nothing was sealed."""
        epoch = self._epoch
        return epoch.stream_id, epoch.last_number()

    def close_after_fork(self) -> None:
        """Forget the parent's keys, in a forked child."""
        self._epoch.wipe()
        self._epoch = _EXHAUSTED
        self._lock = threading.RLock()


def _parsed(event: bytes) -> tuple[bytes, dict[str, Any] | None]:
    """Return the canonical form of *event*, and its fields where they are not all in that form."""
    fields = orjson.loads(event)
    details = fields["details"]
    for name in SEALING_NAMES.intersection(details):
        claim_detail(details, name, None)  # what it was is now `name_2`
        del details[name]
    if fields.keys() == _FIELDS and type(fields["category"]) is str:
        encoded = orjson.dumps(fields, None, orjson.OPT_SORT_KEYS)
        if is_canonical(fields) and are_written_alike(fields):
            return encoded, None
    return canonical_of(fields), fields


class _NotNow(Exception):  # noqa: N818 - it says that there is no seal, and is no error
    """The key file could not be used a moment ago."""


class _Epoch:
    """The events that are sealed with one key.

    Args:
        start: what the stream began with.
        stream_id: of the stream.
        index: of the epoch in the stream.
        chapter_key: of the chapter, where the epoch is its first; else of the next chapter.
        key: of the epoch; None where it is the first of a chapter.

    Attributes:
        numbered: an iterator of numbers with the key of their MACs. One step of it is atomic: no
            two threads get the same number, and each gets the key that belongs to it.
    """

    __slots__ = (
        "_index",
        "_key",
        "_next_chapter",
        "_numbers",
        "_start",
        "numbered",
        "prefix",
        "stream_id",
        "template",
    )

    def __init__(
        self,
        start: Start,
        stream_id: str,
        index: int,
        chapter_key: bytearray,
        key: bytearray | None = None,
    ) -> None:
        if key is None:
            key = bytearray(derive(chapter_key, b"first epoch"))
            following = bytearray(derive(chapter_key, b"chapter"))
            wipe(chapter_key)
            chapter_key = following
        self._start = start
        self._index = index
        self._key = key
        self._next_chapter = chapter_key
        self.stream_id = stream_id
        self.prefix = f"1.{start.key_id}.{start.number}."
        self.template = b'%%b"seal":"%b%%b","sequence":%%d,"stream_id":"%b",%%b' % (
            self.prefix.encode(),
            stream_id.encode(),
        )
        mac_key = mac_key_of(key, start.key_id, start.number, stream_id)
        first = index * EPOCH_EVENTS + 1
        self._numbers = iter(range(first, first + EPOCH_EVENTS))
        self.numbered: Any = zip(self._numbers, repeat(mac_key), strict=False)

    def last_number(self) -> int:
        """Return the last number that was drawn; that of the epoch before if none was."""
        return (self._index + 1) * EPOCH_EVENTS - length_hint(self._numbers)

    def following(self) -> _Epoch | None:
        """Return the next epoch of the stream; None where the stream is as long as it can be."""
        index = self._index + 1
        if index * EPOCH_EVENTS >= NUMBER_LIMIT:
            return None
        if index % CHAPTER_EPOCHS:
            key = bytearray(derive(self._key, b"epoch"))
            return _Epoch(self._start, self.stream_id, index, self._next_chapter[:], key)
        return _Epoch(self._start, self.stream_id, index, self._next_chapter[:])

    def wipe(self) -> None:
        """Overwrite the keys."""
        wipe(self._key)
        wipe(self._next_chapter)


class _NoEpoch(_Epoch):
    """Before the first event: no number is left, and no epoch follows."""

    __slots__ = ()

    def __init__(self) -> None:
        self.numbered = iter(())
        self.stream_id = ""

    def following(self) -> None:
        return None

    def last_number(self) -> int:
        return 0

    def wipe(self) -> None:
        pass


_EXHAUSTED = _NoEpoch()
