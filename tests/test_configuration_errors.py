"""A wrong configuration is rejected at once, in one sentence, without secrets."""

import math
import pathlib

import pytest
from support.certificates import authority_file, client_files
from support.errors import setting_error_of

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef._validate import check_choice, check_number
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.http import HTTPTransport
from structlog_mozdef.transports.registry import transport_for_url
from structlog_mozdef.transports.urls import parse_address

URL = "https://mozdef.example.com:8443/events"


NOT_NUMBERS = [None, "5", b"5", [], {}, True, False, 1j, math.nan, math.inf, -math.inf]

BAD_OPTIONS = [
    *(("bulk", value) for value in ["yes", "AUTO", None, 1, 0, 2, [], ["auto"]]),
    *(("bulk_format", value) for value in ["json", "NDJSON", None, True, 0, ("array",)]),
    *(("bulk_action", value) for value in ["update", "CREATE", None, True, ("index",)]),
    *(("document_ids", value) for value in ["yes", None, 1, 0, "auto"]),
    *(
        ("api_key", value)
        for value in ["", "id:key", "a b", "=", 5, b"aWQ6a2V5", ("id",), ("id", ""), (1, 2), {}]
    ),
    ("api_key", ("id", "\udc80")),
    *(("verify", value) for value in [None, 0, 1, "", "/no/such.pem", 2.5, [], b"/x", "\0"]),
    *(
        ("cert", value)
        for value in [
            "",
            "/no/such.pem",
            5,
            (),
            ("a",),
            ("/no/a", "/no/b"),
            ("a", "b", "c"),
            [1, 2],
        ]
    ),
    *(
        ("auth", value)
        for value in ["user:pw", ("user",), ("a", "b", "c"), (1, 2), (None, None), {}, 5, b"a:b"]
    ),
    ("auth", ("user", "\udc80")),
    *(
        ("headers", value)
        for value in [
            "X: y",
            [("X", "y")],
            {"X": 5},
            {"X": None},
            {"X": b"y"},
            {5: "y"},
            {"": "y"},
            {"X Y": "z"},
            {"X:": "z"},
            {"X\r\nY": "z"},
            {"X": "y\r\nZ: 1"},
            {"X": "y\n"},
            {"X": "\0"},
            {"X": " y"},
            {"X": "y "},
            {"X": "\u65e5\u672c"},
            {"X\u00e9": "y"},
            {"X": "y" * 2001},
            {"Content-Length": "5"},
            {"transfer-encoding": "chunked"},
            {"Expect": "100-continue"},
            {"Content-Encoding": "gzip"},
            {"Accept-Encoding": "gzip"},
        ]
    ),
    *(
        ("proxies", value)
        for value in [
            "http://proxy:3128",
            ["http://proxy"],
            {"https": 5},
            {"https": None},
            {"https": ""},
            {"https": "ftp://proxy"},
            {"https": "http://"},
            {"https": "http://proxy:abc"},
            {"https": "http://[::1"},
            {5: "http://proxy"},
        ]
    ),
    *(
        (option, value)
        for option in ("connect_timeout", "read_timeout", "recovery_pause")
        for value in [*NOT_NUMBERS, -1, -0.001, 10**400, 1e12]
    ),
    *((option, 0) for option in ("connect_timeout", "read_timeout")),
    *(("recovery_probes", value) for value in [*NOT_NUMBERS, -1, 1.0, 2.5]),
]


