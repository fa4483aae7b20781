"""A server that answers ``/_bulk`` as Elasticsearch and OpenSearch do, for tests.

``tests/elasticsearch`` has real ones of three versions. Here, the form of the answers and their
texts are from public sources, which are named at each. The parsing of a request is that of the
documentation: an action line and a document by turns, each ended by a newline.

- [bulk7], [bulk8], [bulk9]: "Bulk API" of the Elasticsearch references 7.17, 8 and 9: response.
- [osbulk]: "Bulk" of the OpenSearch documentation 1.x to 3.x, response.
- A class name is that of the source file, of Elasticsearch unless OpenSearch is named, that makes
  the text.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from support.receivers import Receiver, Request, answer

#: name -> status, type, reason.
ERRORS = {
    # MapperParsingException, FieldMapper: up to 8.7, and OpenSearch.
    "mapping": (
        400,
        "mapper_parsing_exception",
        (
            "failed to parse field [details.sourceipaddress] of type [ip] in document with id 'x'."
            " Preview of field's value: 's3cret'"
        ),
    ),
    # DocumentParsingException: since 8.8.
    "document": (
        400,
        "document_parsing_exception",
        (
            "[1:42] failed to parse field [details.sourceipaddress] of type [ip] in document with"
            " id 'x'. Preview of field's value: 's3cret'"
        ),
    ),
    # StrictDynamicMappingException.
    "strict": (
        400,
        "strict_dynamic_mapping_exception",
        "mapping set to strict, dynamic introduction of [s3cret] within [_doc] is not allowed",
    ),
    # MapperService.checkTotalFieldsLimit.
    "fields": (400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded"),
    # DataStreamTimestampFieldMapper, within a MapperParsingException.
    "timestamp": (
        400,
        "mapper_parsing_exception",
        "failed to parse: data stream timestamp field [@timestamp] is missing",
    ),
    # TransportBulkAction; BulkOperation since 8.9.
    "data stream": (
        400,
        "illegal_argument_exception",
        "only write ops with an op_type of create are allowed in data streams",
    ),
    # IngestService.
    "pipeline": (400, "illegal_argument_exception", "pipeline with id [p] does not exist"),
    # IndexNameExpressionResolver.
    "alias": (
        400,
        "illegal_argument_exception",
        (
            "no write index is defined for alias [a]. The write index may be explicitly disabled"
            " using is_write_index=false or the alias points to multiple indices without one being"
            " designated as a write index"
        ),
    ),
    # ShardLimitValidator: validation_exception up to 7.x, and OpenSearch.
    "shards": (
        400,
        "validation_exception",
        (
            "Validation Failed: 1: this action would add [2] total shards, but this cluster"
            " currently has [1000]/[1000] maximum shards open;"
        ),
    ),
    # ShardLimitValidator, MetadataCreateIndexService.
    "shards 8": (
        400,
        "illegal_argument_exception",
        (
            "Validation Failed: 1: this action would add [2] shards, but this cluster currently has"
            " [1000]/[1000] maximum normal shards open;"
        ),
    ),
    # IndexClosedException.
    "closed": (400, "index_closed_exception", "closed"),
    # InvalidIndexNameException.
    "name": (400, "invalid_index_name_exception", "Invalid index name [A], must be lowercase"),
    # VersionConflictEngineException, InternalEngine.
    "conflict": (
        409,
        "version_conflict_engine_exception",
        "[x]: version conflict, document already exists (current version [1])",
    ),
    # EsRejectedExecutionException, IndexingPressure.
    "rejected": (
        429,
        "es_rejected_execution_exception",
        (
            "rejected execution of coordinating operation"
            " [coordinating_and_primary_bytes=104759862, replica_bytes=0, all_bytes=104759862,"
            " coordinating_operation_bytes=20862272,"
            " max_coordinating_and_primary_bytes=107374182]"
        ),
    ),
    # OpenSearchRejectedExecutionException of OpenSearch 2 and later: names lose the prefix.
    "rejected 2": (429, "rejected_execution_exception", "rejected execution of coordinating"),
    # CircuitBreakingException.
    "memory": (429, "circuit_breaking_exception", "[parent] Data too large, data for [<http>]"),
    # ClusterBlockException, IndexMetadata.INDEX_READ_ONLY_ALLOW_DELETE_BLOCK: up to 7.7.
    "flood": (
        403,
        "cluster_block_exception",
        "index [i] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];",
    ),
    # The same since 7.8, and OpenSearch.
    "flood 429": (
        429,
        "cluster_block_exception",
        (
            "index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark,"
            " index has read-only-allow-delete block];"
        ),
    ),
    # IndexMetadata.INDEX_READ_ONLY_BLOCK.
    "read-only": (
        403,
        "cluster_block_exception",
        "index [i] blocked by: [FORBIDDEN/5/index read-only (api)];",
    ),
    # NoMasterBlockService.
    "no master": (
        503,
        "cluster_block_exception",
        "blocked by: [SERVICE_UNAVAILABLE/2/no master];",
    ),
    # IndexNotFoundException, AutoCreateIndex.
    "no index": (
        404,
        "index_not_found_exception",
        "no such index [i] and [action.auto_create_index] is [false]",
    ),
    # UnavailableShardsException, TransportReplicationAction.
    "unavailable": (
        503,
        "unavailable_shards_exception",
        (
            "[i][0] primary shard is not active Timeout: [1m], request: [BulkShardRequest [[i][0]]"
            " containing [3] requests]"
        ),
    ),
    # AuthorizationService of x-pack.
    "rights": (
        403,
        "security_exception",
        (
            "action [indices:data/write/bulk[s]] is unauthorized for API key id [x] of user [u] on"
            " indices [i], this action is granted by the index privileges [create_doc,create,index]"
        ),
    ),
    # BaseRestHandler.
    "parameter": (
        400,
        "illegal_argument_exception",
        "request [/i/_bulk] contains unrecognized parameter: [nope]",
    ),
    # RestBulkAction, BulkRequestParser.
    "newline": (
        400,
        "illegal_argument_exception",
        "The bulk request must be terminated by a newline [\\n]",
    ),
    # BulkRequestParser.
    "action": (
        400,
        "illegal_argument_exception",
        (
            "Malformed action/metadata line [1], expected START_OBJECT or END_OBJECT but found"
            " [START_ARRAY]"
        ),
    ),
    # RestController of x-pack: SecurityRestFilter.
    "credentials": (
        401,
        "security_exception",
        "missing authentication credentials for REST request [/i/_bulk]",
    ),
}


class Elastic(Receiver):
    """One index, or a data stream, behind ``/i/_bulk``; a context manager.

    Args:
        data_stream: it accepts ``create`` only, and documents with ``@timestamp`` only.
        api_key: id and key that a request must have, or None.
        typed: answers have ``_type``, as those of Elasticsearch 7 and OpenSearch 1.
    """

    def __init__(
        self,
        *,
        data_stream: bool = False,
        api_key: tuple[str, str] | None = None,
        typed: bool = False,
    ) -> None:
        super().__init__(self._answer_of)
        #: What is stored: _id -> document, in order.
        self.stored: dict[str, bytes] = {}
        #: Action lines, and documents as they came.
        self.actions: list[dict] = []
        self.documents: list[bytes] = []
        #: document -> the name of its error, or None.
        self.fault: Any = lambda document: None
        #: The name of an error of the request, or None.
        self.fault_of_all: str | None = None
        self._data_stream = data_stream
        self._api_key = api_key
        self._typed = typed

    @property
    def url(self) -> str:
        return f"{self.base}/i/_bulk"

    def summaries(self) -> list[str]:
        return [json.loads(document)["summary"] for document in self.stored.values()]

    def _answer_of(self, request: Request) -> bytes:
        if self.fault_of_all is not None:
            return error_answer(self.fault_of_all)
        if self._api_key is not None:
            # "Token-based authentication services" of the reference: the base64 of id:key.
            token = base64.b64encode(":".join(self._api_key).encode()).decode()
            if request.headers.get("authorization") != f"ApiKey {token}":
                return error_answer("credentials")
        if not request.body.endswith(b"\n"):
            return error_answer("newline")
        if request.body.startswith(b"["):
            return error_answer("action")
        lines = request.body.split(b"\n")[:-1]
        items = [
            self._store(json.loads(line), document)
            for line, document in zip(lines[::2], lines[1::2], strict=True)
        ]
        failed = any("error" in next(iter(item.values())) for item in items)
        body = {"took": 30, "errors": failed, "items": items}
        return answer(200, json.dumps(body).encode(), X_elastic_product="Elasticsearch")

    def _store(self, line: dict, document: bytes) -> dict:
        ((action, target),) = line.items()
        self.actions.append(line)
        self.documents.append(document)
        name = target.get("_id", f"auto-{len(self.documents)}")
        found = self.fault(document) or self._fault_of(action, name, document)
        item: dict[str, Any] = {"_index": "i", "_id": name}
        if self._typed:
            item["_type"] = "_doc"  # [bulk7], [osbulk] 1.x
        if found is not None:
            status, kind, reason = ERRORS[found]
            item |= {"status": status, "error": {"type": kind, "reason": reason}}
        else:
            is_new = name not in self.stored
            self.stored[name] = document
            # [bulk8], [bulk9], [osbulk].
            item |= {
                "_version": 1 if is_new else 2,
                "result": "created" if is_new else "updated",
                "_shards": {"total": 2, "successful": 1, "failed": 0},
                "_seq_no": len(self.stored),
                "_primary_term": 1,
                "status": 201 if is_new else 200,
            }
        return {action: item}

    def _fault_of(self, action: str, name: str, document: bytes) -> str | None:
        if self._data_stream and action != "create":
            return "data stream"
        if self._data_stream and "@timestamp" not in json.loads(document):
            return "timestamp"
        return "conflict" if action == "create" and name in self.stored else None


def error_answer(name: str) -> bytes:
    """The answer to a request that failed; its form is in "REST API: error responses"."""
    status, kind, reason = ERRORS[name]
    cause = {"type": kind, "reason": reason}
    body = {"error": {"root_cause": [cause], **cause}, "status": status}
    return answer(status, json.dumps(body).encode(), Content_Type="application/json")
