"""What errors of AWS and of boto3 mean for the events, as one sentence without secrets.

Amazon's own messages can quote a session token or the complete request that was signed; only the
code is passed on. Codes: the reference of the API at docs.aws.amazon.com, SendMessageBatch,
GetQueueUrl and "Common Errors".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.errors import certificate_error, contains, describe

# The events are to blame: sending them again cannot work.
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

# Errors of botocore, by name, so that only `client` loads it.
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


def _code_of(value: object) -> str:
    """Return a code of Amazon's, without the prefix that some protocols put before it."""
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        return "unknown"
    return _PREFIX.sub("", value)


def entry_error(entry: Mapping[str, Any], *, repeats_harmless: bool) -> TransportError:
    """Return what a ``Failed`` entry means; `Rejected` where the event is to blame.

    Args:
        entry: of Amazon's answer.
        repeats_harmless: as for `call_error`.
    """
    code = _code_of(entry.get("Code"))
    if _THROTTLED.search(code):
        return TransportError(f"SQS is busy: {code}")
    if _is_setting(code):
        return TransportError(_setting_advice(code), retryable=False)
    if code in _PAYLOAD or entry.get("SenderFault"):
        return Rejected(code)
    # A fault of Amazon's own, perhaps in handling this event.
    return TransportError(f"SQS failed: {code}", ambiguous=not repeats_harmless)


def is_about_credentials(error: BaseException) -> bool:
    """Return whether botocore found no credentials, or could not fetch them."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return not kinds.isdisjoint((*_NO_CREDENTIALS, *_NOT_FETCHED))


def call_error(error: BaseException, *, sending: bool, repeats_harmless: bool) -> TransportError:
    """Return what an exception of boto3 means.

    Args:
        error: of any kind.
        sending: True where events were sent, False where the queue was looked up.
        repeats_harmless: True where Amazon recognises a repeat of an event that it has stored.
    """
    ambiguous = sending and not repeats_harmless
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        failure = _response_error(response, sending=sending, ambiguous=ambiguous)
        code = response.get("Error", {}).get("Code")
        failure.code = code if isinstance(code, str) and _CODE.fullmatch(code) else None
        return failure
    return _exception_error(error, ambiguous=ambiguous)


def _exception_error(error: BaseException, *, ambiguous: bool) -> TransportError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if (refused := certificate_error(error)) is not None:
        return refused
    if not kinds.isdisjoint(_NO_CREDENTIALS):
        # The machine's role, or a file, may come later than the program.
        return TransportError("boto3 finds no AWS credentials that it can use")
    if not kinds.isdisjoint(_NOT_FETCHED):
        return TransportError("the AWS credentials could not be fetched")  # an outage, perhaps
    if not kinds.isdisjoint(_NOT_SENT):
        return TransportError(f"could not connect to SQS: {describe(error)}")
    if "ReadTimeoutError" in kinds or contains(error, TimeoutError):
        return TransportError("no answer within the read timeout", ambiguous=ambiguous)
    what = "the connection was lost" if "HTTPClientError" in kinds else "the request failed"
    return TransportError(f"{what}: {describe(error)}", ambiguous=ambiguous)


def _response_error(
    response: Mapping[str, Any], *, sending: bool, ambiguous: bool
) -> TransportError:
    code = _code_of(response.get("Error", {}).get("Code"))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if _THROTTLED.search(code) or status in (408, 429):
        return TransportError(f"SQS is busy: {code}")
    if status >= 500:
        return TransportError(f"SQS failed: HTTP {status} {code}", ambiguous=ambiguous)
    if sending and code in _PAYLOAD:
        return Rejected(code)
    return TransportError(_setting_advice(code), retryable=False)


def _is_setting(code: str) -> bool:
    return code in _SETTINGS or code.startswith(("AccessDenied", "Kms", "KMS"))


def _setting_advice(code: str) -> str:
    if code.startswith("AccessDenied"):
        return f"{code}: sqs:GetQueueUrl and sqs:SendMessage must be allowed for the queue"
    if code in _NO_QUEUE:
        return f"{code}: check the name, the region and the account of the queue"
    if code in _CREDENTIALS:
        return f"{code}: check the AWS credentials and the clock"
    return f"{code}: check the settings of the queue"
