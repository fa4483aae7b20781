"""Foreign errors become errors of this package, which come alone and show no secrets."""

import errno
import socket
import ssl
import sys

import pytest
from support.errors import error_of, kind_of

from structlog_mozdef.exceptions import MozDefError, Rejected, TransportError
from structlog_mozdef.transports.errors import (
    PeerClosedError,
    describe,
    mapped_errors,
    os_error,
    tls_error,
)

SECRET = "s3cret"


class CertificateError(ValueError):
    """What urllib3 1 raises for a certificate of another host."""


def mapped(error, mapping=lambda error: TransportError("ours"), kinds=()):
    with mapped_errors(mapping, *kinds):
        raise error


def certificate_refused():
    error = ssl.SSLCertVerificationError(1, SECRET)
    error.verify_message = "certificate has expired"
    return error


def tls_failed(reason="WRONG_VERSION_NUMBER"):
    error = ssl.SSLError(1, f"[SSL] {SECRET}")
    error.reason = reason
    return error


def test_foreign_error_is_mapped():
    """A foreign error becomes what the mapping returns."""
    assert str(error_of(mapped, KeyError(SECRET))) == "ours"


def test_error_comes_alone_inside_another_handler():
    """The foreign error does not hang on to ours, even if it has errors of its own."""
    try:
        raise KeyError(SECRET) from LookupError(SECRET)
    except KeyError as error:
        foreign = error
    assert error_of(mapped, foreign).__context__ is None


def test_no_frame_shows_the_foreign_error():
    """A traceback with local variables does not show the foreign error, apart from the caller's."""
    error = error_of(mapped, KeyError(SECRET))
    traceback = error.__traceback__
    shown = {}
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == sys.modules[mapped_errors.__module__].__file__:
            shown.update(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    assert SECRET not in repr(shown)


@pytest.mark.parametrize("error", [Rejected("no"), TransportError("no"), MozDefError("no")])
def test_own_errors_pass(error):
    """An error of this package is not mapped."""
    with pytest.raises(MozDefError) as caught:
        mapped(error)
    assert caught.value is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), GeneratorExit()])
def test_ends_of_the_program_pass(error):
    """What ends the program is not mapped."""
    with pytest.raises(type(error)) as caught:
        mapped(error)
    assert caught.value is error


def test_other_kinds_pass():
    """An error of another kind than those that are asked for is not mapped."""
    with pytest.raises(KeyError):
        mapped(KeyError("a"), kinds=(OSError, ValueError))


def test_mapping_can_let_an_error_pass():
    """A foreign error passes where the mapping returns None."""
    with pytest.raises(KeyError):
        mapped(KeyError("a"), mapping=lambda error: None)


def test_success_passes():
    """A block without an error is left alone."""
    with mapped_errors(lambda error: TransportError("ours")):
        result = 1
    assert result == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (socket.gaierror(socket.EAI_NONAME, SECRET), "the host name is not known"),
        (TimeoutError(SECRET), "timed out"),
        (TimeoutError(errno.ETIMEDOUT, SECRET), "timed out"),
        (PeerClosedError(), "the broker closed the connection"),
        (ssl.SSLEOFError(8, SECRET), "the broker closed the connection"),
        (ssl.SSLZeroReturnError(6, SECRET), "the broker closed the connection"),
        (tls_failed(), "WRONG_VERSION_NUMBER"),
        (ssl.SSLError(1, SECRET), "SSLError"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused"),
        (OSError(SECRET), "OSError"),
        (KeyError(SECRET), "KeyError"),
        (KeyError(SECRET, ConnectionResetError(errno.ECONNRESET, "reset")), "reset"),
    ],
)
def test_descriptions_show_no_secret(error, text):
    """An error is described by its kind and by what the system says, never by its own text."""
    assert describe(error, "broker") == text


def test_circles_of_errors_are_described():
    """Errors that hang on to each other in a circle are looked at once each."""
    first, second, third = KeyError(SECRET), ValueError(SECRET), LookupError(SECRET)
    first.__cause__, second.__cause__, third.__cause__ = second, third, first
    assert describe(first) == "LookupError"


def test_long_chains_are_described():
    """Of errors that hang on to each other without an end, only the outer ones are looked at."""
    error = TimeoutError()
    for _ in range(1000):
        error = KeyError(error)
    assert describe(error) == "KeyError"


@pytest.mark.parametrize(
    ("error", "text", "kind"),
    [
        (
            certificate_refused(),
            "the certificate of the receiver is refused: certificate has expired",
            (TransportError, False, False),
        ),
        (
            OSError(CertificateError(SECRET)),
            "the certificate of the receiver is refused: Hostname mismatch",
            (TransportError, False, False),
        ),
        (tls_failed(), "TLS failed: WRONG_VERSION_NUMBER", (TransportError, False, True)),
        (
            ssl.SSLEOFError(8, SECRET),
            "no connection: the receiver closed the connection",
            (TransportError, True, True),
        ),
        (TimeoutError(SECRET), "no connection: timed out", (TransportError, True, True)),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "no connection: Permission denied",
            (TransportError, False, True),
        ),
    ],
)
def test_what_errors_of_the_system_mean(error, text, kind):
    """A setting asks for a person, all else passes; what may have arrived is ambiguous."""
    found = os_error(
        error, "no connection", peer="receiver", ambiguous=True, settings={errno.EACCES}
    )
    assert (str(found), kind_of(found)) == (text, kind)


@pytest.mark.parametrize("error", [KeyError("a"), TimeoutError(), ssl.SSLEOFError(8, "EOF")])
def test_what_is_no_failure_of_tls(error):
    """A timeout and the end of a connection are no failures of TLS."""
    assert tls_error(error) is None
