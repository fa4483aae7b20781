"""Which of MozDef's documents its index refuses.

MozDef answers the sender long before this happens: only MozDef's own log shows the error.

The model is of a new index with MozDef's template, which knows nothing but the one document: which
types other events have given to a name, nobody can know. Where the versions of the index differ, it
follows Elasticsearch 7.17, the newest that MozDef was made for, unless it is asked for another:

- 6.8 alone refuses integers beyond 64 bits (in fields that the template does not name), the zone in
  ``fe80::1%eth0``, points as ``POINT (1 2)``, and takes weeks and days of the year for dates;
- 6.8 alone accepts dates that do not exist (``2026/02/30``, ``2024-25``);
- OpenSearch 2.19 alone refuses more than 20 levels of arrays and integers over 1,000 digits, and
  accepts GeoJSON, and ``_type`` at the top.
"""

from __future__ import annotations

import math
from itertools import repeat
from typing import TYPE_CHECKING, Any, Self

from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.collector.index_dates import (
    ImpossibleDateError,
    detect_date,
    may_be_impossible_date,
)
from structlog_mozdef.collector.index_fields import (
    METADATA_OF,
    TEMPLATE,
    Server,
    find_fault,
    find_fault_of_keyword,
)
from structlog_mozdef.collector.plain_documents import LONG_MAX, LONG_MIN, is_surely_valid

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENSEARCH_DIGITS = 10**1000

_LEVELS_MAX = 20

# Of 1,000, the template has 25.
_NEW_FIELDS_MAX = 975

# What Java calls white space: without the spaces that do not break a line.
_BLANKS = frozenset(
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009"
    "\u200a\u2028\u2029\u205f\u3000"
)


def find_refusal(
    document: dict[str, Any], server: Server = "Elasticsearch 7.17"
) -> Difference | None:
    """Return why the index would refuse ``document``, or None if it would store it.

    Args:
        document: as MozDef sends it to the index.
        server: whose index it is.
    """
    if is_surely_valid(document, server):
        return None
    try:
        _Index(server).add(document)
    except _RefusedError as error:
        return Difference("refused", error.field, f"Elasticsearch refuses {error.fault}.")
    return None


class _RefusedError(Exception):
    def __init__(self, field: str, fault: str) -> None:
        super().__init__(fault)
        self.field = field
        self.fault = fault


class _Field:
    """A name in the mapping of the index, with what the document has shown of its type.

    Attributes:
        known: its type in the template, a dict for an object, or None.
        is_object: whether an object was found under the name.
        first: the first value that was found, or None.
    """

    __slots__ = ("_fields", "depth", "first", "is_object", "known", "name", "parent")

    def __init__(self, name: str, parent: _Field | None, known: Any) -> None:
        self.name = name
        self.parent = parent
        self.known = known
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.is_object = isinstance(known, dict)
        self.first: object = None
        self._fields: dict[str, Self] = {}

    def field(self, name: str) -> Self:
        """Return the field of a name below this one."""
        field = self._fields.get(name)
        if field is None:
            known = self.known.get(name) if isinstance(self.known, dict) else None
            field = self._fields[name] = type(self)(name, self, known)
        return field

    def refused(self, fault: str, name: str | None = None) -> _RefusedError:
        """Return the error for this field, or for a *name* below it that is none."""
        names = [] if name is None else [name]
        field: _Field = self
        while field.parent is not None:
            names.insert(0, field.name)
            field = field.parent
        return _RefusedError(".".join(names), fault)


