"""Events over HTTP and HTTPS, as MozDef takes them.

Batches go to ``/_bulk`` where it exists, as NDJSON with an action line before each event: that is
right on every version of MozDef, for one event as well, and on Elasticsearch and OpenSearch.
Elsewhere each event is a request of its own over a kept connection. Bodies have a Content-Length
and are neither chunked nor compressed: MozDef takes nothing else.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - see HTTPTransport.__init__
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import get_environ_proxies

from structlog_mozdef._version import __version__
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.options import check_choice, check_number
from structlog_mozdef.reporting import Reporter
from structlog_mozdef.transports.base import ALL_ACCEPTED, Delivery
from structlog_mozdef.transports.http_answers import delivery_of
from structlog_mozdef.transports.http_errors import transport_error_of
from structlog_mozdef.urls import parse_address

_ACTION = b'{"index": {}}\n'
_BETWEEN = b"\n" + _ACTION
# MozDef's own addresses for single events; /_bulk stands beside them.
_SIBLING_OF_BULK = re.compile(r"/(events|nxlog)/?\Z")
_BULK = re.compile(r"/_bulk/?\Z")
#: MozDef's nginx refuses a longer header, and every event with it.
_HEADER_LIMIT_BYTES = 2_000
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
        verify: True (default), False (a warning), or the path of a CA bundle.
        cert: path of a client certificate with its key, or a pair of paths.
        auth: (user, password), or an authentication object of requests.
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

    def __init__(
        self,
        url: str,
        *,
        bulk: Literal["auto"] | bool = "auto",
        bulk_format: Literal["ndjson", "array"] = "ndjson",
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        auth: tuple[str, str] | AuthBase | None = None,
        headers: Mapping[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        recovery_probes: int = 3,
        recovery_pause: float = 5.0,
        reporter: Reporter | None = None,
    ) -> None:
        # The modules above are loaded here, by whoever configures: were the sender to load them
        # with the first event, a fork in that moment would leave the child a lock for ever.
        address = parse_address(url, ("https", "http"))
        if not address.path:
            raise ValueError(
                f"url is {address.name!r}; it must have a path, {address.name}/events for MozDef"
            )
        check_choice("bulk", bulk, ("auto", True, False))
        check_choice("bulk_format", bulk_format, ("ndjson", "array"))
        check_number("connect_timeout", connect_timeout, least=0.001)
        check_number("read_timeout", read_timeout, least=0.001)
        check_number("recovery_probes", recovery_probes, least=0, whole=True)
        check_number("recovery_pause", recovery_pause, least=0)
        self.name = address.name
        self.recovery_probes = recovery_probes
        self.recovery_pause = recovery_pause
        self._timeout = (connect_timeout, read_timeout)
        self._url = address.url
        self._bulk_url = _bulk_url(address.url, address.path, bulk)
        # None: to be asked. An address that ends in /_bulk needs no asking.
        self._bulk_exists: bool | None = None if bulk == "auto" else bool(bulk)
        if _BULK.search(address.path):
            self._bulk_exists = True
        elif self._bulk_url is None:
            self._bulk_exists = False
        self._asks = self._bulk_exists is None
        self._array = bulk_format == "array"
        self._auth = auth if auth is not None else address.credentials
        self._headers = _checked_headers(headers or {})
        self._proxies = dict(proxies) if proxies is not None else get_environ_proxies(self._url)
        self._verify = _ca_bundle_of_environment() or True if verify is True else verify
        self._cert = cert
        self._check_files()
        if verify is False and address.scheme == "https":
            (reporter or Reporter()).warn(
                "verify",
                f"verify is False: anybody can read and change what is sent to {self.name}",
            )
        self._open()

    def _check_files(self) -> None:
        pairs = [("verify", self._verify)] if isinstance(self._verify, str) else []
        if self._cert is not None:
            names = (self._cert,) if isinstance(self._cert, str) else self._cert
            pairs += [("cert", name) for name in names]
        for option, path in pairs:
            if not os.path.exists(path):  # noqa: PTH110 - a text as requests takes it
                raise ValueError(f"{option} is {path!r}; it must be the path of an existing file")

    def _open(self) -> None:
        self._adapter = HTTPAdapter(pool_connections=2, pool_maxsize=1, max_retries=0)
        # Prepared once; only the body and its length change from one request to the next.
        self._single = self._prepare(self._url, "application/json")
        self._bulk = None
        if self._bulk_url is not None:
            kind = "application/json" if self._array else "application/x-ndjson"
            self._bulk = self._prepare(self._bulk_url, kind)
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
        prepared = requests.PreparedRequest()
        # A tuple becomes a header that stays; an object of requests may sign each body.
        auth = self._auth if isinstance(self._auth, tuple) else None
        prepared.prepare(method="POST", url=url, headers=headers, auth=_latin_or_utf8(auth))
        return prepared

    def send(self, events: Sequence[bytes]) -> Delivery:
        """Deliver *events*; see `structlog_mozdef.transports.base.Transport`."""
        try:
            if self._bulk_exists is None:
                self._bulk_exists = self._ask_for_bulk()
            if self._bulk_exists and self._bulk is not None:
                return self._post(self._bulk, self._bulk_body(events), len(events))
            return self._send_singly(events)
        except Rejected:
            raise
        except TransportError:
            if self._asks:
                self._bulk_exists = None  # who answers after an outage may be another version
            raise

    def _bulk_body(self, events: Sequence[bytes]) -> bytes:
        if self._array:
            return b"[" + b",".join(events) + b"]"
        return _ACTION + _BETWEEN.join(events) + b"\n"

    def _send_singly(self, events: Sequence[bytes]) -> Delivery:
        refused: dict[int, str] = {}
        for index, event in enumerate(events):
            try:
                self._post(self._single, event, 1)
            except Rejected as error:
                refused[index] = str(error)
            except TransportError as error:
                if not index:
                    raise
                return Delivery(refused, range(index, len(events)), error)
        return Delivery(refused) if refused else ALL_ACCEPTED

    def _ask_for_bulk(self) -> bool:
        """MozDef's ``/_bulk`` answers an empty POST with 200 and stores nothing."""
        assert self._bulk is not None  # noqa: S101 - for the type checker: asked only where it is
        try:
            self._post(self._bulk, b"", 0)
        except Rejected:
            return False
        except TransportError as error:
            if str(error).startswith(("HTTP 404", "HTTP 405", "HTTP 410", "HTTP 501")):
                return False
            raise
        return True

    def _post(self, prepared: requests.PreparedRequest, body: bytes, n_events: int) -> Delivery:
        now = time.monotonic()
        if self._kept and now - self._last_used > _IDLE_LIMIT:
            self._drop_connection()
        try:
            response = self._exchange(prepared, body)
        except TransportError as error:
            was_kept = self._kept
            self._drop_connection()
            # uWSGI closes kept connections without saying so; what was written to them was not
            # delivered. A new connection tells whether there is more to it.
            if not was_kept or error.ambiguous or not error.retryable:
                raise
            response = self._exchange(prepared, body)
        self._kept = True
        self._last_used = time.monotonic()
        return delivery_of(*response, n_events)

    def _exchange(
        self, prepared: requests.PreparedRequest, body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        prepared.body = body
        prepared.headers["Content-Length"] = str(len(body))
        try:
            if self._auth is not None and not isinstance(self._auth, tuple):
                prepared = self._auth(prepared.copy())
            response = self._adapter.send(
                prepared,
                stream=True,
                timeout=self._timeout,
                verify=self._verify,
                cert=self._cert,
                proxies=self._proxies,
            )
            return response.status_code, response.headers, self._read(response)
        except TransportError:
            raise
        except Exception as error:
            raise transport_error_of(error) from None

    def _read(self, response: requests.Response) -> bytes:
        """The body of an answer; the connection can be used again where it ended in time."""
        raw: Any = response.raw
        deadline = time.monotonic() + self._timeout[1]
        parts: list[bytes] = []
        size = 0
        while part := raw.read1(65_536) if hasattr(raw, "read1") else raw.read(65_536):
            parts.append(part)
            size += len(part)
            if size > _ANSWER_LIMIT_BYTES or time.monotonic() > deadline:
                raw.close()
                raise TransportError("the answer does not end", ambiguous=True)
        raw.release_conn()
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


def _bulk_url(url: str, path: str, bulk: object) -> str | None:
    if _BULK.search(path):
        return url
    sibling = _SIBLING_OF_BULK.sub("/_bulk", path)
    if bulk is False or (bulk == "auto" and sibling == path):
        return None
    if sibling == path:
        raise ValueError(
            f"bulk is True, but {path!r} has no known sibling /_bulk; give that address as the url"
        )
    before, _, after = url.partition(path)
    return before + sibling + after


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise ValueError(f"header {name!r} has no text as its value; both must be texts")
        if "\r" in value or "\n" in value or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ValueError(f"header {name!r} is malformed; name and value must be on one line")
        if len(name) + len(value) > _HEADER_LIMIT_BYTES:
            raise ValueError(
                f"header {name!r} has {len(value)} characters; MozDef's front end takes"
                f" {_HEADER_LIMIT_BYTES} bytes together with the name"
            )
        if name.lower() in ("content-length", "transfer-encoding", "content-encoding", "expect"):
            raise ValueError(f"header {name!r} cannot be set; MozDef takes plain bodies only")
    return dict(headers)


def _ca_bundle_of_environment() -> str | None:
    """The CA bundle that requests itself would use."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")


def _latin_or_utf8(auth: tuple[str, str] | None) -> Any:
    """*auth* so that requests can encode it: it takes texts of Latin-1 only."""
    if auth is None:
        return None
    try:
        for part in auth:
            part.encode("latin-1")
    except UnicodeEncodeError:
        return tuple(part.encode("utf-8") for part in auth)
    return auth
