"""Events over HTTP keep the promises of every transport."""

from __future__ import annotations

import contextlib

from support.certificates import authority_file, server_context
from support.receivers import CLOSE, OK, Receiver, answer, unused_port
from support.transport_contract import TransportContract

from structlog_mozdef.transports.http import HTTPTransport


class HTTPContract(TransportContract):
    """Events over HTTP, to a path, with options, and from a server that answers *respond*."""

    path = "/events"
    options: dict = {}  # noqa: RUF012 - read only
    failure = answer(500)

    def respond(self, request):
        return OK

    @contextlib.contextmanager
    def transport_to(self, base, **options):
        with contextlib.closing(
            HTTPTransport(base + self.path, **self.options, **options)
        ) as transport:
            yield transport

    @contextlib.contextmanager
    def working(self):
        with Receiver(self.respond) as receiver, self.transport_to(receiver.base) as transport:
            yield transport, receiver.raw_events

    @contextlib.contextmanager
    def broken(self):
        with (
            Receiver(lambda request: self.failure) as receiver,
            self.transport_to(receiver.base) as transport,
        ):
            yield transport

    @contextlib.contextmanager
    def unreachable(self):
        with self.transport_to(f"http://127.0.0.1:{unused_port()}") as transport:
            yield transport


class TestHTTPWithBulk(HTTPContract):
    """/events with a sibling /_bulk."""


class TestHTTPWithoutBulk(HTTPContract):
    """/events of a server without /_bulk."""

    failure = answer(503)

    def respond(self, request):
        return answer(404) if request.path == "/_bulk" else OK


class TestHTTPOneByOne(HTTPContract):
    """/events, one event a request by choice."""

    options = {"bulk": False}  # noqa: RUF012
    failure = answer(401)


class TestHTTPCustom(HTTPContract):
    """A URL that gets one event a request."""

    path = "/custom/x"
    failure = answer(400)


class TestHTTPBulkAddress(HTTPContract):
    """A URL that ends in /_bulk."""

    path = "/index/_bulk"
    failure = answer(302, Location="/login")


class TestHTTPArray(HTTPContract):
    """/_bulk with JSON arrays."""

    options = {"bulk_format": "array"}  # noqa: RUF012
    failure = CLOSE


class TestHTTPOldServer(HTTPContract):
    """A server of HTTP/1.0, which closes after each answer."""

    failure = b"HTTP/1.0 500 No\r\n\r\n"

    def respond(self, request):
        return b"HTTP/1.0 200 OK\r\n\r\n"


class TestHTTPS(HTTPContract):
    """Over TLS."""

    failure = b"no HTTP\r\n\r\n"

    @contextlib.contextmanager
    def working(self):
        import pathlib
        import tempfile

        with (
            tempfile.TemporaryDirectory() as folder,
            Receiver(self.respond, tls=server_context()) as receiver,
        ):
            bundle = authority_file(pathlib.Path(folder))
            with self.transport_to(receiver.base, verify=bundle) as transport:
                yield transport, receiver.raw_events
