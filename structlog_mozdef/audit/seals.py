"""Which events of a record are authentic, by their seals; which were changed, forged, or taken out.

A record is read once, in any order. What becomes of a number is decided at the end: an event whose
seal does not fit was changed where its number has no authentic event, and is an addition where it
has one.
"""

from __future__ import annotations

import hmac
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import combinations, repeat
from typing import Any

from structlog_mozdef.audit.completeness import Stream
from structlog_mozdef.audit.numbers import NumberSet
from structlog_mozdef.audit.verification_keys import (
    StreamKeys,
    VerificationKey,
    can_be_sealed,
)
from structlog_mozdef.exceptions import AuditError
from structlog_mozdef.rendering.sealing.canonical import SEAL, canonical_of
from structlog_mozdef.rendering.sealing.keys import EPOCH_EVENTS, epoch_of
from structlog_mozdef.rendering.timestamps import iso_timestamp
from structlog_mozdef.transports.event_id import stream_of

_SEAL = re.compile(r"1\.([0-9a-f]{8})\.([1-9][0-9]{0,11})\.([0-9a-f]{64})", re.ASCII)
#: Details that plugins of MozDef add to an event after it was sealed.
ADDED_NAMES = frozenset(
    {
        "destinationipgeolocation",
        "destinationipgeopoint",
        "destinationipv4address",
        "destinationipv6address",
        "sourceipgeolocation",
        "sourceipgeopoint",
        "sourceipv4address",
        "sourceipv6address",
    }
)
# Of them, an event has so many at most; each combination costs a MAC.
_ADDED_LIMIT = 8

# Each costs more than a kilobyte: nobody shall fill the memory by forged ones.
_STREAMS_LIMIT = 500_000
_MACS_IN_BLOCK = 128
#: So many keys that are not given are told apart.
UNKNOWN_LIMIT = 100

_Key = tuple[str, int, str]


class SealedStream(Stream):
    """What a record holds of one sealed stream: `numbers` are those of authentic events.

    Attributes:
        two_versions: numbers of which there are two authentic events that differ: somebody else had
            the key as well.
        bad: the numbers of events whose seals do not fit.
        n_bad: how many such events there are.
        first_late: the lowest number of an authentic event that came after the compromise, or None.
    """

    __slots__ = ("_macs", "bad", "first_late", "keys", "n_bad", "two_versions")

    def __init__(self, event: dict[str, Any], keys: StreamKeys) -> None:
        super().__init__(event)
        self.keys = keys
        self.two_versions = NumberSet()
        self.bad = NumberSet()
        self.n_bad = 0
        # The first eight bytes of each MAC, in blocks: an event that comes again is the same one.
        self._macs: dict[int, array[int]] = {}
        self.first_late: int | None = None

    def add_authentic(self, number: int, event: dict[str, Any], mac: str) -> None:
        """Add *event*, whose seal *mac* fits."""
        self.add(number, event)
        block, at = divmod(number, _MACS_IN_BLOCK)
        macs = self._macs.get(block)
        if macs is None:
            macs = self._macs[block] = array("Q")
        if len(macs) <= at:
            macs.extend(repeat(0, at + 1 - len(macs)))
        short = int(mac[:16], 16)
        if macs[at] and macs[at] != short:
            self.two_versions.add(number)
        macs[at] = short

    def changed(self) -> Iterator[int]:
        """Yield the numbers whose events were changed: no authentic event has them."""
        if self.numbers:  # else nothing says that there ever was such a stream
            for number in _each(self.bad):
                if number not in self.numbers:
                    yield number

    def n_forged(self) -> int:
        """Return how many events nobody has sealed, and whose number is no changed one's."""
        return self.n_bad - sum(1 for _ in self.changed())

    def missing(self, *, partial: bool = False) -> Iterator[tuple[int, int]]:
        """Yield the ranges of numbers that have no event, not even a changed one."""
        if self.numbers:
            begin = self.numbers.first if partial else 1
            yield from self.numbers.missing(begin, self.numbers.last, self.bad)

    def untrusted(self, since: int | None) -> int | None:
        """Return the number from which on nothing is proved, or None.

        Args:
            since: a number at which the keys were known to somebody, or None.
        """
        known = [number for number in (since, self.first_late) if number is not None]
        return epoch_of(min(known)) * EPOCH_EVENTS + 1 if known else None


