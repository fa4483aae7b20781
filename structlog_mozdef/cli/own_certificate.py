"""A certificate for the collector's TLS, signed by an authority that signs nothing else."""

from __future__ import annotations

import datetime as dt
import os
import socket
from pathlib import Path

_INSTALL_HINT = (
    'A certificate of its own needs an extra: pip install "structlog-mozdef[collector-tls]"'
)

_VALID = dt.timedelta(days=90)
# Nobody restarts a collector because its certificate has expired.
_REPLACED_BEFORE = dt.timedelta(days=14)


def default_folder() -> Path:
    """Return the folder for the certificate: where programs of this user keep their state."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "structlog-mozdef"


def own_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Make a certificate, or return that of an earlier call while it is valid.

    The key of the authority is never written: who trusts it trusts this one certificate.

    Args:
        folder: for both files; it is made where it is missing.
        host: the name or address that the collector listens on; the certificate is for it, for
            localhost and for this machine's name.

    Returns:
        The path of the certificate with its key, which only this user can read, and that of the
        authority's certificate, which clients need.

    Raises:
        ImportError: the extra ``collector-tls`` is not installed.
        ValueError: the folder cannot be used.
    """
    try:
        import trustme
    except ImportError as error:
        raise ImportError(_INSTALL_HINT) from error
    server, authority_file = folder / "collector.pem", folder / "collector-ca.pem"
    names = ["localhost", "127.0.0.1", "::1"]
    names += [name for name in dict.fromkeys([socket.gethostname(), host]) if _is_name(name)]
    names = list(dict.fromkeys(names))
    try:
        if _is_usable(server, authority_file, names):
            return server, authority_file
        now = dt.datetime.now(dt.UTC)
        authority = trustme.CA(organization_name="structlog-mozdef collector")
        issued = authority.issue_cert(*names, not_after=now + _VALID)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(authority_file, authority.cert_pem.bytes(), 0o644)
        _write(server, issued.private_key_and_cert_chain_pem.bytes(), 0o600)
    except OSError as error:
        raise ValueError(f"The certificate cannot be written to {folder}: {error}.") from error
    return server, authority_file


def _is_name(host: str) -> bool:
    """Return whether clients can connect to a host by this name."""
    return bool(host) and host not in {"0.0.0.0", "::"} and host.isascii()  # noqa: S104 - no listening


def _is_usable(file: Path, authority_file: Path, names: list[str]) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        # Two that start at the same time can each have written one of the files.
        certificate.verify_directly_issued_by(
            x509.load_pem_x509_certificate(authority_file.read_bytes())
        )
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (FileNotFoundError, ValueError, InvalidSignature, x509.ExtensionNotFound):
        return False
    left = certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
    return left > _REPLACED_BEFORE and {str(name.value) for name in extension.value} >= set(names)


def _write(file: Path, content: bytes, mode: int) -> None:
    """Write a file at once: nobody sees half of it."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    # What another user has put there, in a folder of both, must not get the key.
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
    new.replace(file)
