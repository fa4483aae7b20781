"""Whatever a program logs, MozDef's index stores what the renderer makes of it."""

from __future__ import annotations

import decimal
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import hostile
from support.mozdef_template import index_each, put_template

from structlog_mozdef import MozDefRenderer
from structlog_mozdef.collector import json_like_mozdef
from structlog_mozdef.collector.worker import process_event

# A thousand documents in dozens of indices take half a minute, and more on a busy machine.
pytestmark = pytest.mark.timeout(400)

RECEIVED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FIELDS = ["category", "details", "event", "exc_info", "exception", "hostname", "index", "level"]
FIELDS += ["logger", "pid", "processid", "processname", "severity", "source", "stack_info"]
FIELDS += ["summary", "tag", "tags", "timestamp", "payload", "fields"]
TYPED = ["apiversion", "destinationipaddress", "destinationipgeopoint", "destinationport", "error"]
TYPED += ["requestparameters", "sourceipaddress", "sourceipgeopoint", "sourceipv4address"]
TYPED += ["sourceport", "success", "truncated"]
ODD_NAMES = [
    "../../etc/passwd",
    ".htaccess",
    "a..b",
    ".",
    "a.",
    "..",
    " ",
    "\t",
    "\u2003",
    "",
    "a. ",
]
ODD_NAMES += ["a", "a.b", "a.b.c", "a b", "_id", "_source", "*", "apiversion.x", "success.x"]
ODD_NAMES += ["requestparameters.logstreamname", "sourceport.x.y", ".".join("k" * 25)]
TEXTS = ["true", "yes", "10.0.0.7", "::1%1", "010.0.0.1", "1.5,2.5", "91,0", "drm3btev3e86"]
DATES = ["20260102", "2026-01-02", "2026-01", "2026/01/02", "2026-01-02T03:04:05+00:00"]
ODD_DATES = [
    "2026/02/30",
    "2026/13/45 10:00:00",
    "2026-13T10:00",
    "2024-25",
    "2026-01-01T10:00:00UTC",
]
ODD_DATES += ["2026-01-01T10:00:00+01:00:00", "+12026-01-01", "2028/02/29", "2026/02/29"]
SIMPLE: list[Any] = [None, True, 0, 1, 443, 1.5, decimal.Decimal(1), {}, [], "", *TEXTS, *DATES]
SIMPLE += [{"a": 1}, {"raw_value": "x"}, {"raw_value": {"a": 1}}, {"logstreamname": "x"}]
SIMPLE += [{"lat": 1.5, "lon": 2}, {"lat": "x", "lon": 2}, [1.5, 2.5], [1.5, 92], (443, "80")]
SIMPLE += [[1, True], ["x", *DATES], [*DATES, "x"], [1, {"a": 1}], [{"a": 1}, {"a": True}]]
SIMPLE += [[{"a": {"b": 1}}, {"a.b": True}], [{"a": 1, "a.b": 1}], [None, [["x"], [None, 1]]]]