class Verification:
    """What the seals of a record prove.

    Args:
        keys: the verification keys, by their ids.
        added: names of details that something on the way adds, beside `ADDED_NAMES`.
        compromised_at: from when on somebody else may have had the keys. The time at which MozDef
            received an event counts, else its own timestamp, which a forger can choose.

    Attributes:
        streams: key id, start, stream id -> what was found.
        unsealed: events without a seal, or with something else under its name.
        unknown: key id -> events that are sealed with a key that is not given; those of more than
            `UNKNOWN_LIMIT` keys together under "others".
        impossible: sealed events whose start, number or stream no seal has.
        no_events: lines that are no events.
    """

    def __init__(
        self,
        keys: Mapping[str, VerificationKey],
        added: Iterable[str] = (),
        compromised_at: datetime | None = None,
    ) -> None:
        self._keys = keys
        self._added = ADDED_NAMES.union(added)
        self._compromised_at = compromised_at
        self.streams: dict[_Key, SealedStream] = {}
        self.unsealed = self.impossible = self.no_events = 0
        self.unsealed_by_stream: dict[str, int] = {}
        self.unknown: dict[str, int] = {}

    def add(self, event: dict[str, Any]) -> None:
        """Check one event, as it was sent or as it was stored.

        Raises:
            AuditError: the record has so many streams that they fill the memory.
        """
        if not event:
            self.no_events += 1
            return
        details = event.get("details")
        text = details.get(SEAL) if isinstance(details, dict) else None
        seal = _SEAL.fullmatch(text) if isinstance(text, str) else None
        identity = stream_of(event)
        if seal is None:
            self._add_unsealed(identity)
            return
        if identity is None:
            self.impossible += 1
            return
        (stream_id, number), key_id, start = identity, seal[1], int(seal[2])
        if key_id not in self._keys:
            if key_id not in self.unknown and len(self.unknown) >= UNKNOWN_LIMIT:
                key_id = "others"
            self.unknown[key_id] = self.unknown.get(key_id, 0) + 1
        elif not can_be_sealed(start, number):
            self.impossible += 1
        else:
            stream = self.streams.get((key_id, start, stream_id))
            if stream is None:
                if len(self.streams) >= _STREAMS_LIMIT:
                    raise AuditError(
                        "there are too many streams to check them together; check a part of the"
                        " record, with --query or a shorter file"
                    )
                stream = SealedStream(event, self._keys[key_id].stream(start, stream_id))
                self.streams[key_id, start, stream_id] = stream
            self._check(stream, number, event, seal[3])

    def _add_unsealed(self, identity: tuple[str, int] | None) -> None:
        self.unsealed += 1
        if identity is not None and len(self.unsealed_by_stream) < 100_000:
            count = self.unsealed_by_stream.get(identity[0], 0)
            self.unsealed_by_stream[identity[0]] = count + 1

    def _check(self, stream: SealedStream, number: int, event: dict[str, Any], mac: str) -> None:
        if not self._is_authentic(stream.keys, number, event, mac):
            stream.bad.add(number)
            stream.n_bad += 1
            return
        stream.add_authentic(number, event, mac)
        if self._compromised_at is not None and (
            stream.first_late is None or number < stream.first_late
        ):
            time = _time_of(event)
            if time is None or time >= self._compromised_at:
                stream.first_late = number

    def _is_authentic(self, keys: StreamKeys, number: int, event: dict[str, Any], mac: str) -> bool:
        details = event["details"]
        added = sorted(self._added.intersection(details))[:_ADDED_LIMIT]
        # As it is, without all that may have been added, and then what is in between.
        sizes = [0, *range(len(added), 0, -1)]
        for size in sizes:
            for left_out in combinations(added, size):
                try:
                    form = canonical_of(event, frozenset(left_out))
                except Exception:
                    return False
                if hmac.compare_digest(keys.mac(number, form), mac.encode()):
                    return True
        return False

    def starts(self) -> dict[str, tuple[NumberSet, list[int]]]:
        """Return for each key which starts are there, and those that two streams have."""
        found: dict[str, tuple[NumberSet, list[int]]] = {}
        for (key_id, start, _), stream in self.streams.items():
            if stream.numbers:
                numbers, twice = found.setdefault(key_id, (NumberSet(), []))
                if not numbers.add(start):
                    twice.append(start)
        return found


def _each(numbers: NumberSet) -> Iterator[int]:
    for first, last in numbers.ranges():
        yield from range(first, last + 1)


def _time_of(event: dict[str, Any]) -> datetime | None:
    for name in ("receivedtimestamp", "timestamp"):
        time = iso_timestamp(event.get(name))
        if time is not None:
            return datetime.fromisoformat(time).astimezone(UTC)
    return None
