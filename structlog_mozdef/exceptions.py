"""The errors of this package.

A log call raises none of them: they come from constructors, from transports to the sink, and from
the command line.
"""

from __future__ import annotations


class MozDefError(Exception):
    """The base of every error that this package raises by itself.

    Args:
        msg: the message.

    Attributes:
        msg: the message, under the name that it had in ``mozdef_client``. It can be set.
    """

    def __init__(self, msg: object = "") -> None:
        super().__init__(msg)
        self.msg = msg

    def __str__(self) -> str:
        return str(self.msg)


class TransportError(MozDefError):
    """Sending a batch failed: no event of it is known to be delivered.

    Args:
        message: what happened, in one sentence, without credentials.
        retryable: True if another attempt soon makes sense (an outage); False if somebody has to
            change a setting first (401, 403, 404, a redirect, a certificate): the events are kept,
            and attempts are rare.
        retry_after: seconds that the server asked to wait, or None.
        ambiguous: True if the events may be stored nevertheless, or if the server
            may lose what it accepts right after it recovers (5xx, a timeout).
        status: the HTTP status of the destination's answer; None where there was none, or where
            it was a proxy's.
        code: Amazon's code for what is wrong, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = True,
        retry_after: float | None = None,
        ambiguous: bool = False,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.ambiguous = ambiguous
        self.status = status
        self.code = code


class Rejected(TransportError):  # noqa: N818 - it names what happened to the events, not a fault of ours
    """The server blames the payload: it will never accept one or more of the events."""


class SpoolError(MozDefError):
    """A spool folder cannot be used."""


class CollectorError(MozDefError):
    """The collector cannot start: its address, database or certificate cannot be used."""


class AuditError(MozDefError):
    """A record cannot be read, or not completely: nothing can be said about it."""