@pytest.mark.parametrize(("option", "value"), BAD_OPTIONS)
def test_bad_option_is_named(option, value):
    """An option that cannot work is rejected with one sentence on one line, which names it."""
    message = setting_error_of(HTTPTransport, URL, **{option: value})
    name = {"headers": "header", "proxies": "prox"}.get(option, option)
    assert name in message.lower()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("bulk", "yes", "bulk is 'yes'; it must be 'auto', True or False"),
        ("bulk_format", "json", "bulk_format is 'json'; it must be 'ndjson' or 'array'"),
        ("verify", None, "verify is None; it must be True, False or the path of a CA bundle"),
        (
            "verify",
            "/no/such.pem",
            "verify is '/no/such.pem'; it must be the path of an existing file",
        ),
        (
            "read_timeout",
            "5",
            "read_timeout is '5'; it must be a number from 0.001 to 31536000",
        ),
        ("recovery_probes", -1, "recovery_probes is -1; it must be an integer of 0 or more"),
    ],
)
def test_sentences(option, value, message):
    """The sentences name the value and what is allowed."""
    assert setting_error_of(HTTPTransport, URL, **{option: value}) == message


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "mozdef.example.com",
        "mozdef.example.com:8443/events",
        "//mozdef.example.com/events",
        "/events",
        "https:/host/events",
        "https:///events",
        "https://:8443/events",
        "https://host",
        "https://host:8443",
        "https://host:8443?x=1",
        "https://host:port/events",
        "https://host:0/events",
        "https://host:99999/events",
        "https://host:-1/events",
        "https://[::1/events",
        "https://::1/events",
        "https://ho st/events",
        "https://host\n/events",
        "https://host/eve\tnts",
        "https://\udc80/events",
        "https://.host./events",
        "https://*/events",
        "ftp://host/events",
        "file:///events",
        "udp://host:514",
        None,
        5,
        b"https://host/events",
        pathlib.Path("/events"),
    ],
)
def test_bad_url(url):
    """An address that cannot work is rejected with a sentence about the url."""
    assert setting_error_of(HTTPTransport, url).startswith("url is ")


@pytest.mark.parametrize("url", ["https://h/custom/x", "https://h/", "https://h/events/x"])
def test_bulk_needs_a_known_sibling(url):
    """`bulk=True` is rejected if the address for batches is unknown."""
    assert "no known sibling /_bulk" in setting_error_of(HTTPTransport, url, bulk=True)


@pytest.mark.parametrize("option", ["verfy", "timeout", "own_log", "url", "spool"])
def test_unknown_option(option):
    """An option that does not exist is a TypeError that lists those that do."""
    with pytest.raises(TypeError) as caught:
        transport_for_url(URL, RateLimitedLogger(), {option: 1})
    assert str(caught.value) == (
        f"{option} is no option of https://; allowed are bulk, bulk_format, bulk_action,"
        " document_ids, verify, cert, auth, api_key, headers, proxies, connect_timeout,"
        " read_timeout, recovery_probes, recovery_pause"
    )


@pytest.mark.parametrize("url", ["tcp://h:1", "HTTPSS://h/events", "host", ""])
def test_unknown_scheme(url):
    """A scheme without a transport is rejected in a sentence that lists the known ones."""
    message = setting_error_of(transport_for_url, url, RateLimitedLogger(), {})
    assert message == (
        f"url is {url!r}; it must be a full address that starts with one of https://, http://,"
        " amqps://, amqp://, sqs://, syslog+tls://, syslog+tcp://, syslog+udp://, syslog://,"
        " file://, -"
    )


def test_options_reach_the_transport():
    """The transport of a URL is made with the options that were given."""
    transport = transport_for_url(URL, RateLimitedLogger(), {"recovery_probes": 7})
    assert transport.recovery_probes == 7


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_header_over_two_kilobytes_is_rejected(header):
    """A header that MozDef's front end would reject, with every event, is rejected at once."""
    message = setting_error_of(HTTPTransport, URL, headers={header: "x" * 2000})
    assert message == (
        f"header '{header}' has 2000 bytes; MozDef's front end allows 2000 together with the name"
    )


def test_long_password_is_rejected():
    """A password that makes the header too long is rejected as well."""
    message = setting_error_of(HTTPTransport, URL, auth=("user", "p" * 1600))
    assert message.startswith("header 'Authorization' has 21")


def test_header_of_two_kilobytes_is_accepted():
    """A header at the limit is accepted."""
    HTTPTransport(URL, headers={"X": "x" * 1999}).close()


