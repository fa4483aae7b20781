"""The destinations of the old classes: a URL of MozDef, or a queue of Amazon SQS.

Each transport is loaded only when a program sends there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.compat._session import UNTOUCHED, SessionSettings
from structlog_mozdef.transports.base import Transport

#: Seconds. MozDef with a dead broker answers after 10 to 19.
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0


@dataclass(frozen=True, repr=False)  # it holds credentials
class HTTPDestination:
    """A URL of MozDef.

    Attributes:
        url: of MozDef.
        verify: True, False, or the path of a CA bundle.
        session: what the program has set on its session.
        bulk: as for `HTTPTransport`.
        seal: the key file that seals events, or None.
        connect_timeout, read_timeout: in seconds.
    """

    url: Any
    verify: Any = True
    session: SessionSettings = UNTOUCHED
    bulk: Literal["auto"] | bool = False
    seal: Any = None
    connect_timeout: float = CONNECT_TIMEOUT
    read_timeout: float = READ_TIMEOUT

    failure = "POST failed"

    def transport(self, own_log: RateLimitedLogger) -> Transport:
        from structlog_mozdef.transports.http import HTTPTransport

        if self.session.ignored:
            names = ", ".join(self.session.ignored)
            own_log.warn("session", f"httpsession has {names}, which are no longer used")
        verify = self.verify
        if not isinstance(verify, (str, os.PathLike)):
            verify = verify is None or bool(verify)
        return HTTPTransport(
            self.url,
            bulk=self.bulk,
            verify=verify,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            own_log=own_log,
            **self.session.options(),
        )


def bulk_for(document: dict[Any, Any], *, fire_and_forget: bool) -> Literal["auto"] | bool:
    """Return the option ``bulk`` of `HTTPTransport` for *document*.

    Only events that nobody waits for may be sent in batches to MozDef's ``/_bulk``, which reads an
    event with a key "index" as an instruction and loses it.
    """
    return "auto" if fire_and_forget and "index" not in document else False


@dataclass(frozen=True)
class SQSDestination:
    """A queue of Amazon SQS.

    Attributes:
        queue: its name.
        account: the AWS account that owns it, or None for the program's own.
        region: the AWS region, or None for the one that boto3 is configured for.
        seal: the key file that seals events, or None.
        connect_timeout, read_timeout: in seconds.
    """

    queue: Any
    account: Any = None
    region: Any = None
    seal: Any = None
    connect_timeout: float = CONNECT_TIMEOUT
    read_timeout: float = READ_TIMEOUT

    failure = "message failed to send to SQS"

    def transport(self, own_log: RateLimitedLogger) -> Transport:
        from structlog_mozdef.transports.sqs import SQSTransport

        if not isinstance(self.queue, str) or not self.queue:
            raise ValueError(f"the SQS queue is {self.queue!r}; it must be a non-empty string")
        return SQSTransport(
            f"sqs://{quote(self.queue, safe='')}",
            region=self.region,
            account=None if self.account is None else str(self.account),
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
        )
