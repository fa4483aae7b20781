"""The error of a queue of Amazon SQS. Loaded only when there is one: it needs boto3's library."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from structlog_mozdef.exceptions import MozDefError


class SQSError(MozDefError, ClientError):  # type: ignore[misc]
    """Amazon refused an event, or the queue. mozdef_client let boto3's `ClientError` through.

    Args:
        msg: the message.
        code: Amazon's, which is in ``response`` as well.
    """

    def __init__(self, msg: str, code: str) -> None:
        Exception.__init__(self, msg)
        self.msg = msg
        self.response: dict[str, Any] = {"Error": {"Code": code, "Message": msg}}
        self.operation_name = "SendMessage"

    def __reduce__(self) -> tuple[type, tuple[object, str]]:
        return type(self), (self.msg, self.response["Error"]["Code"])
