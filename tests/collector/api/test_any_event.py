"""Whatever arrives can be listed, opened, searched and counted."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.asking import ask
from support.collecting import request

NAMES = st.sampled_from(
    [
        *("", "summary", "severity", "category", "source", "hostname", "tags", "timestamp"),
        *("details", "processid", "stream_id", "sequence", "x", "a.b", "Summary", "_source"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["2026-01-01", "\ud800", "INFO"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(["/events", "/custom/x", "/_bulk"]),
    event=st.dictionaries(NAMES, VALUES, max_size=8) | VALUES,
)
def test_any_event(collector, path, event):
    """Each answer is valid JSON, and has the event that was sent."""
    body = json.dumps([event] if path == "/_bulk" else event).encode()
    request(collector, "POST", path, body)
    for row in ask(collector, "events", {"limit": 3})["events"]:
        opened = ask(collector, f"events/{row['id']}")
        assert opened["id"] == row["id"]
        assert len(opened["differences"]) == row["differences"]
    facets = ask(collector, "facets")
    total = ask(collector, "count")["count"]
    assert sum(entry["count"] for entry in facets["severity"]) <= total == collector.received
    ask(collector, "streams")
    ask(collector, "histogram")
    ask(collector, "count", {"text": "a"})
