"""POST requests over one kept connection: what any destination that speaks HTTP needs.

Bodies have a Content-Length and are neither chunked nor compressed. Redirects are not followed,
cookies and ``.netrc`` are ignored.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import requests
from requests.auth import AuthBase
from requests.hooks import dispatch_hook

from structlog_mozdef._deadline import Deadline, allowed, monotonic
from structlog_mozdef._version import __version__
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.http.connection import BoundedAdapter
from structlog_mozdef.transports.http.errors import (
    ConnectionLost,
    error_before_answer,
    error_within_answer,
)
from structlog_mozdef.transports.http.options import check_header_sizes

#: Longer answers are not read to their end.
_ANSWER_LIMIT_BYTES = 16 * 1024 * 1024
#: A kept connection that was idle for longer, in seconds, is likely to be closed by now.
_IDLE_LIMIT = 10.0
#: A connection that is older, in seconds, is replaced: the host name may lead elsewhere by now.
_AGE_LIMIT = 300.0


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HTTPClient:
    """Send requests, one at a time, over a connection that is kept between them.

    Args:
        name: of the destination, without credentials.
        auth: user and password, an authentication object of requests, or None.
        headers: added to each request.
        verify: as `options.checked_verify` returns it.
        cert: as `tls.checked_cert` returns it.
        proxies: as `options.checked_proxies` returns them.
        connect_timeout: seconds.
        read_timeout: seconds for sending a request, and again for its answer.
        answer_limit: bytes of an answer that are read. Default 16 MiB.
        clock: returns seconds, monotonic: how old a connection is, and how long it has been idle.
    """

    def __init__(
        self,
        name: str,
        *,
        auth: tuple[str, str] | AuthBase | None,
        headers: Mapping[str, str],
        verify: bool | str,
        cert: str | tuple[str, str] | None,
        proxies: Mapping[str, str],
        connect_timeout: float,
        read_timeout: float,
        answer_limit: int = _ANSWER_LIMIT_BYTES,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._name = name
        self._auth = auth
        self._headers = headers
        self._read_timeout = read_timeout
        self._connect_timeout = connect_timeout
        self._answer_limit = answer_limit
        self._options: dict[str, Any] = {
            "stream": True,
            "verify": verify,
            "cert": cert,
            "proxies": proxies,
        }
        self._clock = clock
        self._open()

    def _open(self) -> None:
        self._adapter = BoundedAdapter()
        # Until when the kept connection is reused after its last answer; None: there is none.
        self._kept_until: Deadline | None = None
        self._renew_at = Deadline.after(_AGE_LIMIT, self._clock)

    def prepare(self, url: str, content_type: str) -> requests.PreparedRequest:
        """Return a request without a body, for any number of calls of `post`.

        Args:
            url: without credentials.
            content_type: of the bodies.

        Raises:
            ValueError: the URL is malformed, or a header is too long. The message shows no secret.
        """
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
        request = requests.PreparedRequest()
        with mapped_errors(
            lambda _: ValueError(f"url is {self._name!r}; its host is malformed"),
            requests.exceptions.RequestException,
            ValueError,
        ):
            request.prepare(method="POST", url=url, headers=headers, auth=auth)
        check_header_sizes(request.headers)
        return request

    def post(self, request: requests.PreparedRequest, body: bytes) -> Answer:
        """Send *request* with *body*; on a new connection if a kept one turns out to be closed.

        Raises:
            TransportError: there was no answer, or not all of one.
        """
        if self._kept_until is not None and (self._kept_until.expired or self._renew_at.expired):
            self.close()
        while True:
            was_kept = self._kept_until is not None
            if not was_kept:
                self._renew_at = Deadline.after(_AGE_LIMIT, self._clock)
            try:
                return self._exchange(request, body)
            except ConnectionLost:
                self.close()
                # uWSGI closes kept connections without saying so; what was written to them was
                # not delivered. A new connection shows whether there is more to it.
                if not was_kept:
                    raise
            except TransportError:
                self.close()
                raise

    def _exchange(self, request: requests.PreparedRequest, body: bytes) -> Answer:
        # Only the body and its length change from one request to the next.
        request.body = body
        request.headers["Content-Length"] = str(len(body))
        timeout = (allowed(self._connect_timeout), allowed(self._read_timeout))
        with mapped_errors(error_before_answer):
            if self._auth is not None and not isinstance(self._auth, tuple):
                request = self._auth(request.copy())
            response = self._adapter.send(request, timeout=timeout, **self._options)
            # Digest authentication answers a challenge here.
            response = dispatch_hook(  # type: ignore[no-untyped-call]
                "response", request.hooks, response, timeout=timeout, **self._options
            )
        with mapped_errors(error_within_answer):
            return Answer(response.status_code, response.headers, self._read(response))

    def _read(self, response: requests.Response) -> bytes:
        """Return the body of an answer. The connection is kept if the answer is complete."""
        raw: Any = response.raw
        parts: list[bytes] = []
        size = 0
        while part := raw.read1(65_536) if hasattr(raw, "read1") else raw.read(65_536):
            parts.append(part)
            size += len(part)
            if size > self._answer_limit:
                raw.close()
                raise TransportError(
                    "the answer does not end", ambiguous=True, status=response.status_code
                )
        if raw.length_remaining:
            raise http.client.IncompleteRead(b"", raw.length_remaining)  # urllib3 1 says nothing
        raw.release_conn()
        self._kept_until = None
        if raw.version == 11 and "close" not in response.headers.get("Connection", "").lower():
            self._kept_until = Deadline.after(_IDLE_LIMIT, self._clock)
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection. The next request opens another one."""
        self._adapter.close()
        self._kept_until = None

    def close_after_fork(self) -> None:
        """Close the descriptor that a forked child has of its parent's connection, silently."""
        self._open()
