"""TLS of a client: which certificates it trusts, and the certificate that it shows."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

from structlog_mozdef.transports.errors import mapped_errors


def checked_verify(verify: Any) -> bool | str:
    """Return whether certificates are verified, or the CA bundle: a file, or a folder of OpenSSL.

    Paths are absolute, here and below: files are read again when the program may have changed its
    working folder.

    Raises:
        ValueError: *verify* is something else, or the bundle cannot be used.
    """
    if isinstance(verify, bool):
        return verify
    if isinstance(verify, (str, os.PathLike)):
        return checked_bundle("verify", _path("verify", verify))
    # Other false values would turn verification off silently.
    raise ValueError(f"verify is {verify!r}; it must be True, False or the path of a CA bundle")


def checked_bundle(name: str, path: str) -> str:
    """Return *path* if it is a CA bundle; raise ValueError with the *name* of the option if not."""
    _check_exists(name, path)
    if not _is_folder(path):
        with mapped_errors(
            lambda _: ValueError(f"{name} is {path!r}; it must hold certificates in PEM"), OSError
        ):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    return _absolute(path)


def checked_cert(cert: Any) -> str | tuple[str, str] | None:
    """Return the file of a client certificate with its key, or the two files; None for no option.

    Raises:
        ValueError: *cert* is no path or pair of paths, or the files cannot be used.
    """
    if cert is None:
        return None
    if isinstance(cert, (str, os.PathLike)):
        paths = [_path("cert", cert)]
    elif isinstance(cert, (tuple, list)) and len(cert) == 2:
        paths = [_path("cert", item) for item in cert]
    else:
        raise ValueError(
            f"cert is {cert!r}; it must be the path of a file with certificate and key, or a pair"
            " of paths"
        )
    for path in paths:
        _check_exists("cert", path)
    with mapped_errors(
        lambda _: ValueError(
            f"cert is {cert!r}; it must hold a certificate in PEM and its key without a password"
        ),
        OSError,
        ValueError,
    ):
        _show(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), paths[0], paths[-1])
    paths = [_absolute(path) for path in paths]
    return paths[0] if len(paths) == 1 else (paths[0], paths[1])


def client_context(verify: bool | str, cert: str | tuple[str, str] | None) -> ssl.SSLContext:
    """Return the context for one connection: files that were renewed are read again.

    Args:
        verify: as `checked_verify` returns it; True trusts the authorities of the system.
        cert: as `checked_cert` returns it.

    Raises:
        OSError: a file is gone, or holds something else by now.
    """
    folder = isinstance(verify, str) and _is_folder(verify)
    bundle = verify if isinstance(verify, str) else None
    context = ssl.create_default_context(
        cafile=None if folder else bundle, capath=bundle if folder else None
    )
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert is not None:
        _show(context, *(cert if isinstance(cert, tuple) else (cert, cert)))
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # The empty password keeps OpenSSL from asking for one on the terminal.
    context.load_cert_chain(certificate, key, password="")


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - a string


def _path(name: str, value: Any) -> str:
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str) or "\0" in path:
        raise ValueError(f"{name} has {value!r}, which is no path")
    return path


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _check_exists(name: str, path: str) -> None:
    if not os.path.exists(path):  # noqa: PTH110 - a string
        raise ValueError(f"{name} is {path!r}; it must be the path of an existing file")
