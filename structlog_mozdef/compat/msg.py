"""The class of mozdef_lib, which mozdef_client has as well."""

from __future__ import annotations

from copy import copy
from typing import Any

from structlog_mozdef.compat import _delivery
from structlog_mozdef.compat._destinations import HTTPDestination, SQSDestination, bulk_for
from structlog_mozdef.compat._documents import (
    DEFAULT_SOURCE,
    encode_document,
    flattened,
    host_name,
    pretty,
    process_name,
    severity_name,
)
from structlog_mozdef.compat._log_attribute import ClassLog, attributes_now, attributes_set
from structlog_mozdef.compat._session import SessionAttribute, session_of, settings_of
from structlog_mozdef.compat._sinks import Destination
from structlog_mozdef.compat._timestamps import timestamp_of
from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.process import identity
from structlog_mozdef.rendering.fields import list_of_tags

_MISSING: Any = object()


class MozDefMsg:
    """Send events to MozDef: ``MozDefMsg(url, tags=["bro"]).send("knock knock")``.

    Every attribute can be set on the class, for all instances, or on one instance.

    Args:
        mozdef_hostname: the URL of MozDef; mozdef_client's name ``hostname=`` works as well.
        summary, category, severity, tags, details, source: of events that are sent without one.

    Attributes:
        log: the "internal attributes": what is set here is sent by this instance. ``timestamp``,
            ``hostname``, ``processid`` and ``processname`` replace what would be sent; other
            keys are sent at top level.
        fire_and_forget_mode: True (default): `send` returns immediately, and a background thread
            delivers and retries. False: `send` waits for the answer and raises `MozDefError` for
            anything but success.
        verify_certificate: True (default), False (anybody can read and change what is sent), or
            the path of a CA bundle.
        sendToSyslog, syslogOnly: send to the local syslog as well, or nowhere else.
        seal: a key file: events get a number and a seal, as by `structlog_mozdef.Sink`. What `send`
            could not deliver, and has raised for, is missing in the record.
        sink: a `structlog_mozdef.Sink` that takes the events instead of one of this package's own;
            only with ``fire_and_forget_mode``. With its options events wait on disk, or are sealed.
        sendToSqs, sqsQueueName, sqsAWSAccountId, sqsRegion: send to SQS instead. Needs boto3.
        debug: print the event as well.
        httpsession: its auth, cert, headers, proxies and trust_env are used.
    """

    summary: Any = None
    category: Any = "event"
    severity: Any = "INFO"
    tags: Any = []  # noqa: RUF012 - each instance has a copy
    details: Any = {}  # noqa: RUF012
    source: Any = DEFAULT_SOURCE
    log: Any = ClassLog()  # for all instances, as in mozdef_lib

    fire_and_forget_mode: Any = True
    verify_certificate: Any = True
    seal: Any = None
    sink: Any = None
    debug: Any = False
    sendToSyslog: Any = False  # noqa: N815 - the names of the old clients
    syslogOnly: Any = False  # noqa: N815
    sendToSqs: Any = False  # noqa: N815
    sqsQueueName: Any = None  # noqa: N815
    sqsAWSAccountId: Any = None  # noqa: N815
    sqsRegion: Any = None  # noqa: N815
    httpsession: Any = SessionAttribute()

    def __init__(
        self,
        mozdef_hostname: Any = _MISSING,
        summary: Any = None,
        category: Any = None,
        severity: Any = None,
        *others: Any,
        **options: Any,
    ) -> None:
        if mozdef_hostname is _MISSING:
            mozdef_hostname = options.pop("hostname", _MISSING)
        if mozdef_hostname is _MISSING:
            raise TypeError("MozDefMsg() needs mozdef_hostname, the URL of MozDef")
        options = _options(others, options)
        self.mozdef_hostname = mozdef_hostname
        for name, value in (("summary", summary), ("category", category), ("severity", severity)):
            if value is not None:
                setattr(self, name, value)
        if options["source"] is not None:
            self.source = options["source"]
        # Copies of the class's, so that instances do not share them by accident.
        for name in ("tags", "details"):
            given = options[name]
            setattr(self, name, copy(getattr(type(self), name)) if given is None else given)
        # As in mozdef_lib, these can be read. What has not changed when an event is sent was not
        # set by the program, and is determined again.
        self.log = {**attributes_now(), "severity": self.severity, "category": self.category}
        self._initial_log = {**self.log, "tags": [], "details": {}}

    @property
    def hostname(self) -> Any:
        """The URL of MozDef, as mozdef_client calls it."""
        return self.mozdef_hostname

    @hostname.setter
    def hostname(self, url: Any) -> None:
        self.mozdef_hostname = url

    def send(  # noqa: PLR0917 - as in the old clients
        self,
        summary: Any = None,
        category: Any = None,
        severity: Any = None,
        tags: Any = None,
        details: Any = None,
        source: Any = None,
    ) -> None:
        """Send an event. What is None comes from ``log`` or from the instance.

        Raises:
            MozDefError: details is not a dict, tags is not a list, or there is no summary; unless
                ``fire_and_forget_mode``, also anything but success.
        """
        document = self._document(
            {
                "summary": summary,
                "category": category,
                "severity": severity,
                "tags": tags,
                "details": details,
                "source": source,
            }
        )
        event = encode_document(document, None if self.sendToSqs else self.mozdef_hostname)
        if self.debug:
            print(pretty(event))  # noqa: T201 - what it is for
        fire_and_forget = bool(self.fire_and_forget_mode)
        if self.sendToSyslog:
            must = bool(self.syslogOnly and not fire_and_forget)
            _delivery.shared.write_syslog(flattened(event), document["severity"], must=must)
        if self.syslogOnly:
            return

        def destination() -> Destination:
            if self.sendToSqs:
                return SQSDestination(
                    self.sqsQueueName, self.sqsAWSAccountId, self.sqsRegion, self.seal
                )
            return HTTPDestination(
                self.mozdef_hostname,
                self.verify_certificate,
                settings_of(session_of(self, "httpsession")),
                bulk=bulk_for(document, fire_and_forget=fire_and_forget),
                seal=self.seal,
            )

        _delivery.shared.deliver(
            destination, event, fire_and_forget=fire_and_forget, sink=self.sink
        )

    def _document(self, given: dict[str, Any]) -> dict[Any, Any]:
        logs = attributes_set(self)
        logged: dict[Any, Any] = {}
        for log in logs:
            logged.update(log)
        details: dict[Any, Any] = {}
        for part in self._parts("details", given, logs):
            if not issubclass(type(part), dict):
                raise MozDefError("details must be a dict")
            details.update(part if type(part) is dict else dict.items(part))
        tags: list[Any] = []
        for part in self._parts("tags", given, logs):
            # mozdef_lib accepted lists only, mozdef_client everything that is a list in JSON.
            if not issubclass(type(part), (list, tuple)):
                raise MozDefError("tags must be a list")
            tags += part
        summary = self._first("summary", given, logged)
        if summary is None:
            raise MozDefError("Summary is a required field")
        source = self._first("source", given, logged)
        return {
            "hostname": host_name(),
            "processid": identity.process_id(),
            "processname": process_name(),
            **logged,
            "timestamp": timestamp_of(logged.get("timestamp")),
            "category": self._first("category", given, logged),
            "severity": severity_name(self._first("severity", given, logged)),
            "source": DEFAULT_SOURCE if source is None else source,
            "summary": summary,
            "tags": list_of_tags(tags),
            "details": details,
        }

    def _first(self, name: str, given: dict[str, Any], logged: dict[Any, Any]) -> Any:
        if given[name] is not None:
            return given[name]
        value = logged.get(name)
        return getattr(self, name) if value is None else value

    def _parts(self, name: str, given: dict[str, Any], logs: list[dict[Any, Any]]) -> list[Any]:
        """Return the tags or details to merge: *given*, or those of the instance and of ``log``."""
        if given[name] is not None:
            return [given[name]]
        parts = [log.get(name) for log in logs]
        return [getattr(self, name), *(part for part in parts if part is not None)]


def _options(others: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return the last arguments of `MozDefMsg` by name.

    In mozdef_lib, tags and details are the next positional arguments; mozdef_client has the source
    before them.
    """
    names = ("tags", "details", "source")
    kinds: tuple[Any, ...] = (str, (list, tuple), dict)
    if any(isinstance(value, kind) for value, kind in zip(others, kinds, strict=False)):
        names = ("source", "tags", "details")
    if len(others) > len(names):
        raise TypeError(f"MozDefMsg() takes at most 7 arguments, {4 + len(others)} were given")
    by_position = dict(zip(names, others, strict=False))
    for name in options:
        if name not in names:
            raise TypeError(f"MozDefMsg() got an unexpected keyword argument {name!r}")
        if name in by_position:
            raise TypeError(f"MozDefMsg() got multiple values for argument {name!r}")
    return {**dict.fromkeys(names), **by_position, **options}
