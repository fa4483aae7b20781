"""What Elasticsearch and OpenSearch answer: errors of single events, and what caused them.

Sources: the references of the bulk API of Elasticsearch 7.17, 8 and 9 and of OpenSearch 1 to 3,
and the texts of errors in the source code of both. No answer was seen on a real server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult

# Of a single event: no permission, no index, an index that was closed to writes for a full disk.
_SETTINGS_OF_ITEM = frozenset({401, 403, 404})
_RETRY = _SETTINGS_OF_ITEM | {408, 429}
_KIND = re.compile(r"\w{1,80}")
_CUT_OFF = "the answer was cut off, or is no JSON"
_STARTS_AN_OBJECT = re.compile(rb"\s*\{").match
# Longer answers with an error are not parsed.
_ERROR_LIMIT_BYTES = 100_000
# HTTP 400 blames the event, but for these, which every event would meet: none is a dead letter
# for a setting. The texts are matched from their beginning, where no value of an event stands.
_SETTINGS = tuple(
    (kind, re.compile(reason), hint)
    for kind, reason, hint in (
        (
            "illegal_argument_exception",
            r"only write ops with an op_type of create are allowed in data streams",
            'it is a data stream, which needs the option bulk_action="create"',
        ),
        (
            "illegal_argument_exception",
            r"Malformed action/metadata line \[1\]|The bulk request must be terminated by a ",
            'the server is not MozDef, and needs the option bulk_format="ndjson"',
        ),
        (
            "illegal_argument_exception",
            r"request \[[^]]*\] contains unrecognized parameter",
            "the query of the URL has a parameter that the server does not know",
        ),
        ("illegal_argument_exception", r"pipeline with id \[", "there is no such ingest pipeline"),
        (
            "illegal_argument_exception",
            r"no write index is defined for alias \[",
            "the alias has no index to write to",
        ),
        (
            "illegal_argument_exception",
            r"Validation Failed: 1: this action would add \[",
            "the cluster has as many shards as it may have",
        ),
        (
            "validation_exception",
            r"Validation Failed: 1: this action would add \[",
            "the cluster has as many shards as it may have",
        ),
        ("index_closed_exception", r"", "the index is closed"),
        ("invalid_index_name_exception", r"", "the URL has no name that an index can have"),
    )
)


class _Fault(NamedTuple):
    """Why an event was not accepted.

    Attributes:
        status: of HTTP, for the request or for the event.
        kind: the server's name of the error, or None.
        setting: what somebody has to change first, or None.
    """

    status: int
    kind: str | None
    setting: str | None

    def __str__(self) -> str:
        # The full reason quotes values of the event, and reasons end up in log lines.
        text = f"HTTP {self.status}" + (f" {self.kind}" if self.kind else "")
        return f"{text}: {self.setting}" if self.setting else text

    @property
    def asks_for_a_person(self) -> bool:
        """Whether a setting has to be changed before any event is accepted."""
        return self.setting is not None or self.status in _SETTINGS_OF_ITEM


def fault_of(status: int, body: bytes) -> _Fault:
    """Return why the request was rejected, as far as *body* is such a server's."""
    error: Any = None
    if body.lstrip().startswith(b"{") and len(body) <= _ERROR_LIMIT_BYTES:
        try:
            error = orjson.loads(body).get("error")
        except ValueError:
            pass  # another server's
    return _fault(status, error)


def items_of(status: int, body: bytes, n_events: int) -> SendResult:
    """Return what the answer to a batch says of each event.

    Args:
        status: of the answer, 2xx.
        body: of the answer.
        n_events: how many events were sent.

    Raises:
        TransportError: the answer has errors, but does not say of which events; or it was cut off
            before it could.
    """
    # Where no Content-Length says how long it is, nothing else shows that a part is missing.
    if _STARTS_AN_OBJECT(body) and not body.rstrip().endswith(b"}"):
        raise _unknown(_CUT_OFF, status)
    if b'"items"' not in body and b'"errors"' not in body:
        return ALL_ACCEPTED
    has_an_error = b'"error"' in body
    answer = _parsed(body, status)
    try:
        # filter_path in the URL may have left "errors" out.
        if not answer.get("errors", has_an_error):
            return ALL_ACCEPTED
        is_ours = "items" in answer
        results = [next(iter(item.values())) for item in answer.get("items", ())]
        statuses = [int(result["status"]) for result in results]
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration, OverflowError):
        if not has_an_error:
            return ALL_ACCEPTED  # another server with a body of its own
        results, statuses, is_ours = [], [], False
    if not is_ours or len(statuses) != n_events:
        raise _unknown(
            "the answer tells of errors, but not of which events; filter_path in the URL, if it is"
            " there, must leave errors, items.*.status and items.*.error",
            status,
        )
    return _judged(
        [_fault(code, item.get("error")) for code, item in zip(statuses, results, strict=True)]
    )


def _parsed(body: bytes, status: int) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        if not _STARTS_AN_OBJECT(body):
            return None  # another server with a body of its own
    raise _unknown(_CUT_OFF, status)


def _unknown(reason: str, status: int) -> TransportError:
    return TransportError(reason, ambiguous=True, status=status)


def _judged(faults: list[_Fault]) -> SendResult:
    rejected: dict[int, _Fault] = {}
    retry: dict[int, _Fault] = {}
    for index, fault in enumerate(faults):
        # 409: an event with this id is there already.
        if fault.status < 300 or fault.status == 409:
            continue
        if fault.status >= 500 or fault.status in _RETRY or fault.setting is not None:
            retry[index] = fault
        else:
            rejected[index] = fault
    error: TransportError | None = None
    if retry:
        error = _error_of_items(list(retry.values()))
    elif rejected:
        last = list(rejected.values())[-1]
        error = Rejected(str(last), status=last.status)
    reasons = {index: str(fault) for index, fault in rejected.items()}
    return SendResult(rejected=reasons, retry=tuple(retry), error=error)


def _error_of_items(faults: list[_Fault]) -> TransportError:
    return TransportError(
        f"the server asked for {count_of(len(faults), 'event')} again: {faults[0]}",
        retryable=not all(fault.asks_for_a_person for fault in faults),
        # 503: a shard is away. Other faults of the server may lie in the event.
        ambiguous=any(fault.status >= 500 and fault.status != 503 for fault in faults),
        status=faults[0].status,
    )


def _fault(status: int, error: object) -> _Fault:
    if not isinstance(error, Mapping):
        return _Fault(status, None, None)
    kind, reason = error.get("type"), error.get("reason")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return _Fault(status, None, None)
    setting = None
    if status == 400 and (reason is None or isinstance(reason, str)):
        setting = next(
            (hint for known, text, hint in _SETTINGS if known == kind and text.match(reason or "")),
            None,
        )
    return _Fault(status, kind, setting)
