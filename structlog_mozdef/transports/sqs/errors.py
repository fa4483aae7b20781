"""What errors of AWS and of boto3 mean for the events, as one sentence without secrets.

Amazon's own texts can quote a session token or the whole request that was signed; only the code
is passed on. Codes: the reference of the API at docs.aws.amazon.com, SendMessageBatch, GetQueueUrl
and "Common Errors".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.errors import (
    certificate_fault,
    describe,
    exception_chain,
    has_kind,
)

# Of the events: the same again cannot work.
_PAYLOAD = frozenset({"InvalidMessageContents", "BatchRequestTooLong", "InvalidParameterValue"})
_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NO_QUEUE = frozenset({"QueueDoesNotExist", "NonExistentQueue", "InvalidAddress"})
_SETTINGS = _CREDENTIALS | _NO_QUEUE | {"UnsupportedOperation"}
_THROTTLED = re.compile("throttl|TooManyRequests|SlowDown|RequestLimitExceeded", re.IGNORECASE)
_CODE = re.compile(r"[\w.:#-]{1,100}")
_PREFIX = re.compile(r".*[.#](?=\w+\Z)")

# Errors of botocore, by name, so that it is loaded in one place.
_NOT_SENT = ("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError")
_NOT_FETCHED = ("CredentialRetrievalError", "MetadataRetrievalError")
_NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "NoAuthTokenError",
    "SSOError",
    "LoginError",
    "TokenRetrievalError",
    "RefreshWithMFAUnsupportedError",
)


def code_of(value: object) -> str:
    """A code of Amazon's, without the prefix that some protocols put before it."""
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        return "unknown"
    return _PREFIX.sub("", value)


def error_of_entry(entry: Mapping[str, Any], *, repeats_harmless: bool) -> TransportError:
    """What a ``Failed`` entry means; `Rejected` where the event is to blame."""
    code = code_of(entry.get("Code"))
    if _THROTTLED.search(code):
        return TransportError(f"SQS is busy: {code}")
    if _is_setting(code):
        return TransportError(_about_settings(code), retryable=False)
    if code in _PAYLOAD or entry.get("SenderFault"):
        return Rejected(code)
    # A fault of Amazon's own; it could lie in how the event is handled there.
    return TransportError(f"SQS failed: {code}", ambiguous=not repeats_harmless)


def error_of_call(error: BaseException, *, sending: bool, repeats_harmless: bool) -> TransportError:
    """What an exception of boto3 means.

    Args:
        error: of any kind.
        sending: True where events were sent, False where the queue was looked up.
        repeats_harmless: True where Amazon knows a repeat of what was perhaps stored.
    """
    if isinstance(error, TransportError):
        return error
    ambiguous = sending and not repeats_harmless
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return _told_by_aws(response, sending=sending, ambiguous=ambiguous)
    return _told_by_boto3(error, ambiguous=ambiguous)


def _told_by_boto3(error: BaseException, *, ambiguous: bool) -> TransportError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    chain = exception_chain(error)
    if fault := certificate_fault(chain):
        return TransportError(f"the certificate of the server is refused: {fault}", retryable=False)
    if not kinds.isdisjoint(_NO_CREDENTIALS):
        return TransportError("boto3 finds no AWS credentials that it can use", retryable=False)
    if not kinds.isdisjoint(_NOT_FETCHED):
        return TransportError("the AWS credentials could not be fetched")  # an outage, perhaps
    if not kinds.isdisjoint(_NOT_SENT):
        return TransportError(f"could not connect to SQS: {describe(chain)}")
    if "ReadTimeoutError" in kinds or has_kind(chain, TimeoutError):
        return TransportError("no answer within the read time-out", ambiguous=ambiguous)
    what = "the connection was lost" if "HTTPClientError" in kinds else "the request failed"
    return TransportError(f"{what}: {describe(chain)}", ambiguous=ambiguous)


def _told_by_aws(response: Mapping[str, Any], *, sending: bool, ambiguous: bool) -> TransportError:
    code = code_of(response.get("Error", {}).get("Code"))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if _THROTTLED.search(code) or status in (408, 429):
        return TransportError(f"SQS is busy: {code}")
    if status >= 500:
        return TransportError(f"SQS failed: HTTP {status} {code}", ambiguous=ambiguous)
    if sending and code in _PAYLOAD:
        return Rejected(code)
    return TransportError(_about_settings(code), retryable=False)


def _is_setting(code: str) -> bool:
    return code in _SETTINGS or code.startswith(("AccessDenied", "Kms", "KMS"))


def _about_settings(code: str) -> str:
    if code.startswith("AccessDenied"):
        return f"{code}: sqs:GetQueueUrl and sqs:SendMessage must be allowed for the queue"
    if code in _NO_QUEUE:
        return f"{code}: check the name, the region and the account of the queue"
    if code in _CREDENTIALS:
        return f"{code}: check the AWS credentials and the clock"
    return f"{code}: check the settings of the queue"
