"""Certificates for tests: an authority, and server and client contexts that go with it."""

from __future__ import annotations

import datetime as dt
import functools
import ssl

import trustme


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def stranger() -> trustme.CA:
    """Another authority, which nobody trusts."""
    return trustme.CA()


def server_context(
    *names: str, by: trustme.CA | None = None, expired: bool = False, clients: bool = False
) -> ssl.SSLContext:
    """A server's context with a certificate for *names* (default: localhost).

    Args:
        names: host names and addresses.
        by: the authority that issues it. Default: `authority`.
        expired: it was valid until yesterday.
        clients: clients must show a certificate of `authority`.
    """
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = (by or authority()).issue_cert(
        *(names or ("localhost", "127.0.0.1")),
        not_before=past - dt.timedelta(days=9) if expired else None,
        not_after=past if expired else None,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        authority().configure_trust(context)
    return context


def authority_file(folder) -> str:
    """The path of a bundle that trusts `authority`."""
    path = folder / "authority.pem"
    authority().cert_pem.write_to_path(path)
    return str(path)


def client_files(folder, by: trustme.CA | None = None) -> tuple[str, str]:
    """The paths of a client's certificate and key."""
    issued = (by or authority()).issue_cert("client@example.com")
    certificate, key = folder / "client.pem", folder / "client.key"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return str(certificate), str(key)
