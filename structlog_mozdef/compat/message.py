"""The base class of mozdef_client's messages."""

from __future__ import annotations

from typing import Any

from structlog_mozdef.compat import _delivery
from structlog_mozdef.compat._destinations import HTTPDestination, SQSDestination, bulk_for
from structlog_mozdef.compat._documents import encode_document, host_name
from structlog_mozdef.compat._session import SessionAttribute, session_of, settings_of
from structlog_mozdef.exceptions import MozDefError


class MozDefMessage:
    """The base class of messages for MozDef.

    `send` returns immediately, and a background thread delivers and retries; after
    ``set_fire_and_forget(False)`` it waits for the answer. To SQS it waits unless
    ``set_fire_and_forget(True)`` was called. Certificates are verified unless
    ``set_verify(False)`` was called.

    Args:
        url: of MozDef; checked when the message is sent.
    """

    MSGTYPE_NONE = 0
    MSGTYPE_EVENT = 1
    MSGTYPE_COMPLIANCE = 2
    MSGTYPE_VULNERABILITY = 3
    MSGTYPE_ASSETHINT = 4
    MSGTYPE_RRA = 5

    # Programs had no other way to set a proxy or credentials.
    _httpsession: Any = SessionAttribute()

    def __init__(self, url: Any) -> None:
        self._msgtype = self.MSGTYPE_NONE
        self.log: dict[Any, Any] = {}
        self.hostname: Any = host_name()
        self._sendlog: dict[Any, Any] = {}
        self._url = url
        self._send_to_syslog: Any = False
        self._syslog_only: Any = False
        self._send_to_sqs: Any = False
        self._sqs_queue_name: Any = None
        self._sqs_aws_account_id: Any = None
        self._sqs_region: Any = None
        # None until the program decides. mozdef_client had False, and waited for SQS only.
        self._fire_and_forget: Any = None
        self._verify_certificate: Any = True
        self._verify_path: Any = None
        self._seal: Any = None
        self._sink: Any = None

    def validate(self) -> bool:
        """Return whether the message can be constructed."""
        return True

    def validate_log(self) -> bool:
        """Return whether the constructed document can be sent."""
        return True

    def set_verify(self, f: Any) -> None:
        """Verify certificates, or do not: then anybody can read and change what is sent."""
        self._verify_certificate = f

    def set_verify_path(self, p: Any) -> None:
        """Verify certificates by the CA bundle *p*."""
        self._verify_path = p

    def set_fire_and_forget(self, f: Any) -> None:
        """Let `send` return immediately, or wait for the answer and raise anything but success."""
        self._fire_and_forget = f

    def set_seal(self, path: Any) -> None:
        """Seal events by the key file *path*; see `MozDefMsg`. Other messages have no seal."""
        self._seal = path

    def set_sink(self, sink: Any) -> None:
        """Put messages into *sink*, a `structlog_mozdef.Sink`; see `MozDefMsg`."""
        self._sink = sink

    def set_sqs_queue_name(self, f: Any) -> None:
        """Set the name of the SQS queue."""
        self._sqs_queue_name = f

    def set_sqs_aws_account_id(self, f: Any) -> None:
        """Set the AWS account that owns the queue, if it is not the program's own."""
        self._sqs_aws_account_id = f

    def set_sqs_region(self, f: Any) -> None:
        """Set the AWS region of the queue."""
        self._sqs_region = f

    def set_send_to_sqs(self, f: Any) -> None:
        """Send to SQS instead of the URL. Needs boto3."""
        self._send_to_sqs = f

    def set_send_to_syslog(self, f: Any, only_syslog: Any = False) -> None:
        """Send to the local syslog as well, or (*only_syslog*) nowhere else."""
        self._send_to_syslog = f
        self._syslog_only = only_syslog

    def syslog_convert(self) -> str:
        """Return the constructed document as a line for syslog."""
        raise MozDefError("message type does not support syslog conversion")

    def construct(self) -> None:
        """Construct the document that is sent, in ``self._sendlog``."""
        raise MozDefError("subclass of MozDefMessage must override construct()")

    def send_syslog(self) -> None:
        """Send the constructed document to the local syslog."""
        raise MozDefError("message type does not support syslog submission")

    def send_sqs(self) -> None:
        """Send the constructed document to SQS."""
        _delivery.shared.deliver(
            lambda: SQSDestination(
                self._sqs_queue_name, self._sqs_aws_account_id, self._sqs_region, self._seal
            ),
            encode_document(self._sendlog),
            fire_and_forget=bool(self._fire_and_forget) or self._returns_into_sink(),
            sink=self._sink,
        )

    def _returns_immediately(self) -> bool:
        return self._fire_and_forget is None or bool(self._fire_and_forget)

    def _returns_into_sink(self) -> bool:
        return self._sink is not None and self._fire_and_forget is None

    def send(self) -> None:
        """Validate, construct and send.

        Raises:
            MozDefError: the message is not valid. If `send` waits, also anything but success.
        """
        if not self.validate():
            raise MozDefError("message failed validation")
        self.construct()
        if not self.validate_log():
            raise MozDefError("message failed post construct validation")
        if self._send_to_syslog:
            self.send_syslog()
            if self._syslog_only:
                return
        if self._send_to_sqs:
            self.send_sqs()
        else:
            self._post()

    def _post(self) -> None:
        verify = self._verify_certificate
        if verify and self._verify_path is not None:
            verify = self._verify_path
        fire_and_forget = self._returns_immediately()
        _delivery.shared.deliver(
            lambda: HTTPDestination(
                self._url,
                verify,
                settings_of(session_of(self, "_httpsession")),
                bulk=bulk_for(self._sendlog, fire_and_forget=fire_and_forget),
                seal=self._seal,
            ),
            encode_document(self._sendlog, self._url),
            fire_and_forget=fire_and_forget,
            sink=self._sink,
        )
