"""Questions to a running collector, as a page and other programs ask them."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.parse

from support.collecting import EVENT, request


def ask(collector, question, parameters=(), *, status=200, method="GET", headers=None):
    """Ask; return the answer as Python reads its JSON."""
    answered, body = request(collector, method, path_of(question, parameters), headers=headers)
    assert answered == status, body
    return json.loads(body)


def path_of(question, parameters=()):
    pairs = parameters.items() if isinstance(parameters, dict) else parameters
    query = urllib.parse.urlencode(list(pairs))
    return f"/api/v1/{question}?{query}" if query else f"/api/v1/{question}"


def post(collector, *events):
    """Send events, all in one request; those that are dicts complete the example of MozDef."""
    lines = []
    for event in events:
        value = {**EVENT, **event} if isinstance(event, dict) else event
        lines += [
            b'{"index": {}}',
            value if isinstance(value, bytes) else json.dumps(value).encode(),
        ]
    assert request(collector, "POST", "/_bulk", b"\n".join(lines))[0] == 200


def numbered(*sequence, stream_id="a", **fields):
    """Events of one stream with these numbers."""
    return [{**fields, "details": {"stream_id": stream_id, "sequence": n}} for n in sequence]


def ids(collector, parameters=(), **options):
    return [event["id"] for event in ask(collector, "events", parameters, **options)["events"]]


class Live:
    """A client of the stream of events."""

    def __init__(self, collector, parameters=(), headers=None):
        self._connection = http.client.HTTPConnection(
            collector.base_url.removeprefix("http://"), timeout=20
        )
        self._connection.request("GET", path_of("live", parameters), headers=headers or {})
        self.response = self._connection.getresponse()

    def message(self):
        """Return the next message: its name, its id and its data; None at the end."""
        fields = {}
        while line := self.response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        return (fields["event"], fields["id"], json.loads(fields["data"])) if fields else None

    def events(self, count):
        """Return the ids of the next events, so many of them, oldest first."""
        found = []
        while len(found) < count:
            name, _, data = self.message()
            assert name == "events"
            found += [event["id"] for event in reversed(data["events"])]
        return found

    def close(self):
        self.response.close()
        self._connection.close()


@contextlib.contextmanager
def live(*args, **kwargs):
    client = Live(*args, **kwargs)
    try:
        yield client
    finally:
        client.close()