class _Index:
    """A new index, of one version, as it takes in a document."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._new_fields = 0

    def add(self, document: dict[str, Any]) -> None:
        """Take the document in.

        Raises:
            _RefusedError: at the first value that the index refuses.
        """
        root = _Field("", None, TEMPLATE)
        for name in METADATA_OF[self._server].intersection(document):
            raise root.refused("a name that the index has for itself", name)
        # With an explicit stack, so that deep nesting does not exhaust Python's.
        pending: list[tuple[int, Iterator[tuple[_Field, Any]]]] = [
            (0, self._members(root, document))
        ]
        while pending:
            levels, values = pending[-1]
            item = next(values, None)
            if item is None:
                pending.pop()
                continue
            field, value = item
            if field.known == "geo_point":
                self._add_geo_point(field, value)
            elif isinstance(value, dict):
                self._add_object(field)
                pending.append((levels, self._members(field, value)))
            elif isinstance(value, list):
                if levels == _LEVELS_MAX and self._server == "OpenSearch 2.19":
                    raise field.refused("more than 20 levels of arrays")
                pending.append((levels + 1, zip(repeat(field), value, strict=False)))
            elif value is not None:
                self._add_value(field, value)

    def _members(self, parent: _Field, value: dict[str, Any]) -> Iterator[tuple[_Field, Any]]:
        for name, member in value.items():
            names = _split(parent, name)
            if member is None:  # it changes nothing, but its name counts
                continue
            field = parent
            for part in names[:-1]:
                field = field.field(part)
                self._add_object(field)
            yield field.field(names[-1]), member

    def _add_object(self, field: _Field) -> None:
        if field.is_object:
            return
        if field.known is not None:
            raise field.refused(f"an object for a field of type {field.known}")
        if field.first is not None:
            raise field.refused("an object and another value under one name")
        if field.depth >= _LEVELS_MAX:
            raise field.refused("more than 20 levels of names")
        self._add_field(field)
        field.is_object = True

    def _add_value(self, field: _Field, value: object) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            raise field.refused("NaN and Infinity")
        if not isinstance(value, (str, int, float)):
            raise field.refused("a value that is not JSON")
        if field.is_object:
            raise field.refused(
                "an object and another value under one name"
                if field.known is None
                else "what is not an object for a field that is one"
            )
        if isinstance(field.known, str):
            fault = find_fault(field.known, value, self._server)
        else:
            fault = find_fault_of_keyword(value) or self._find_fault_of_number(value)
            fault = fault or self._find_conflict(field, value)
        if fault is not None:
            raise field.refused(fault)

    def _find_fault_of_number(self, value: object) -> str | None:
        if not isinstance(value, int) or LONG_MIN <= value <= LONG_MAX:
            return None
        if self._server == "Elasticsearch 6.8":
            return "an integer beyond signed 64 bits"
        if self._server == "OpenSearch 2.19" and abs(value) >= _OPENSEARCH_DIGITS:
            return "an integer over 1,000 digits"
        return None

    def _find_conflict(self, field: _Field, value: str | float) -> str | None:
        """Compare a value with the first of its name, whose type the field got."""
        if field.first is None:
            self._add_field(field)
            field.first = value
            # The type matters with the second value only; whether it has one, at once.
            if isinstance(value, str) and may_be_impossible_date(value):
                self._type_of(field, value)
            return None
        types = {self._type_of(field, field.first), self._type_of(field, value)}
        return None if len(types) == 1 else "values of different types under one name"

    def _type_of(self, field: _Field, value: object) -> str:
        if isinstance(value, bool):
            return "boolean"
        if not isinstance(value, str):
            return "keyword"
        try:
            date = detect_date(value, is_6=self._server == "Elasticsearch 6.8")
        except ImpossibleDateError:
            raise field.refused("a date that does not exist") from None
        return "keyword" if date is None else f"date {date}"

    def _add_geo_point(self, field: _Field, value: object) -> None:
        fault = find_fault("geo_point", value, self._server)
        if fault is not None:
            raise field.refused(fault)

    def _add_field(self, field: _Field) -> None:
        if _BLANKS.issuperset(field.name):
            raise field.refused("a name of blanks")
        self._new_fields += 1
        if self._new_fields > _NEW_FIELDS_MAX:
            raise field.refused("more than 1,000 fields")


def _split(parent: _Field, name: object) -> list[str]:
    """Return the names that a name with dots stands for: dots at its end count for nothing."""
    if not isinstance(name, str):
        raise parent.refused("a field name that is not a string", str(name))
    if not name:
        raise parent.refused("an empty field name", name)
    if "." not in name:
        return [name]
    names = name.rstrip(".").split(".")
    if any(_BLANKS.issuperset(part) for part in names):
        raise parent.refused("a name with dots that has an empty or blank part", name)
    return names
