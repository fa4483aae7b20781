"""Events over HTTP and HTTPS, as MozDef reads them.

Batches go to ``/_bulk`` where it exists, as NDJSON with an action line before each event: that is
right on every version of MozDef, for one event as well, and on Elasticsearch and OpenSearch.
Elsewhere each event is a request of its own over a kept connection. Bodies have a Content-Length
and are neither chunked nor compressed: MozDef reads nothing else.

Before: `structlog_mozdef.delivery` calls `HTTPTransport.send` with a batch. After: MozDef, or an
index of Elasticsearch or OpenSearch.

- this file: the options, and what becomes of a batch.
- `client`: one request and its answer, keep-alive, one retry; for any HTTP destination.
- `connection`: the sockets underneath, which urllib3 opens: bounded in time.
- `bulk`: the body of a batch.
- `responses`: what an answer means for the events; `bulk_errors`: what it says of single ones.
- `errors`: what an exception of requests or urllib3 means.
- `options`: checks of what a user sets.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - see HTTPTransport.__init__
import math
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Literal

from requests import PreparedRequest
from requests.auth import AuthBase

from structlog_mozdef._deadline import monotonic
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef._raised import clears_locals, shows_half_made
from structlog_mozdef._validate import LONGEST_DURATION, check_choice, check_number
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.http.bulk import (
    BulkFormat,
    bulk_url_of,
    is_bulk,
    no_such_url_of,
)
from structlog_mozdef.transports.http.client import HTTPClient
from structlog_mozdef.transports.http.options import (
    checked_api_key,
    checked_auth,
    checked_headers,
    checked_proxies,
    checked_verify,
)
from structlog_mozdef.transports.http.responses import result_of
from structlog_mozdef.transports.tls import checked_cert
from structlog_mozdef.transports.urls import parse_address

#: What some servers say to a path that they do not know; no gateway says it in an outage.
_SERVER_ERROR = frozenset({500})
#: For so long after a success of ``/_bulk`` it is known to be there, in seconds.
_BULK_SEEN_SECONDS = 10.0


class HTTPTransport:
    """Send events over HTTP to MozDef, or to another server that answers as it does.

    TLS certificates are verified, redirects are not followed, cookies and ``.netrc`` are ignored.
    Proxies and ``REQUESTS_CA_BUNDLE`` of the environment count, as for every program that uses
    requests.

    Args:
        url: ``https://host:8443/events``; a URL that ends in ``/_bulk`` is used as it is, and
            ``/custom/x`` and the like get one event a request. User and password in it are
            sent as basic authentication and shown nowhere.
        bulk: "auto" (default) asks once, by an empty POST, whether there is a ``/_bulk`` next
            to ``/events``, and once more after an outage. A server that accepts an empty POST to
            ``/_no_such_path`` as well has said nothing, and gets one event a request. False sends
            one event a request; True relies on ``/_bulk``.
        bulk_format: "ndjson" (default), or "array": a third faster, on MozDef 1.40 and later
            only; earlier versions lose every event silently.
        bulk_action: "index" (default), or "create": for a data stream of Elasticsearch or
            OpenSearch, which accepts nothing else. Events then get ``@timestamp`` as well, a copy
            of their ``timestamp``. MozDef would store junk.
        document_ids: True gives an event that has a stream and a sequence (`SequenceAdder`) an
            ``_id`` made of them, so that Elasticsearch and OpenSearch store it once, however
            often it is sent. Default False.
        verify: True (default), False (a warning), or the path of a CA bundle.
        cert: path of a client certificate with its key, or a pair of paths.
        auth: (user, password), or an authentication object of requests.
        api_key: of Elasticsearch: the string that it calls "encoded", or the pair of id and key.
        headers: added to each request.
        proxies: scheme -> URL; default: those of the environment.
        connect_timeout, read_timeout: seconds. Defaults 5 and 30; MozDef with a dead broker
            answers after 10 to 19 s, and delivers events all the same that were given up before.
        recovery_probes, recovery_pause: after a 5xx or a timeout, how many events must get
            through alone, and the seconds between them and the batch. Defaults 100 and 5: each
            process of MozDef loses what it accepts in its first seconds of renewed traffic, so
            that each has to be reached; for one of two processes, 20 are enough.

    Raises:
        ValueError: for a value that cannot work.
    """

    loggers = frozenset({"urllib3", "requests", "charset_normalizer"})
    confirms = True

    @clears_locals
    def __init__(
        self,
        url: str,
        *,
        bulk: Literal["auto"] | bool = "auto",
        bulk_format: Literal["ndjson", "array"] = "ndjson",
        bulk_action: Literal["index", "create"] = "index",
        document_ids: bool = False,
        verify: bool | str | PathLike[str] = True,
        cert: str | PathLike[str] | tuple[str | PathLike[str], str | PathLike[str]] | None = None,
        auth: tuple[str, str] | AuthBase | None = None,
        api_key: str | tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        recovery_probes: int = 100,
        recovery_pause: float = 5.0,
        own_log: RateLimitedLogger | None = None,
    ) -> None:
        # The modules above are loaded by the thread that configures: if the sender loaded them
        # with the first event, a fork in that moment would leave the child a lock forever.
        address = parse_address(url, ("https", "http"))
        if not address.path:
            raise ValueError(
                f"url is {address.name!r}; it must have a path, {address.name}/events for MozDef"
            )
        check_choice("bulk", bulk, ("auto", True, False))
        self._format = BulkFormat(address.path, bulk_format, bulk_action, document_ids)
        for name, value in (("connect", connect_timeout), ("read", read_timeout)):
            check_number(f"{name}_timeout", value, minimum=0.001, maximum=LONGEST_DURATION)
        check_number("recovery_probes", recovery_probes, minimum=0, integer=True)
        check_number("recovery_pause", recovery_pause, minimum=0, maximum=LONGEST_DURATION)
        self.name = address.name
        self.recovery_probes = recovery_probes
        self.recovery_pause = recovery_pause
        bulk_url = bulk_url_of(address.url, address.path, bulk)
        chosen_auth = checked_auth(auth) if auth is not None else address.credentials
        all_headers = checked_headers(headers)
        if api_key is not None:
            if chosen_auth is not None:
                raise ValueError("api_key is given as well as user and password; give one of them")
            all_headers["Authorization"] = checked_api_key(api_key)
        chosen_proxies = checked_proxies(proxies, address.url)
        trusted = checked_verify(verify)
        self._client = HTTPClient(
            self.name,
            auth=chosen_auth,
            headers=all_headers,
            verify=trusted,
            cert=checked_cert(cert),
            proxies=chosen_proxies,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )
        if verify is False and address.scheme == "https":
            (own_log or RateLimitedLogger()).warn(
                "verify",
                f"verify is False: anybody can read and change what is sent to {self.name}",
            )
        self._single = self._client.prepare(address.url, "application/json")
        self._bulk = None
        if bulk_url is not None:
            self._bulk = self._client.prepare(bulk_url, self._format.content_type)
            self._no_such = self._client.prepare(
                no_such_url_of(bulk_url), self._format.content_type
            )
        # Whether there is a /_bulk; None: to be asked.
        self._asks = bulk == "auto" and bulk_url is not None and not is_bulk(address.path)
        self._bulk_exists: bool | None = None if self._asks else bulk_url is not None
        self._bulk_seen = -math.inf

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Deliver *events*; see `structlog_mozdef.transports.base.Transport`."""
        try:
            if self._bulk_exists is None:
                self._bulk_exists = self._ask_for_bulk()
            if self._bulk_exists and self._bulk is not None:
                answer = self._client.post(self._bulk, self._format.body_of(events))
                result = result_of(answer, len(events))
                self._bulk_seen = monotonic()
                return result
            return self._send_singly(events)
        except Rejected:
            raise
        except TransportError as error:
            # One that was there a moment ago is not asked for after each of many failures.
            if not error.ambiguous or monotonic() - self._bulk_seen > _BULK_SEEN_SECONDS:
                self._ask_again()
            raise

    def _ask_again(self) -> None:
        if self._asks:
            self._bulk_exists = None  # what answers after an outage may be another version

    def _send_singly(self, events: Sequence[bytes]) -> SendResult:
        rejected: dict[int, str] = {}
        last_rejection: Rejected | None = None
        for index, event in enumerate(events):
            try:
                result_of(self._client.post(self._single, event), 1)
            except Rejected as error:
                rejected[index] = str(error)
                last_rejection = error
            except TransportError as error:
                if not index:
                    raise
                self._ask_again()
                return SendResult(rejected, range(index, len(events)), error)
        return SendResult(rejected, error=last_rejection) if rejected else ALL_ACCEPTED

    def _ask_for_bulk(self) -> bool:
        """Whether there is a ``/_bulk``.

        MozDef's answers an empty POST with 200, and stores nothing. Some servers say that to
        everything: their 200 counts only where a path that cannot exist gets another answer.
        """
        assert self._bulk is not None  # noqa: S101 - for the type checker: asked only where it is
        return self._accepts_nothing_at(self._bulk) and not self._accepts_nothing_at(
            self._no_such, proven=_SERVER_ERROR
        )

    def _accepts_nothing_at(
        self, request: PreparedRequest, proven: frozenset[int] = frozenset()
    ) -> bool:
        """Whether an empty POST is a success.

        Args:
            request: where to.
            proven: statuses of outages that are an answer here.

        Raises:
            TransportError: an outage, which proves nothing.
        """
        answer = self._client.post(request, b"")
        try:
            result_of(answer, 0)
        except Rejected:
            return False
        except TransportError as error:
            if error.retryable and error.status not in proven:
                raise
            return False  # forbidden, redirected, not found: the answer of /events will count
        return True

    def reconnect(self) -> None:
        """Let the next `send` open another connection: it may lead to another server."""
        self._client.close()

    def after_fork_in_child(self) -> None:
        """Close the parent's connection in this process, without a word on it."""
        self._client.close_after_fork()
        self._ask_again()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    @shows_half_made
    def __repr__(self) -> str:
        return f"<HTTPTransport to {self.name}>"
