"""The model of MozDef and a running collector, as tests of both use them."""

from __future__ import annotations

import http.client
import json
import socket
from datetime import UTC, datetime

from structlog_mozdef.collector.worker import process_event

RECEIVED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

#: The example of MozDef's documentation.
EVENT = {
    "category": "authentication",
    "details": {"uid": 0, "username": "kang"},
    "hostname": "blah.private.scl3.mozilla.com",
    "processid": 14619,
    "processname": "./mozdef.py",
    "severity": "CRITICAL",
    "source": "ldap",
    "summary": "new test msg",
    "tags": ["bro", "auth"],
    "timestamp": "2014-03-18T23:20:31.013344+00:00",
}
LINE = json.dumps(EVENT).encode()
ACTION = b'{"index": {}}'


def outcome_of(document, endpoint="_bulk", received=RECEIVED):
    return process_event(document, endpoint, received, "mozdef.example.com")


def stored(document, endpoint="_bulk", received=RECEIVED):
    result = outcome_of(document, endpoint, received)
    assert result.document is not None, result.differences
    return result.document


def differences_of(document, kind, field):
    return [f for f in outcome_of(document).differences if (f.kind, f.field) == (kind, field)]


def without(*names):
    return {key: value for key, value in EVENT.items() if key not in names}


def event(summary):
    return {**EVENT, "summary": summary}


def line(summary):
    return json.dumps(event(summary)).encode()


def request(collector, method, path, body=None, headers=None):
    """Send one request on a connection of its own; return the status and the body."""
    connection = http.client.HTTPConnection(collector.base_url.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def talk(collector, data):
    """Send raw bytes; return all that comes back until the server closes or is silent for 0.5 s."""
    host, _, port = collector.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        connection.settimeout(0.5)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            pass
        return answer


def summaries(collector):
    return [document["summary"] for document in collector.documents()]


def lost(collector):
    """Return why events or fields were lost, with an error answer or without."""
    kinds = ("dropped", "refused", "rejected")
    return [entry.reason for entry in collector.differences() if entry.kind in kinds]
