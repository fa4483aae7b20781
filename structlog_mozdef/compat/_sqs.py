"""Amazon SQS, by the transport of the sinks, which is loaded only when a program sends there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from structlog_mozdef.compat import _delivery
from structlog_mozdef.transports.base import Transport


@dataclass(frozen=True)
class SQSDestination:
    """A queue.

    Attributes:
        queue: its name.
        account: the AWS account that owns it, or None for one's own.
        region: the AWS region, or None for the one that boto3 is configured for.
    """

    queue: Any
    account: Any = None
    region: Any = None

    failure = "message failed to send to SQS"

    def transport(self) -> Transport:
        from structlog_mozdef.transports.sqs import SQSTransport

        if not isinstance(self.queue, str) or not self.queue:
            raise ValueError(f"the name of the SQS queue is {self.queue!r}; it must be text")
        return SQSTransport(
            f"sqs://{quote(self.queue, safe='')}",
            region=self.region,
            account=None if self.account is None else str(self.account),
            connect_timeout=_delivery.CONNECT_TIMEOUT,
            read_timeout=_delivery.READ_TIMEOUT,
        )
