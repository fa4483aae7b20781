"""One event: sent beside stored, with each difference at the place where it is."""

from __future__ import annotations

import math
from typing import Any

import orjson

from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.api.summary import shortened, summarize
from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.collector.store import load_differences

_SHOWN_MAX_LENGTH = 10_000


def details(columns: tuple[Any, ...]) -> bytes:
    """Return all that is known of one event, as JSON on one line.

    Args:
        columns: the row of the store.
    """
    sent, stored = columns[3], columns[4]
    summary = summarize(columns)
    parts = [
        summary.row[1:-1],
        b'"path":' + _dumps(columns[2]),
        b'"sent":' + _dumps(sent),
        # It is JSON already, and can be deeper than what is written at once.
        b'"stored":' + (b"null" if stored is None else stored.encode()),
        b'"differences":' + _dumps(_differences(columns)),
    ]
    return b"{%s}" % b",".join(parts)


def _differences(columns: tuple[Any, ...]) -> list[dict[str, Any]]:
    differences = load_differences(columns[5])
    if not differences:
        return []
    sent = _load(columns[3])
    stored = _load(columns[4])
    # A value that was also renamed is stored under its new name.
    names = {entry.field: entry.stored_as for entry in differences if entry.stored_as}
    return [_difference(entry, sent, stored, names) for entry in differences]


def _difference(entry: Difference, sent: Any, stored: Any, names: dict[str, str]) -> dict[str, Any]:
    stored_path = names.get(entry.field, entry.field)
    sent_value, stored_value = _value_at(sent, entry.field), _value_at(stored, stored_path)
    if not entry.field:  # the event itself
        sent_value = stored_value = None
    elif entry.kind in {"dropped", "refused", "rejected"}:
        stored_value = None
    return {
        "kind": entry.kind,
        "path": entry.field,
        "sent": _shown(sent_value),
        "stored": _shown(stored_value),
        "stored_path": "" if stored_value is None else stored_path,
        "reason": entry.reason,
    }


def _shown(value: Any) -> Any:
    """Return a value that JSON can express, or its beginning as a text if it is too large."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # too deep, an integer over 64 bits, or half of a surrogate pair
        return shortened(json_like_mozdef.dumps_exactly(value), _SHOWN_MAX_LENGTH)
    return value if len(text) < _SHOWN_MAX_LENGTH else shortened(text, _SHOWN_MAX_LENGTH)


def _load(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json_like_mozdef.loads(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None


def _value_at(value: Any, path: str) -> Any:
    """Return the value at a dotted path, or None; names can have dots themselves."""
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    position = path.find(".")
    while position >= 0:
        name, rest = path[:position], path[position + 1 :]
        if name in value:
            found = _value_at(value[name], rest)
            if found is not None:
                return found
        position = path.find(".", position + 1)
    return None


def _dumps(value: Any) -> bytes:
    return json_like_mozdef.dumps(value).encode()
