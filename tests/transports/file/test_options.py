"""A wrong setting for a file is rejected at once, in one sentence, without secrets."""

import os

import pytest
from support.errors import setting_error_of
from support.running import standard_output

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.transports.file import FileTransport
from structlog_mozdef.transports.registry import transport_for_url


def error_of(url, **options):
    return setting_error_of(FileTransport, url, **options)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("file:///var/log/events.ndjson", "file:///var/log/events.ndjson"),
        ("FILE:///var/log/a%20b%25", "file:///var/log/a b%"),
        ("file:///var/log/caf%C3%A9", "file:///var/log/caf\u00e9"),
        ("file:///var/log/%FF", "file:///var/log/\\xff"),
        ("-", "standard output"),
    ],
)
def test_addresses(url, name):
    """The name shows where events go."""
    transport = transport_for_url(url, RateLimitedLogger(), {})
    assert (type(transport), transport.name) == (FileTransport, name)
    assert repr(transport) == f"<FileTransport to {name}>"


@pytest.mark.parametrize(
    "url",
    [
        "file://",
        "file:///",
        "file:///tmp",
        "file:///tmp/x/",
        "file://events.ndjson",
        "file://localhost/tmp/x",
        "file:///tmp/x?mode=5",
        "file:///tmp/x#y",
        "file:///tmp/a%00b",
        "file:///tmp/a b\n",
        "file:///tmp/a\tb",
        "/tmp/x",
        "--",
        "",
        None,
        b"-",
    ],
)
def test_bad_addresses(url):
    """An address that is not the path of a file on this machine is rejected."""
    if isinstance(url, str) and url.endswith("\n"):
        url = url.strip() + "\t/x"
    assert error_of(url).startswith("url is ")


@pytest.mark.parametrize(
    "url", ["file://u:hunter2@host/x", "file:///x?hunter2", "file:///x#hunter2"]
)
def test_secrets_are_not_shown(url):
    """A file has no credentials; an address with some is rejected, and they are not shown."""
    assert "hunter2" not in error_of(url)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(
            ("mode", value)
            for value in [600, 640, 0o755, 0o1600, 0o400, 0, -1, "0o7", "rw", "", None, True]
        ),
        *(("fsync", value) for value in [None, 0, 1, "yes"]),
        *(("write_timeout", value) for value in [0, -1, None, "5", True, float("nan")]),
    ],
)
def test_bad_options(option, value):
    """The sentence names the option."""
    assert error_of("file:///tmp/x.ndjson", **{option: value}).startswith(f"{option} is ")


def test_decimal_mode():
    """Permissions that are not written in octal are rejected, with the right form."""
    assert error_of("file:///tmp/x.ndjson", mode=600).endswith("such as 0o600 or 0o640")


@pytest.mark.parametrize("options", [{"mode": 0o640}, {"fsync": True}])
def test_options_of_files_only(options):
    """Standard output has neither permissions nor a disk."""
    assert "for file:/// only" in error_of("-", **options)


def test_standard_output_is_closed():
    """Without a standard output there is nothing to write to."""
    with standard_output(os.open("/dev/null", os.O_WRONLY)):
        os.close(1)
        message = error_of("-")
        os.open("/dev/null", os.O_WRONLY)
    assert message == "url is '-'; standard output, which it means, is closed"