def test_bundle_without_certificates(tmp_path):
    """A CA bundle that holds no certificate is rejected before the first event."""
    path = tmp_path / "bundle.pem"
    path.write_text("no certificate")
    message = setting_error_of(HTTPTransport, URL, verify=str(path))
    assert message == f"verify is {str(path)!r}; it must hold certificates in PEM"


def test_bundle_of_the_environment(tmp_path, monkeypatch):
    """A bundle that the environment names wrongly is rejected by the name of the variable."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
    message = setting_error_of(HTTPTransport, URL)
    assert message.startswith("REQUESTS_CA_BUNDLE of the environment is '/no/such.pem'")


def test_client_certificate_without_its_key(tmp_path):
    """A client certificate that does not match its key is rejected before the first event."""
    certificate, _ = client_files(tmp_path)
    message = setting_error_of(HTTPTransport, URL, cert=certificate)
    assert message.endswith("it must hold a certificate in PEM and its key without a password")


def test_encrypted_key_is_rejected(tmp_path):
    """A key with a password is rejected, without a prompt on the terminal."""
    from cryptography.hazmat.primitives import serialization

    certificate, key = client_files(tmp_path)
    private = serialization.load_pem_private_key(pathlib.Path(key).read_bytes(), None)
    pathlib.Path(key).write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    message = setting_error_of(HTTPTransport, URL, cert=(certificate, key))
    assert message.endswith("it must hold a certificate in PEM and its key without a password")


def test_paths_are_accepted(tmp_path):
    """Paths of pathlib are accepted as well as strings."""
    certificate, key = map(pathlib.Path, client_files(tmp_path))
    verify = pathlib.Path(authority_file(tmp_path))
    HTTPTransport(URL, verify=verify, cert=(certificate, key)).close()


@pytest.mark.parametrize(
    ("url", "credentials"),
    [
        ("https://host/events", None),
        ("https://@host/events", None),
        ("https://kang@host/events", ("kang", "")),
        ("https://:pw@host/events", ("", "pw")),
        ("https://kang:pw@host/events", ("kang", "pw")),
        ("https://kang%40corp:p%2Fw%3A%23@host/events", ("kang@corp", "p/w:#")),
        ("https://k%C3%A4ng:p\u00e4ss@host/events", ("k\u00e4ng", "p\u00e4ss")),
        ("https://kang:p@ss@host/events", ("kang", "p@ss")),
    ],
)
def test_credentials_of_the_url(url, credentials):
    """User and password are removed from the URL, and decoded."""
    address = parse_address(url, ("https",))
    assert (address.credentials, address.url) == (credentials, "https://host/events")


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("HTTPS://Host:8443/Events", "https://host:8443/Events"),
        (" https://host/events ", "https://host/events"),
        ("https://host/events?a=b&c=d#part", "https://host/events?a=b&c=d"),
        ("https://[::1]:8443/events", "https://[::1]:8443/events"),
        ("https://host/a/b/_bulk?pipeline=x", "https://host/a/b/_bulk?pipeline=x"),
    ],
)
def test_url_is_kept(url, clean):
    """Host, port, path and query stay as they are."""
    assert parse_address(url, ("https",)).url == clean


@pytest.mark.parametrize("value", [5, 5.0, 10**30])
def test_numbers_are_accepted(value):
    """A number within the bounds is accepted, however large."""
    assert check_number("n", value, minimum=5) is None


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_other_values_than_numbers_are_rejected(value):
    """A value that is not a finite number is rejected, even without an upper bound."""
    setting_error_of(check_number, "n", value, minimum=0)


@pytest.mark.parametrize(("value", "choices"), [(1, (True,)), (0, (False,)), (True, (1,))])
def test_numbers_are_no_booleans(value, choices):
    """1 and 0 are not True and False."""
    setting_error_of(check_choice, "option", value, (*choices, "auto"))


def test_sink_that_was_not_made_has_a_repr():
    """Showing the locals of a failed constructor does not fail in turn."""
    sink = Sink.__new__(Sink)
    with pytest.raises(ValueError):
        sink.__init__(URL, linger=-1)
    assert repr(sink) == "<Sink that was not made>"
