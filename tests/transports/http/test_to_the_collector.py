"""The transport against the receiver that behaves as MozDef does: what it would have stored."""

import contextlib
import json

import pytest
from support.certificates import authority, authority_file

from structlog_mozdef.exceptions import Rejected
from structlog_mozdef.testing import running_collector
from structlog_mozdef.transports.http import HTTPTransport

EVENTS = [
    json.dumps(
        {
            "category": "test",
            "details": {"number": number},
            "hostname": "host.example.com",
            "processid": 1,
            "processname": "test",
            "severity": "INFO",
            "source": "test",
            "summary": f"event {number} \u65e5\u672c",
            "tags": ["a", "b"],
            "timestamp": "2024-03-18T23:20:31.013344+00:00",
        },
        ensure_ascii=False,
    ).encode()
    for number in range(5)
]

forms = pytest.mark.parametrize(
    "options", [{}, {"bulk": False}, {"bulk": True}, {"bulk_format": "array"}]
)


@forms
@pytest.mark.parametrize("count", [1, 2, 5])
def test_events_are_stored(options, count):
    """Every event of a batch of any size is stored once, in order, in every form."""
    with (
        running_collector() as collector,
        contextlib.closing(HTTPTransport(collector.url, **options)) as transport,
    ):
        transport.send(EVENTS[:count])
        assert [document["summary"] for document in collector.documents()] == [
            json.loads(event)["summary"] for event in EVENTS[:count]
        ]


@forms
def test_nothing_is_found_fault_with(options):
    """The receiver has nothing to say about what came."""
    with (
        running_collector() as collector,
        contextlib.closing(HTTPTransport(collector.url, **options)) as transport,
    ):
        transport.send(EVENTS)
        assert (collector.received, collector.differences()) == (len(EVENTS), [])


def test_custom_address():
    """Events to /custom/x are stored as well."""
    with (
        running_collector() as collector,
        contextlib.closing(HTTPTransport(f"{collector.base_url}/custom/x")) as transport,
    ):
        transport.send(EVENTS)
        assert collector.stored == len(EVENTS)


def test_over_tls(tmp_path):
    """Events arrive over TLS."""
    files = tmp_path / "server.pem"
    certificate = authority().issue_cert("127.0.0.1")
    files.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    with (
        running_collector(ssl_certfile=files) as collector,
        contextlib.closing(
            HTTPTransport(collector.url, verify=authority_file(tmp_path))
        ) as transport,
    ):
        transport.send(EVENTS)
        assert collector.stored == len(EVENTS)


def test_body_over_four_megabytes_is_blamed():
    """A body that MozDef's front end rejects becomes an error that halves the batch."""
    event = EVENTS[0][:-1] + b', "x": "' + b"x" * 90_000 + b'"}'
    with (
        running_collector() as collector,
        contextlib.closing(HTTPTransport(collector.url)) as transport,
        pytest.raises(Rejected, match="HTTP 413"),
    ):
        transport.send([event] * 50)


def test_kept_connection():
    """Many batches one after the other all arrive."""
    with (
        running_collector() as collector,
        contextlib.closing(HTTPTransport(collector.url)) as transport,
    ):
        for _ in range(50):
            transport.send(EVENTS)
        assert collector.stored == 250
