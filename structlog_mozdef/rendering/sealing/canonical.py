"""The canonical form of an event: the same before MozDef, and after it came back from an index.

MozDef and an index change the order of keys, make ``processid`` a string, write ``timestamp`` in
UTC, and add fields at the top. Tools on the way may write ``1.0`` as ``1``. So the canonical form
is made of

- the ten fields of an event and no others;
- ``details`` without ``seal``, ``sequence`` and ``stream_id``, which are in the seal by themselves;
- ``timestamp`` in UTC with six digits of microseconds, ``processid`` as a number if it is one;
- a number without a fraction as an integer, and others as `repr` writes them: versions of orjson
  have written ``1e16`` and ``1e+16``;
- JSON in UTF-8, without spaces, names sorted by their code points.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from structlog_mozdef.rendering.fields import FIELDS

SEAL, SEQUENCE, STREAM_ID = "seal", "sequence", "stream_id"
#: The details that a seal adds.
SEALING_NAMES = frozenset({SEAL, SEQUENCE, STREAM_ID})
_UTC = "+00:00"
_UTC_LENGTH = len("2014-03-18T23:20:31.013344+00:00")
# Beyond, not every integer is a float.
_EXACT = 2**53
# Between them, and with a fraction, every encoder writes a float alike.
_TINY, _HUGE = 1e-4, 1e16
_UNCHANGED = frozenset({str, int, bool, type(None)})


def is_canonical(event: dict[str, Any]) -> bool:
    """Return whether *event* in JSON with sorted names is its canonical form, and has details.

    Args:
        event: of a renderer, with `FIELDS` and the types that they have.
    """
    details, timestamp = event["details"], event["timestamp"]
    if (
        not details
        or not SEALING_NAMES.isdisjoint(details)
        or type(event["processid"]) is not int
        or len(timestamp) != _UTC_LENGTH
        or timestamp[-6:] != _UTC
    ):
        return False
    # A renderer leaves numbers in the details alone.
    return _UNCHANGED.issuperset(map(type, details.values())) or _are_alike(details.values())


def are_written_alike(fields: dict[str, Any]) -> bool:
    """Return whether every encoder writes the numbers of *fields* as in the canonical form."""
    return _are_alike(fields.values())


def _are_alike(values: Iterable[Any]) -> bool:
    try:
        for value in values:
            kind = type(value)
            if kind in _UNCHANGED:
                continue
            if kind is float:
                if value.is_integer() or not _TINY <= abs(value) < _HUGE:
                    return False
            elif not (
                (kind is list and _are_alike(value))
                or (kind is dict and _are_alike(value.values()))
            ):
                return False
    except RuntimeError:  # another thread changes it, or it is too deep
        return False
    return True


def canonical(fields: dict[str, Any]) -> bytes:
    """Return the canonical form of an event that has `FIELDS` only, and no `SEALING_NAMES`.

    Raises:
        Exception: a field is missing, or has a type that no event has.
    """
    timestamp, processid = fields["timestamp"], fields["processid"]
    if len(timestamp) != _UTC_LENGTH or not timestamp.endswith(_UTC):
        fields = {**fields, "timestamp": _utc(timestamp)}
    if type(processid) is not int:
        fields = {**fields, "processid": _process_id(processid)}
    if not _are_alike(fields.values()):
        fields = _canonical_numbers(fields)
    return orjson.dumps(fields, None, orjson.OPT_SORT_KEYS)


def canonical_of(event: dict[str, Any], left_out: frozenset[str] = frozenset()) -> bytes:
    """Return the canonical form of an *event* that may have more.

    Args:
        event: with any fields, as it was sent or stored.
        left_out: names of details that were not there when it was sealed.

    Raises:
        Exception: as `canonical`.
    """
    fields = {name: event[name] for name in FIELDS}
    fields["details"] = {
        name: value
        for name, value in event["details"].items()
        if name not in SEALING_NAMES and name not in left_out
    }
    return canonical(fields)


def _utc(timestamp: str) -> str:
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        raise ValueError("a timestamp without an offset")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _process_id(value: object) -> object:
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 19:
        number = int(value)
        return number if str(number) == value else value
    return value


def _canonical_numbers(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        if value.is_integer() and abs(value) < _EXACT:
            return int(value)
        return orjson.Fragment(repr(value).encode("ascii"))
    if kind is dict:
        return {name: _canonical_numbers(item) for name, item in value.items()}
    return [_canonical_numbers(item) for item in value] if kind is list else value
