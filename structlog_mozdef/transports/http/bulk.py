"""Bodies of ``/_bulk``: MozDef's, and an index's or a data stream's of Elasticsearch or OpenSearch.

MozDef accepts ``{"index": {}}`` as an action line, and nothing else. The other two know more:

- A data stream accepts ``create`` only, and demands a field ``@timestamp`` at top level. So with
  ``bulk_action="create"`` an event gets a copy of its ``timestamp`` under that name, in front of
  what the renderer wrote, which stays as it is.
- A document with an ``_id`` is stored once, however often it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from structlog_mozdef._validate import check_choice
from structlog_mozdef.transports.event_id import fields_of, id_of, stream_of

_ACTION = b'{"index": {}}\n'
_BETWEEN = b"\n" + _ACTION
# MozDef's own paths for single events, which have a sibling /_bulk.
_SIBLING_OF_BULK = re.compile(r"/(events|nxlog)/?\Z")
_BULK = re.compile(r"/_bulk/?\Z")
#: A sibling of ``/_bulk`` that no server has; its name is for those who find it in their logs.
NO_SUCH_PATH = "/_no_such_path"


def is_bulk(path: str) -> bool:
    """Whether *path* is that of a ``/_bulk``."""
    return bool(_BULK.search(path))


def bulk_url_of(url: str, path: str, bulk: object) -> str | None:
    """Return the URL of the ``/_bulk`` that goes with *url*; None if there is none to use.

    Raises:
        ValueError: *bulk* is True, and no such URL is known.
    """
    if is_bulk(path):
        return url
    sibling = _SIBLING_OF_BULK.sub("/_bulk", path)
    if bulk is False or (bulk == "auto" and sibling == path):
        return None
    if sibling == path:
        raise ValueError(
            f"bulk is True, but {path!r} has no known sibling /_bulk; give the URL of a /_bulk"
        )
    return urlsplit(url)._replace(path=sibling).geturl()


def no_such_url_of(bulk_url: str) -> str:
    """Return the URL of a sibling of ``/_bulk`` that cannot exist."""
    parts = urlsplit(bulk_url)
    return parts._replace(path=_BULK.sub(NO_SUCH_PATH, parts.path)).geturl()


class BulkFormat:
    """The form of the body of a batch.

    Args:
        path: of the URL. It must end in ``/_bulk`` for options that MozDef does not know.
        bulk_format, bulk_action, document_ids: as for `HTTPTransport`.

    Raises:
        ValueError: for a value that cannot work.
    """

    def __init__(self, path: str, bulk_format: str, bulk_action: str, document_ids: bool) -> None:
        check_choice("bulk_format", bulk_format, ("ndjson", "array"))
        check_choice("bulk_action", bulk_action, ("index", "create"))
        check_choice("document_ids", document_ids, (True, False))
        self._is_array = bulk_format == "array"
        self._action = bulk_action
        self._with_ids = document_ids
        self._is_plain = bulk_action == "index" and not document_ids
        if self._is_plain:
            return
        option = "bulk_action is 'create'" if bulk_action == "create" else "document_ids is True"
        if self._is_array:
            raise ValueError(f"{option}; with it, bulk_format must be 'ndjson'")
        if not is_bulk(path):
            raise ValueError(
                f"{option}, which MozDef does not know; the url must be that of an index or a data"
                " stream, and end in /_bulk"
            )

    @property
    def content_type(self) -> str:
        """The content type of the body."""
        return "application/json" if self._is_array else "application/x-ndjson"

    def body_of(self, events: Sequence[bytes]) -> bytes:
        """Return the body of a request with *events*, one or more."""
        if self._is_array:
            return b"[" + b",".join(events) + b"]"
        if not self._is_plain:
            return b"".join(map(self._entry, events))
        # One join: adding to half a megabyte copies it each time.
        lines = list(events)
        lines[0] = _ACTION + lines[0]
        lines[-1] += b"\n"
        return _BETWEEN.join(lines)

    def _entry(self, event: bytes) -> bytes:
        fields = fields_of(event)
        stream = stream_of(fields) if self._with_ids else None
        # An event without a stream has no id: two that are the same would be stored as one.
        target = "" if stream is None else f'"_id": "{id_of(event, stream)}"'
        if self._action == "create":
            event = _with_timestamp(event, fields)
        return f'{{"{self._action}": {{{target}}}}}\n'.encode() + event + b"\n"


def _with_timestamp(event: bytes, fields: dict[str, Any] | None) -> bytes:
    if fields is None or "timestamp" not in fields or "@timestamp" in fields:
        return event
    copy = orjson.dumps(fields["timestamp"])
    return b'{"@timestamp":' + copy + b"," + event.lstrip()[1:]
