"""What an index holds is audited page by page, and seals survive MozDef and the index."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import structlog
from support.collecting import stored
from support.destinations import structlog_defaults
from support.mozdef_template import put_template
from support.running import command
from support.sealing import Sealing

from structlog_mozdef import configure
from structlog_mozdef.audit.index import IndexReader
from structlog_mozdef.exceptions import AuditError
from structlog_mozdef.testing import MemoryTransport

VALUES = {
    "sourceipaddress": "10.0.0.7",
    "destinationipaddress": "fe80::1",
    "success": True,
    "ratio": 0.1,
    "whole": 3.0,
    "tiny": 1e-7,
    "huge": 1e300,
    "large": 9_223_372_036_854_775_807,
    "negative": -(2**63),
    "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "date": "2026-01-02",
    "text": 'Zoë \u2028 \U0001f600 " \\ / <b>',
    "minus_zero": -0.0,
    "thousand": 1e3,
    "exponent": 1e16,
    "beyond_integers": 2.0**64,
    "decomposed": "Zoe\u0308",
    "nothing": None,
    "empty": {},
    "empty_list": [],
    "list_of_nothing": [None],
    "list": [1, 2.5],
    "nested": {"b": {"c": [True, False]}, "a": "x"},
    "a.dotted": 1,
}


@pytest.fixture
def keys(tmp_path):
    tmp_path.chmod(0o700)
    sealing = Sealing(tmp_path)
    (tmp_path / "verification.keys").write_text(
        f"structlog-mozdef-verification-key 1 {key_id(sealing)} {sealing.first_key.hex()}\n"
    )
    return sealing


def key_id(sealing):
    return sealing.path.read_text().split()[2]


def bulk(server, index, documents):
    lines = "".join(
        f'{{"index": {{"_index": "{index}", "_type": "_doc"}}}}\n{json.dumps(document)}\n'
        if server.name == "elasticsearch6"
        else f'{{"index": {{"_index": "{index}"}}}}\n{json.dumps(document)}\n'
        for document in documents
    )
    status, answer = server.request("POST", "/_bulk?refresh=true", lines)
    assert (status, answer["errors"]) == (200, False), answer


def sealed_events(keys, count):
    with structlog_defaults():
        transport = MemoryTransport()
        sink = configure(transport, seal=keys.path, tags=["x", "2026"], timezone="Europe/Berlin")
        log = structlog.get_logger("app")
        for number in range(count):
            moment = datetime(2026, 3, 4, 5, 6, 7, number % 3)
            log.info("hello", number=number, timestamp=moment, **VALUES)
        sink.end_streams()
        sink.close()
    return transport.events


def verified(tmp_path, server, index, *arguments):
    result = command(
        "seal",
        "verify",
        "--json",
        "--key",
        str(tmp_path / "verification.keys"),
        f"{server.url}/{index}",
        *arguments,
    )
    return result.returncode, json.loads(result.stdout)


def test_seals_survive_mozdef_and_the_index(server, index, keys, tmp_path):
    """All events are authentic as the index returns them; a change in the index is found."""
    put_template(server)
    index = f"events-{index}"
    documents = [stored(event) for event in sealed_events(keys, 120)]
    for document in documents[::2]:  # as a plugin of MozDef does
        document["details"]["sourceipv4address"] = "10.0.0.7"
    bulk(server, index, documents)
    status, report = verified(tmp_path, server, index)
    (stream,) = report["streams"]
    assert (status, stream["authentic"], stream["state"]) == (0, 121, "ended")
    query = {
        "script": {"source": "ctx._source.summary = 'nothing'", "lang": "painless"},
        "query": {"term": {"details.sequence": 7}},
    }
    if server.request("POST", f"/{index}/_update_by_query?refresh=true", query)[0] != 200:
        # The server has no scripts: the attacker writes another document with the same number.
        hits = server.request("POST", f"/{index}/_search", {"query": query["query"]})[1]
        (hit,) = hits["hits"]["hits"]
        document = {**hit["_source"], "summary": "nothing"}
        kind = "_doc"
        server.request("PUT", f"/{index}/{kind}/{hit['_id']}?refresh=true", document)
    status, report = verified(tmp_path, server, index)
    (stream,) = report["streams"]
    assert (status, stream["changed"]["ranges"]) == (1, [[7, 7]])


def test_pages(server, index):
    """Several pages of several shards are read completely; what is missing is named."""
    settings = {"settings": {"number_of_shards": 3, "number_of_replicas": 0}}
    assert server.request("PUT", f"/{index}", settings)[0] == 200
    events = [
        {"details": {"stream_id": "abc", "sequence": number}, "hostname": "h", "tags": ["web"]}
        for number in range(1, 2_501)
        if number not in {7, 2_000, 2_001}
    ]
    bulk(server, index, [*events, {"details": {"other": 1}}])
    result = command("audit", "--json", f"{server.url}/{index}")
    (stream,) = json.loads(result.stdout)["streams"]
    assert (result.returncode, stream["missing"]["ranges"]) == (1, [[7, 7], [2_000, 2_001]])
    assert (stream["last"], stream["hostname"]) == (2_500, "h")
    assert b"event/s" not in result.stderr  # no terminal, no progress bar
    # Nothing is left open in the server.
    assert scrolls(server) == 0


def scrolls(server):
    nodes = server.request("GET", "/_nodes/stats/indices/search")[1]["nodes"].values()
    return sum(node["indices"]["search"]["scroll_current"] for node in nodes)


def test_a_query(server, index):
    """Only what a query finds is read."""
    bulk(
        server,
        index,
        [
            {"details": {"stream_id": name, "sequence": 1}, "tags": [name]}
            for name in ("web", "mail")
        ],
    )
    result = command("audit", "--json", "--query", "tags:mail", f"{server.url}/{index}")
    assert [each["stream_id"] for each in json.loads(result.stdout)["streams"]] == ["mail"]


def test_no_index(server, index):
    """An index that is not there, or a query that cannot be read, is an error in one sentence."""
    for url, query in ((f"{server.url}/{index}", None), (f"{server.url}/_all", "a:(")):
        with pytest.raises(AuditError, match="answered 4"):
            list(IndexReader(url, query=query).pages())
