"""A wrong setting for syslog is rejected at once, in one sentence, without secrets."""

import pytest
from support.certificates import authority_file, client_files
from support.errors import setting_error_of

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.transports.registry import transport_for_url
from structlog_mozdef.transports.syslog import SyslogTransport


def error_of(url, **options):
    return setting_error_of(SyslogTransport, url, **options)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("syslog+tls://logs.example.com", "syslog+tls://logs.example.com:6514"),
        ("syslog+tcp://logs.example.com", "syslog+tcp://logs.example.com:514"),
        ("syslog+udp://logs.example.com/", "syslog+udp://logs.example.com:514"),
        ("syslog+udp://[::1]:5514", "syslog+udp://[::1]:5514"),
        ("SYSLOG+TCP://Logs:601", "syslog+tcp://logs:601"),
        ("syslog:///dev/log", "syslog:///dev/log"),
        ("syslog://", "syslog:///dev/log"),
        ("syslog:///", "syslog:///dev/log"),
        ("syslog:///run/my%20log", "syslog:///run/my log"),
    ],
)
def test_addresses(url, name):
    """The name shows the destination with its port."""
    transport = transport_for_url(url, RateLimitedLogger(), {})
    assert (type(transport), transport.name) == (SyslogTransport, name)


@pytest.mark.parametrize(
    "url",
    [
        "syslog+tcp://",
        "syslog+tcp:///dev/log",
        "syslog+tcp://host:0",
        "syslog+tcp://host:99999",
        "syslog+tcp://host/path",
        "syslog+tcp://host?x=1",
        "syslog+tcp://host#x",
        "syslog+tcp://a..b",
        "syslog+tcp://ho st",
        "syslog+quic://host",
        "syslog://host/dev/log",
        "syslog:///dev/log?x=1",
        "syslog:///dev/log#x",
        "syslog:///dev%00log",
        "syslog:///" + "x" * 200,
        "/dev/log",
        "",
        None,
        b"syslog:///dev/log",
    ],
)
def test_bad_addresses(url):
    """A URL that is not an address of syslog is rejected."""
    assert error_of(url).startswith("url ")


@pytest.mark.parametrize(
    "url",
    [
        "syslog+tls://user:hunter2@host",
        "syslog+tls://hunter2@host",
        "syslog+tls://host?token=hunter2",
        "syslog+tls://host#hunter2",
        "syslog+tls://u:hunter2@host:0",
        "syslog://u:hunter2@host/dev/log",
        "syslog:///dev/log?hunter2",
    ],
)
def test_secrets_are_not_shown(url):
    """Syslog has no credentials; an address with some is rejected, and they are not shown."""
    assert "hunter2" not in error_of(url)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("facility", value) for value in ["", "local8", "user ", 24, -1, 128, None, True, 1.0]),
        *(("app_name", value) for value in ["", "a b", "x" * 49, "caf\u00e9", "a\n", 5, b"x"]),
        *(("msgid", value) for value in ["", "a b", "x" * 33, "\x7f", 5]),
        *(("form", value) for value in ["", "RFC5424", "json", 5424, True]),
        *(("framing", value) for value in ["", "octets", None, True]),
        *(("verify", value) for value in [None, 0, 1, "", "/no/such.pem", 2.5, b"/no", "\0"]),
        *(("cert", value) for value in ["", "/no/such.pem", 5, (), ("/no/a", "/no/b"), ("a",) * 3]),
        *(("connect_timeout", value) for value in [0, -1, None, "5", True, float("nan")]),
        *(("write_timeout", value) for value in [0, -1, None, "5", float("inf")]),
    ],
)
def test_bad_options(option, value):
    """The sentence names the option."""
    assert error_of("syslog+tls://host", **{option: value}).startswith(f"{option} ")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("syslog+tcp://host", {"verify": False}),
        ("syslog+udp://host", {"verify": "/x.pem"}),
        ("syslog:///dev/log", {"cert": "/x.pem"}),
        ("syslog+udp://host", {"framing": "newline"}),
        ("syslog:///dev/log", {"framing": "newline"}),
    ],
)
def test_options_that_would_do_nothing(url, options):
    """An option that would do nothing with this kind of address is rejected, not ignored."""
    assert "only" in error_of(url, **options)


def test_unknown_options():
    """An unknown option is a TypeError, as of every transport."""
    with pytest.raises(
        TypeError, match=r"bulk is no option of syslog.*://; allowed are facility, app_name"
    ):
        transport_for_url("syslog:///dev/log", RateLimitedLogger(), {"bulk": True})


def test_certificates_in_every_form(tmp_path):
    """A CA bundle is a file or a folder; a client certificate is one path or two."""
    certificate, key = client_files(tmp_path)
    for options in (
        {"verify": authority_file(tmp_path)},
        {"verify": tmp_path},
        {"cert": (certificate, key)},
        {"cert": [certificate, key]},
    ):
        assert SyslogTransport("syslog+tls://host", **options).name == "syslog+tls://host:6514"


def test_repr_shows_the_destination():
    """The transport shows its kind and its destination."""
    assert repr(SyslogTransport("syslog+udp://h")) == "<SyslogTransport to syslog+udp://h:514>"
