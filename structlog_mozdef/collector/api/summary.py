"""What is shown of an event in a list, and what it is found by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.differences import status_of_lost
from structlog_mozdef.collector.store import load_differences

#: The fields whose values are counted, by the names of their parameters.
FACETS = ("severity", "category", "source", "tag", "hostname")

#: Longer values are cut: in lists, and as labels. One event has no more tags than so many.
LABEL_MAX_LENGTH = 200
_SUMMARY_MAX_LENGTH = 1_000
_TAGS_MAX = 50
# What is searched of one event; a container deeper or longer than that is not searched to its end.
_TEXT_MAX_LENGTH = 100_000
_TEXT_MAX_VALUES = 10_000


@dataclass(frozen=True)
class Summary:
    """One event as the catalog knows it.

    Args:
        number: order of arrival, from 1.
        received: seconds since the epoch.
        row: what lists show of it, as JSON.
        labels: pairs of a parameter's name and a value.
        document: as it is stored; as it was sent, where nothing is stored; {} if that is no object.
    """

    number: int
    received: float
    row: bytes
    labels: tuple[tuple[str, str], ...]
    document: dict[str, Any]


def summarize(columns: tuple[Any, ...]) -> Summary:
    """Return what the catalog needs of a row of the store."""
    number, received, _, raw, stored, differences_column = columns
    differences = load_differences(differences_column)
    document = _read_object(raw if stored is None else stored)
    status = status_of_lost(differences) if stored is None else "stored"
    kinds = sorted({difference.kind for difference in differences})
    fields = {name: label(document.get(name)) for name in FACETS if name != "tag"}
    fields["severity"] = fields["severity"].upper()
    tags = _tags_of(document)
    row = {
        "id": number,
        "received": received,
        "timestamp": label(document.get("timestamp")),
        **fields,
        "tags": tags,
        "summary": shortened(_to_text(document.get("summary")), _SUMMARY_MAX_LENGTH),
        "status": status,
        "differences": len(differences),
        "kinds": kinds,
    }
    labels = [*fields.items(), ("status", status)]
    labels += [("tag", tag) for tag in dict.fromkeys(tags)] or [("tag", "")]
    labels += [("kind", kind) for kind in kinds]
    if differences:
        labels.append(("differing", "true"))
    return Summary(
        number,
        datetime.fromisoformat(received).timestamp(),
        json_like_mozdef.dumps(row).encode(),
        tuple(labels),
        document,
    )


def labels_of(row: bytes, name: str) -> list[str]:
    """Return the values of a field that `summarize` gave an event, from its row."""
    value = json_like_mozdef.loads(row)["tags" if name == "tag" else name]
    return value or [""] if isinstance(value, list) else [value]


def label(value: object) -> str:
    """Return a value as it is counted and compared: a short text, "" where there is none."""
    return shortened(_to_text(value), LABEL_MAX_LENGTH)


def shortened(text: str, length: int) -> str:
    """Return a text of at most this many characters, which ends in an ellipsis if it was cut."""
    return text if len(text) <= length else f"{text[: length - 1]}\N{HORIZONTAL ELLIPSIS}"


def searchable_text(document: dict[str, Any]) -> str:
    """Return all names and values of an event that words are searched in, as one text."""
    pieces: list[str] = []
    pending: list[Any] = [document]
    length = 0
    while pending and length < _TEXT_MAX_LENGTH and len(pieces) < _TEXT_MAX_VALUES:
        value = pending.pop()
        if isinstance(value, dict):
            members = dict(islice(value.items(), _TEXT_MAX_VALUES))
            # The names of the document's own fields are in every event.
            pieces += members if value is not document else ()
            pending += members.values()
        elif isinstance(value, list):
            pending += value[:_TEXT_MAX_VALUES]
        elif value is not None:
            pieces.append(str(value)[:_TEXT_MAX_LENGTH])
        length += len(pieces[-1]) if pieces else 0
    return " ".join(pieces)[:_TEXT_MAX_LENGTH].encode("utf-8", "replace").decode()


def _read_object(text: str) -> dict[str, Any]:
    try:
        value = json_like_mozdef.loads(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _tags_of(document: dict[str, Any]) -> list[str]:
    tags = document.get("tags")
    if isinstance(tags, list):
        return [label(tag) for tag in tags[:_TAGS_MAX]]
    return [] if tags is None else [label(tags)]


def _to_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json_like_mozdef.dumps(value)
