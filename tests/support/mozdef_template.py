"""MozDef's template of its ``events`` indices, written from what its documents and its index show.

The strings that MozDef's template does not name become keywords, whatever their length; those that
look like dates become dates, since it leaves the detection of dates as it is; numbers become
keywords, and booleans booleans.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.index_servers import IndexServer

_KEYWORD = {"type": "keyword"}
_DATE = {"type": "date", "format": "dateOptionalTime"}
_RAW_VALUE = {"properties": {"raw_value": _KEYWORD}}
#: JSON's types, as the index detects them, that become keywords.
_KEYWORD_TYPES = ("string", "binary", "double", "long")
_KEYWORDS = (
    "category",
    "hostname",
    "processid",
    "processname",
    "severity",
    "source",
    "type",
    "version",
)

MAPPINGS: dict[str, Any] = {
    "dynamic_templates": [
        {f"{kind}s": {"match_mapping_type": kind, "mapping": _KEYWORD}} for kind in _KEYWORD_TYPES
    ],
    "properties": {
        **dict.fromkeys(_KEYWORDS, _KEYWORD),
        "summary": {"type": "text"},
        "receivedtimestamp": _DATE,
        "utctimestamp": _DATE,
        "details": {
            "properties": {
                "apiversion": _RAW_VALUE,
                "destinationipaddress": {"type": "ip"},
                "destinationipgeopoint": {"type": "geo_point"},
                "destinationport": _KEYWORD,
                "requestparameters": {"properties": {"logstreamname": _RAW_VALUE}},
                "sourceipaddress": {"type": "ip"},
                "sourceipgeopoint": {"type": "geo_point"},
                "sourceipv4address": _KEYWORD,
                "sourceport": _KEYWORD,
                "success": {"type": "boolean"},
            }
        },
    },
}

# Path of names -> what decides the type of its values.
_Shapes = dict[str, set[object]]
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00", re.ASCII)
_SHARED_FIELDS = 400
# The limits are MozDef's as well. Shards and copies are not, since many small indices cost time.
_SETTINGS = {
    "index.mapping.total_fields.limit": 1000,
    "index.mapping.depth.limit": 20,
    "index.number_of_shards": 1,
    "index.number_of_replicas": 0,
}


def put_template(server: IndexServer) -> None:
    """Give *server* the template, which each index named ``events...`` or ``alerts...`` uses."""
    typed = server.name == "elasticsearch6"
    template = {
        "index_patterns": ["events*", "alerts*"],
        "settings": _SETTINGS,
        "mappings": {"_doc": MAPPINGS} if typed else MAPPINGS,
    }
    status, answer = server.request("PUT", "/_template/mozdef", template)
    assert status == 200, answer


def index_each(server: IndexServer, documents: Sequence[dict[str, Any]]) -> list[str | None]:
    """Index each of *documents* as if its index were new: None, or why the server refuses it.

    An index of its own for each takes a tenth of a second. So those share one that use no name with
    values of different types, and together are far below the limit of fields.
    """
    action = {"_type": "_doc"} if server.name == "elasticsearch6" else {}
    known: list[_Shapes] = []
    lines: list[Any] = []
    for document in documents:
        shapes: _Shapes = {}
        _add_shapes(shapes, "", document)
        lines += [{"index": {"_index": f"events-{_index_for(shapes, known)}", **action}}, document]
    body = "".join(f"{json.dumps(line)}\n" for line in lines)
    server.request("DELETE", "/events-*")
    status, answer = server.request("POST", "/_bulk", body)
    assert status == 200, answer
    server.request("DELETE", "/events-*")
    return [_reason_of(item["index"]) for item in answer["items"]]


def _add_shapes(shapes: _Shapes, path: str, value: Any) -> None:
    """Add what decides the types that the index detects for each name in *value*."""
    pending = [(path, value)]
    while pending:
        path, value = pending.pop()
        found = shapes.setdefault(path, set())
        if isinstance(value, dict):
            found.add("object")
            for name, item in value.items():
                parts = name.split(".")
                for end in range(1, len(parts)):  # a name with dots stands for objects
                    shapes.setdefault(".".join([path, *parts[:end]]), set()).add("object")
                pending.append((f"{path}.{name}", item))
        elif isinstance(value, list):
            pending += [(path, item) for item in value]
        elif value is not None:
            found.add(_shape(value))


def _shape(value: Any) -> object:
    if isinstance(value, bool):
        return "boolean"
    if not isinstance(value, str) or value[:1] not in "0123456789+-" or value.isdigit():
        return "keyword"
    # It may look like a date.
    return "timestamp" if _TIMESTAMP.fullmatch(value) else value


def _index_for(shapes: _Shapes, known: list[_Shapes]) -> int:
    for number, others in enumerate(known):
        if len(others) + len(shapes) < _SHARED_FIELDS and all(
            not others.get(path) or not shape or others[path] == shape
            for path, shape in shapes.items()
        ):
            for path, shape in shapes.items():
                others.setdefault(path, set()).update(shape)
            return number
    known.append(shapes)
    return len(known) - 1


def _reason_of(item: dict[str, Any]) -> str | None:
    if "error" not in item:
        return None
    reasons = []
    error = item["error"]
    while error:
        reasons.append(f"{error['type']}: {error['reason']}")
        error = error.get("caused_by")
    return "; ".join(reasons)