#: Event dicts that found something once, or are at a limit.
EVENTS: list[dict[str, Any]] = [
    *({"tags": tags} for tags in (["x", "2026-01-02"], "2026-01-02", ["2026-01-02"], [1, None])),
    *({name: 1} for name in ODD_NAMES),
    *({"o": {name: 1}} for name in ODD_NAMES),
    *({"o": {chr(code): 1, f"a.{chr(code)}": {chr(code): 1}}} for code in range(0xA2)),
    *({"o": [{name: 1}, {}]} for name in ODD_NAMES),
    dict.fromkeys(ODD_NAMES, 1),
    dict.fromkeys(reversed(ODD_NAMES), True),
    {"o": dict.fromkeys(ODD_NAMES, "x")},
    {"a": {"b": 1, "c": {"d": True}}, "a.b": "x", "a.c.d": "2026-01-02", "a.c": 1},
    {"a": 1, "a_text": "x", "a.b": 1, "a_b": 2},
    *({"o": hostile.deep(levels, kind)} for levels in range(13, 24) for kind in (list, dict)),
    *({"o": [hostile.deep(levels, dict)]} for levels in range(13, 20)),
    {f"name{number}": number for number in range(3_000)},
    {"o": {f"name{number}": {"a": [number]} for number in range(3_000)}, "user": "kang"},
    {"o": [{f"name{number}": number} for number in range(3_000)]},
    {".".join(["a", str(number), "b", "c"]): number for number in range(1_000)},
    *({"o": date} for date in ODD_DATES),
    *({"o": value} for date in ODD_DATES for value in ({"d": date}, [[{"d": date}]], (date, "x"))),
    {"exc_info": ValueError("x"), "error": "text", "success": "maybe"},
    *({name: value} for name in TYPED for value in SIMPLE),
    *({"l": value, "details": {"l": [value]}} for value in SIMPLE),
]


def stored(event_dict: dict[str, Any]) -> dict[str, Any]:
    """Return the document that MozDef makes of *event_dict*."""
    encoded = MozDefRenderer()(None, "info", dict(event_dict))
    outcome = process_event(
        json_like_mozdef.loads(encoded), "_bulk", RECEIVED, "mozdef.example.com"
    )
    assert (outcome.document is not None, outcome.differences) == (True, ())
    return outcome.document


@pytest.fixture(scope="module")
def hostile_events():
    """Return event dicts with each hostile value, and many that hypothesis makes, as documents."""
    found = [*EVENTS, *({"o": make()} for make in hostile.VALUES.values())]
    found += [{"o": [make(), {"x": make()}]} for make in hostile.VALUES.values()]
    # Under names of their own, many events can share an index.
    found = [
        {f"o{number}" if name == "o" else name: value for name, value in event.items()}
        for number, event in enumerate(found)
    ]

    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @given(
        st.dictionaries(
            st.sampled_from([*FIELDS, *TYPED, *ODD_NAMES]) | st.text(st.characters(), max_size=4),
            hostile.ANYTHING
            | st.sampled_from(SIMPLE)
            | st.lists(st.sampled_from(SIMPLE), max_size=3)
            | st.dictionaries(st.sampled_from(ODD_NAMES), st.sampled_from(SIMPLE))
            | st.lists(st.dictionaries(st.sampled_from(ODD_NAMES), st.sampled_from(SIMPLE))),
            max_size=8,
        )
    )
    def collect(event_dict):
        found.append(hostile.made(event_dict))

    collect()
    return list(map(stored, found))


def test_names_that_anybody_can_invent(server, index):
    """As listed names, they never fill an index, whatever comes first."""
    put_template(server)
    renderer = MozDefRenderer(listed_names=["headers"])
    values = ["2026-01-02", "x", 5, True, None, ["2024-25", 1], {"a": 1}, "", 2**70, "x" * 40_000]
    action = {"_type": "_doc"} if server.name == "elasticsearch6" else {}
    lines = []
    for number in range(1_100):
        headers = {f"x.{number}": values[number % len(values)], "2026-01-02": number}
        lines += [{"index": {"_index": f"events-{index}", **action}}]
        lines += [json.loads(renderer(None, "info", {"headers": headers}))]
    body = "".join(f"{json.dumps(line)}\n" for line in lines)
    status, answer = server.request("POST", "/_bulk", body)
    assert (status, [item for item in answer["items"] if "error" in item["index"]]) == (200, [])


def test_no_rendered_event_is_refused(server, hostile_events):
    """Each server stores each event that the renderer made, in an index that is new."""
    put_template(server)
    reasons = index_each(server, hostile_events)
    refused = [
        (str(document["details"])[:500], reason)
        for document, reason in zip(hostile_events, reasons, strict=True)
        if reason is not None
    ]
    assert refused == []
