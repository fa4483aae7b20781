"""How keys follow from each other. Each step is one-way: no key says anything of those before it.

- The key file holds a key for the next start of a process. ``start`` gives the one after it, and
  ``stream STREAM_ID`` the first key of the process's stream: that of its first chapter.
- In a chapter are 1,000 epochs, in an epoch 100 events. ``chapter`` gives the key of the next
  chapter, ``first epoch`` that of the chapter's first epoch, ``epoch`` that of the next epoch, and
  ``seal`` the key of the MACs in it. So an auditor need not go through all epochs to a late one.

A thief of the keys of a process at some event can make seals from the beginning of that event's
epoch on, and none before.
"""

from __future__ import annotations

import hashlib
import hmac
from binascii import hexlify
from typing import Any, NamedTuple

KEY_BYTES = 32
EPOCH_EVENTS = 100
CHAPTER_EPOCHS = 1_000
#: A process that logs more begins another stream: an auditor reaches each number in 1,100 steps.
NUMBER_LIMIT = 10_000_000
#: A key file begins no more streams. To derive the key of the last one takes ten seconds.
STARTS_LIMIT = 10_000_000
_BLOCK_BYTES = 64  # of SHA-256
_INNER, _OUTER = 0x36, 0x5C  # of HMAC


def derive(key: bytes | bytearray, label: bytes) -> bytes:
    """Return the key that follows from *key* by *label*."""
    return hmac.digest(key, label, "sha256")


def key_id_of(first_key: bytes) -> str:
    """Return the id of a sealing key and of its verification key: 8 hexadecimal digits."""
    return derive(first_key, b"id").hex()[:8]


def stream_key_of(start_key: bytes | bytearray, stream_id: str) -> bytes:
    """Return the first key of a stream that begins with the key file at *start_key*."""
    return derive(start_key, b"stream " + stream_id.encode("ascii"))


def epoch_of(number: int) -> int:
    """Return the epoch of the event *number*, which counts from 1; epochs count from 0."""
    return (number - 1) // EPOCH_EVENTS


class MACKey(NamedTuple):
    """Two states of SHA-256, from which each MAC of an epoch begins: those of HMAC.

    Copying them costs half of what `hmac` takes for each event.
    """

    inner: Any
    outer: Any

    def mac(self, number: int, form: bytes) -> bytes:
        """Return the MAC of the event *number*, whose canonical form is *form*, in hexadecimal."""
        inner = self.inner.copy()
        inner.update(b"%d\n" % number)
        inner.update(form)
        outer = self.outer.copy()
        outer.update(inner.digest())
        return hexlify(outer.digest())


def mac_key_of(epoch_key: bytes | bytearray, key_id: str, start: int, stream_id: str) -> MACKey:
    """Return what makes the MACs of one epoch.

    Args:
        epoch_key: of the epoch.
        key_id: of the key file; it is a part of what is sealed, as are the next two.
        start: the number of the start.
        stream_id: of the stream.
    """
    key = derive(epoch_key, b"seal").ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ _INNER for byte in key))
    inner.update(f"structlog-mozdef seal 1 {key_id} {start} {stream_id} ".encode("ascii"))
    return MACKey(inner, hashlib.sha256(bytes(byte ^ _OUTER for byte in key)))


def wipe(key: bytearray) -> None:
    """Overwrite *key*. Copies that Python or the system has made of it may stay in memory."""
    key[:] = bytes(len(key))
