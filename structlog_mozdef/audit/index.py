"""The events of an index of Elasticsearch or OpenSearch, page by page.

By scrolling, which every version has from Elasticsearch 6 on, in the same words: it gives a
consistent view of the index, without a field to sort by. A page whose answer got lost is not given
again, so what was read is compared with what the index said that there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

from structlog_mozdef.audit.sources import unwrapped
from structlog_mozdef.exceptions import AuditError, TransportError
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.transports.http.client import Answer, HTTPClient
from structlog_mozdef.transports.http.options import (
    checked_api_key,
    checked_proxies,
    checked_verify,
)
from structlog_mozdef.transports.urls import parse_address

_KEPT_FOR = "5m"
_PAGE_EVENTS = 1_000
# A page of events that are as long as events can be, and written in escapes.
_ANSWER_LIMIT_BYTES = 1_000 * 600_000
_READ_TIMEOUT = 120.0
#: What a check of completeness needs of an event.
NUMBERS_ONLY = (
    "details.stream_id",
    "details.sequence",
    "details.stream_end",
    "hostname",
    "processid",
    "processname",
    "timestamp",
)


class IndexReader:
    """Read the numbered events of an index, an alias or a pattern.

    Args:
        url: ``https://host:9200/INDEX``, with or without user and password.
        api_key: as for `HTTPTransport`, instead of a user.
        query: which events, in Lucene's syntax (``tags:openvpn``). Default: all that are numbered.
        verify: whether certificates are verified, or a CA bundle.
        fields: which fields to ask for. Default: the whole events.
        all_events: whether to read events without a number as well.

    Raises:
        ValueError: the URL, *api_key* or *verify* cannot work.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | tuple[str, str] | None = None,
        query: str | None = None,
        verify: bool | str = True,
        fields: tuple[str, ...] | None = None,
        all_events: bool = False,
    ) -> None:
        address = parse_address(url, ("https", "http"))
        base, _, index = address.url.partition("?")[0].rstrip("/").rpartition("/")
        if not address.path.strip("/"):
            raise ValueError(f"url is {address.name!r}; it must end in the name of an index")
        self.name = address.name
        self.total = 0
        self._client = HTTPClient(
            self.name,
            auth=address.credentials,
            headers={} if api_key is None else {"Authorization": checked_api_key(api_key)},
            verify=checked_verify(verify),
            cert=None,
            proxies=checked_proxies(None, address.url),
            connect_timeout=5.0,
            read_timeout=_READ_TIMEOUT,
            answer_limit=_ANSWER_LIMIT_BYTES,
        )
        index = quote(index, safe="*,.-_<>%{}")
        self._search = self._client.prepare(
            f"{base}/{index}/_search?scroll={_KEPT_FOR}", "application/json"
        )
        self._scroll = self._client.prepare(f"{base}/_search/scroll", "application/json")
        self._end = self._client.prepare(f"{base}/_search/scroll", "application/json")
        self._end.method = "DELETE"
        conditions: list[dict[str, Any]] = []
        if not all_events:
            conditions.append({"exists": {"field": "details.stream_id"}})
        if query is not None:
            conditions.append({"query_string": {"query": query}})
        self._body: dict[str, Any] = {
            "size": _PAGE_EVENTS,
            "sort": ["_doc"],
            "track_total_hits": True,
            "query": {"bool": {"filter": conditions}},
        }
        if fields is not None:
            self._body["_source"] = list(fields)

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the events, page by page; `total` says how many there are, from the first on.

        Raises:
            AuditError: the index did not answer, or not completely.
        """
        try:
            yield from self._pages()
        except TransportError as error:
            raise AuditError(f"{self.name} cannot be read: {error}") from None
        finally:
            self._client.close()

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        page = self._ask(self._search, self._body)
        self.total = _total_of(page)
        scroll_id = page.get("_scroll_id")
        read = 0
        try:
            while hits := page["hits"]["hits"]:
                read += len(hits)
                yield [unwrapped(hit) for hit in hits]
                page = self._ask(self._scroll, {"scroll": _KEPT_FOR, "scroll_id": scroll_id})
                scroll_id = page.get("_scroll_id", scroll_id)
        finally:
            self._forget(scroll_id)
        if read != self.total:
            events = count_of(self.total or 0, "event")
            raise AuditError(f"{self.name} gave {read:,} of its {events}: try again")

    def _ask(self, request: Any, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(request, orjson.dumps(body))
        page = _object_in(answer)
        if answer.status != 200:
            raise AuditError(f"{self.name} answered {answer.status}{_reason_in(page)}")
        shards, hits = page.get("_shards"), page.get("hits")
        if not isinstance(hits, dict) or not isinstance(hits.get("hits"), list):
            raise AuditError(f"{self.name} did not answer as an index does")
        clusters = page.get("_clusters")  # where a part of the index is in others
        if isinstance(clusters, dict) and any(
            clusters.get(state) for state in ("skipped", "partial", "failed")
        ):
            raise AuditError(f"{self.name} answered for a part of its clusters only")
        if page.get("timed_out") or not isinstance(shards, dict) or shards.get("failed"):
            raise AuditError(f"{self.name} answered for a part of its shards only")
        return page

    def _forget(self, scroll_id: Any) -> None:
        try:
            self._client.post(self._end, orjson.dumps({"scroll_id": [scroll_id]}))
        except TransportError:
            pass  # it ends by itself, in five minutes


def _object_in(answer: Answer) -> dict[str, Any]:
    try:
        value = orjson.loads(answer.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _total_of(page: dict[str, Any]) -> int:
    total = page["hits"].get("total")
    if isinstance(total, dict):  # from version 7 on
        total = total.get("value")
    return total if type(total) is int else -1


def _reason_in(page: dict[str, Any]) -> str:
    """Return what the index says of an error: its type, which quotes no values."""
    error = page.get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    return f": {kind[:100]}" if isinstance(kind, str) else ""
