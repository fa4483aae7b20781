"""Events over HTTP and HTTPS, as MozDef takes them.

Batches go to ``/_bulk`` where it exists, as NDJSON with an action line before each event: that is
right on every version of MozDef, for one event as well, and on Elasticsearch and OpenSearch.
Elsewhere each event is a request of its own over a kept connection. Bodies have a Content-Length
and are neither chunked nor compressed: MozDef takes nothing else.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - see HTTPTransport.__init__
import http.client
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import requests
from requests.auth import AuthBase
from requests.hooks import dispatch_hook

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef._validate import LONGEST_DURATION, check_choice, check_number
from structlog_mozdef._version import __version__
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED, SendResult
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.http.bulk import BulkFormat, bulk_url_of, is_bulk
from structlog_mozdef.transports.http.connection import BoundedAdapter
from structlog_mozdef.transports.http.errors import (
    ConnectionLost,
    error_before_answer,
    error_within_answer,
)
from structlog_mozdef.transports.http.options import (
    check_header_sizes,
    checked_api_key,
    checked_auth,
    checked_headers,
    checked_proxies,
    checked_verify,
)
from structlog_mozdef.transports.http.responses import delivery_of
from structlog_mozdef.transports.tls import checked_cert
from structlog_mozdef.transports.urls import parse_address

#: Longer answers are not read to their end.
_ANSWER_LIMIT_BYTES = 16 * 1024 * 1024
#: A kept connection that was idle for longer, in seconds, is likely to be closed by now.
_IDLE_LIMIT = 10.0


class HTTPTransport:
    """Send events to MozDef, or to another server with its manners, over HTTP.

    TLS certificates are verified, redirects refused, cookies and ``.netrc`` ignored. Proxies and
    ``REQUESTS_CA_BUNDLE`` of the environment count, as for every program that uses requests.

    Args:
        url: ``https://host:8443/events``; an address that ends in ``/_bulk`` is used as it is, and
            ``/custom/x`` and the like take one event a request. User and password in it are
            sent as basic authentication and shown nowhere.
        bulk: "auto" (default) asks once, by an empty POST, whether ``/_bulk`` stands beside
            ``/events``, and again after an outage; False sends one event a request; True takes
            it for granted.
        bulk_format: "ndjson" (default), or "array": a third faster, on MozDef 1.40 and later
            only; earlier versions lose every event without a word.
        bulk_action: "index" (default), or "create": for a data stream of Elasticsearch or
            OpenSearch, which takes nothing else. Events then get ``@timestamp`` as well, a copy
            of their ``timestamp``. MozDef would store junk.
        document_ids: True gives an event that has a stream and a sequence (`SequenceAdder`) an
            ``_id`` made of them, so that Elasticsearch and OpenSearch store it once, however
            often it is sent. Default False.
        verify: True (default), False (a warning), or the path of a CA bundle.
        cert: path of a client certificate with its key, or a pair of paths.
        auth: (user, password), or an authentication object of requests.
        api_key: of Elasticsearch: the text that it calls "encoded", or the pair of id and key.
        headers: added to each request.
        proxies: scheme -> URL; default: those of the environment.
        connect_timeout, read_timeout: seconds. Defaults 5 and 30; MozDef with a dead broker
            answers after 10 to 19 s, and delivers events all the same that were given up before.
        recovery_probes, recovery_pause: after a 5xx or a time-out, how many events must get
            through alone, and the seconds between them and the batch. Defaults 3 and 5: MozDef
            loses what it accepts in the first seconds of renewed traffic.

    Raises:
        ValueError: for a value that cannot work.
    """

    loggers = frozenset({"urllib3", "requests", "charset_normalizer"})
    confirms = True

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
        recovery_probes: int = 3,
        recovery_pause: float = 5.0,
        own_log: RateLimitedLogger | None = None,
    ) -> None:
        # The modules above are loaded here, by whoever configures: were the sender to load them
        # with the first event, a fork in that moment would leave the child a lock for ever.
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
        self._timeout = (connect_timeout, read_timeout)
        self._url = address.url
        self._bulk_url = bulk_url_of(address.url, address.path, bulk)
        # None: to be asked. An address that ends in /_bulk needs no asking.
        self._bulk_exists: bool | None = None if bulk == "auto" else bool(bulk)
        if is_bulk(address.path):
            self._bulk_exists = True
        elif self._bulk_url is None:
            self._bulk_exists = False
        self._asks = self._bulk_exists is None
        self._auth = checked_auth(auth) if auth is not None else address.credentials
        self._headers = checked_headers(headers)
        if api_key is not None:
            if self._auth is not None:
                raise ValueError("api_key is given beside a user and password; give one of them")
            self._headers["Authorization"] = checked_api_key(api_key)
        self._proxies = checked_proxies(proxies, self._url)
        self._verify = checked_verify(verify)
        self._cert = checked_cert(cert)
        if verify is False and address.scheme == "https":
            (own_log or RateLimitedLogger()).warn(
                "verify",
                f"verify is False: anybody can read and change what is sent to {self.name}",
            )
        self._open()

    def _open(self) -> None:
        self._adapter = BoundedAdapter(self._timeout[1])
        # Prepared once; only the body and its length change from one request to the next.
        self._single = self._prepare(self._url, "application/json")
        self._bulk = None
        if self._bulk_url is not None:
            self._bulk = self._prepare(self._bulk_url, self._format.content_type)
        self._kept = False
        self._last_used = 0.0

    def _prepare(self, url: str, content_type: str) -> requests.PreparedRequest:
        headers = {
            "User-Agent": f"structlog-mozdef/{__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "keep-alive",
            "Content-Type": content_type,
            **self._headers,
        }
        # A tuple becomes a header that stays; an object of requests may sign each body.
        auth: Any = None
        if isinstance(self._auth, tuple):
            auth = tuple(part.encode("utf-8") for part in self._auth)
        prepared = requests.PreparedRequest()
        try:
            prepared.prepare(method="POST", url=url, headers=headers, auth=auth)
            is_valid = True
        except (requests.exceptions.RequestException, ValueError):
            is_valid = False  # its text quotes the URL: ours is raised outside of the except
        if not is_valid:
            raise ValueError(f"url is {self.name!r}; its host is malformed")
        check_header_sizes(prepared.headers)
        return prepared

    def send(self, events: Sequence[bytes]) -> SendResult:
        """Deliver *events*; see `structlog_mozdef.transports.base.Transport`."""
        try:
            if self._bulk_exists is None:
                self._bulk_exists = self._ask_for_bulk()
            if self._bulk_exists and self._bulk is not None:
                answer = self._post(self._bulk, self._format.body_of(events))
                return delivery_of(*answer, len(events))
            return self._send_singly(events)
        except Rejected:
            raise
        except TransportError:
            self._ask_again()
            raise

    def _ask_again(self) -> None:
        if self._asks:
            self._bulk_exists = None  # who answers after an outage may be another version

    def _send_singly(self, events: Sequence[bytes]) -> SendResult:
        rejected: dict[int, str] = {}
        for index, event in enumerate(events):
            try:
                delivery_of(*self._post(self._single, event), 1)
            except Rejected as error:
                rejected[index] = str(error)
            except TransportError as error:
                if not index:
                    raise
                self._ask_again()
                return SendResult(rejected, range(index, len(events)), error)
        return SendResult(rejected) if rejected else ALL_ACCEPTED

    def _ask_for_bulk(self) -> bool:
        """MozDef's ``/_bulk`` answers an empty POST with 200 and stores nothing."""
        assert self._bulk is not None  # noqa: S101 - for the type checker: asked only where it is
        answer = self._post(self._bulk, b"")
        try:
            delivery_of(*answer, 0)
        except Rejected:
            return False
        except TransportError as error:
            if error.retryable:
                raise
            return False  # refused, redirected, not found: what /events says to it will count
        return True

    def _post(
        self, prepared: requests.PreparedRequest, body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._kept and time.monotonic() - self._last_used > _IDLE_LIMIT:
            self._drop_connection()
        while True:
            was_kept = self._kept
            try:
                return self._exchange(prepared, body)
            except ConnectionLost:
                self._drop_connection()
                # uWSGI closes kept connections without saying so; what was written to them was
                # not delivered. A new connection tells whether there is more to it.
                if not was_kept:
                    raise
            except TransportError:
                self._drop_connection()
                raise

    def _exchange(
        self, prepared: requests.PreparedRequest, body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        prepared.body = body
        prepared.headers["Content-Length"] = str(len(body))
        options: dict[str, Any] = {
            "stream": True,
            "timeout": self._timeout,
            "verify": self._verify,
            "cert": self._cert,
            "proxies": self._proxies,
        }
        with mapped_errors(error_before_answer):
            if self._auth is not None and not isinstance(self._auth, tuple):
                prepared = self._auth(prepared.copy())
            response = self._adapter.send(prepared, **options)
            # Digest authentication answers a challenge here.
            response = dispatch_hook(  # type: ignore[no-untyped-call]
                "response", prepared.hooks, response, **options
            )
        with mapped_errors(error_within_answer):
            return response.status_code, response.headers, self._read(response)

    def _read(self, response: requests.Response) -> bytes:
        """The body of an answer; the connection can be used again where it ended in time."""
        raw: Any = response.raw
        parts: list[bytes] = []
        size = 0
        while part := raw.read1(65_536) if hasattr(raw, "read1") else raw.read(65_536):
            parts.append(part)
            size += len(part)
            if size > _ANSWER_LIMIT_BYTES:
                raw.close()
                raise TransportError("the answer does not end", ambiguous=True)
        if raw.length_remaining:
            raise http.client.IncompleteRead(b"", raw.length_remaining)  # urllib3 1 says nothing
        raw.release_conn()
        self._kept = raw.version == 11 and "close" not in response.headers.get("Connection", "")
        self._last_used = time.monotonic()
        return b"".join(parts)

    def _drop_connection(self) -> None:
        self._adapter.close()
        self._kept = False

    def after_fork_in_child(self) -> None:
        # The parent's connection is forgotten: its descriptor goes, nothing is said on it.
        self._open()
        if self._asks:
            self._bulk_exists = None

    def close(self) -> None:
        self._drop_connection()

    def __repr__(self) -> str:
        return f"<HTTPTransport to {self.name}>"
