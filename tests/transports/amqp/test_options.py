"""What cannot work is an error at once, in one sentence without secrets."""

import logging
import subprocess
import sys

import pytest
from support.errors import setting_error_of

from structlog_mozdef import Sink
from structlog_mozdef.transports.amqp import AMQPTransport
from structlog_mozdef.transports.amqp.options import hosts_of, settings_of
from structlog_mozdef.transports.urls import parse_hosts


@pytest.mark.parametrize(
    "url",
    [
        "amqp://",
        "amqp:///vhost",
        "amqp://user:s3cret@",
        "amqp://user:s3cret@/vhost",
        "amqp://user:s3cret@a,,b",
        "amqp://user:s3cret@a,",
        "amqp://user:s3cret@a:port",
        "amqp://user:s3cret@a:0",
        "amqp://user:s3cret@a:99999",
        "amqp://user:s3cret@a:1:2",
        "amqp://user:s3cret@[::1",
        "amqp://user:s3cret@a b",
        "amqp://user:s3cret@a\nb",
        "amqp://user:s3cret@a..b",
        "amqp://user:s3cret@" + "a" * 64,
        "amqp://user:s3cret@\udc80",
        "amqp://user:s3cret@host?heartbeat=1",
        "amqp://user:s3cret@host/vhost?s3cret",
        "amqp://user:s3cret@host#s3cret",
        "amqp://user:s3/cret@host",
        "amqp://user:1/s3cret@host",
        "amqp://user:s3?cret@host",
        "amqp://user:s3cret%00@host",
        "amqp://us%00er:s3cret@host",
        "amqp://user:s3cret%FF@host",
        "amqp://user:s3cret@host/a/b",
        "amqp://user:s3cret@host/%FF",
        "amqp://user:s3cret@host/%00",
        "amqp://user:s3cret@host/" + "v" * 256,
        "https://user:s3cret@host",
        "user:s3cret@host",
    ],
)
def test_urls(url):
    """The error for a URL that cannot work does not show what could be a password."""
    text = setting_error_of(AMQPTransport, url)
    assert ("s3" in text, text.startswith("url is ")) == (False, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("exchange", None),
        ("exchange", b"eventtask"),
        ("exchange", "x" * 256),
        ("routing_key", "\u65e5" * 86),
        ("routing_key", "\ud800"),
        ("routing_key", 1),
        ("heartbeat", -1),
        ("heartbeat", 1.5),
        ("heartbeat", 65_536),
        ("heartbeat", True),
        ("connect_timeout", 0),
        ("connect_timeout", "10"),
        ("confirm_timeout", float("nan")),
        ("confirm_timeout", None),
        ("verify", 0),
        ("verify", "/no/such/file"),
        ("cert", "/no/such/file"),
        ("cert", 7),
    ],
)
def test_options(option, value):
    """The error for an option that cannot work begins with its name."""
    with pytest.raises(ValueError, match=f"^{option} is "):
        AMQPTransport("amqps://host", **{option: value})


def test_unknown_option():
    """The error for an option of another destination names those that there are."""
    with pytest.raises(TypeError, match="allowed are exchange, routing_key, heartbeat, verify"):
        Sink("amqp://host", bulk="x")


@pytest.mark.parametrize("name", ["clock", "chance", "own_log"])
def test_seams_for_tests_are_no_options(name):
    """What tests hand to the transport is no option of a sink."""
    with pytest.raises(TypeError, match=f"{name} is no option"):
        Sink("amqp://host", **{name: None})


@pytest.mark.parametrize(
    ("url", "hosts", "credentials", "path"),
    [
        ("amqp://host", (("host", None),), None, ""),
        (" AMQP://HOST:1 ", (("host", 1),), None, ""),
        ("amqps://u:p@a,b:2,[::1]:3,[::2]/v", None, ("u", "p"), "/v"),
        ("amqp://u@host/%2F", (("host", None),), ("u", ""), "/%2F"),
        ("amqp://:p@host", (("host", None),), ("", "p"), ""),
        ("amqp://a%40b:c%3A%2F%2C@host", (("host", None),), ("a@b", "c:/,"), ""),
        ("amqp://u:p:q@host", (("host", None),), ("u", "p:q"), ""),
    ],
)
def test_addresses(url, hosts, credentials, path):
    """Hosts, user, password and path are parsed, and decoded."""
    address = parse_hosts(url, ("amqp", "amqps"))
    assert address.hosts == (hosts or (("a", None), ("b", 2), ("::1", 3), ("::2", None)))
    assert (address.credentials, address.path) == (credentials, path)


def settings(url):
    """Return the settings of a transport with this URL and the defaults."""
    return settings_of(
        parse_hosts(url, ("amqp", "amqps")),
        exchange="eventtask",
        routing_key="eventtask",
        verify=True,
        cert=None,
        heartbeat=60,
        connect_timeout=10,
        confirm_timeout=30,
    )


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("amqp://a,b:1", [("a", 5672), ("b", 1)]),
        ("amqps://a,[::1]", [("a", 5671), ("::1", 5671)]),
    ],
)
def test_default_ports(url, hosts):
    """Each host has the port of the scheme, or its own."""
    assert hosts_of(parse_hosts(url, ("amqp", "amqps"))) == hosts


@pytest.mark.parametrize(
    ("path", "vhost"), [("", "/"), ("/", "/"), ("//", "/"), ("/a%2Fb", "a/b"), ("/%C3%A9", "\xe9")]
)
def test_vhosts(path, vhost):
    """The vhost is percent-decoded, and / where there is none."""
    assert settings(f"amqp://host{path}").vhost == vhost


def test_guest():
    """Without a user in the URL it is guest, as AMQP has it."""
    found = settings("amqp://host")
    assert (found.user, found.password) == ("guest", "guest")


def test_another_exchange_is_another_destination():
    """A spool for one exchange is not used for another one: the names differ."""
    assert AMQPTransport("amqp://host", exchange="x").name == (
        "amqp://host (exchange 'x', routing key 'eventtask')"
    )


def test_verify_false_is_warned_of(caplog):
    """Where nothing is encrypted, there is nothing to warn of."""
    with caplog.at_level(logging.WARNING):
        AMQPTransport("amqp://host", verify=False)
        assert caplog.text == ""
        AMQPTransport("amqps://user:s3cret@host", verify=False)
    assert ("verify is False" in caplog.text, "s3cret" in caplog.text) == (True, False)


def test_library_is_missing():
    """Without py-amqp the error says what to install."""
    program = (
        "import sys; sys.modules['amqp'] = None\n"
        "import structlog_mozdef as m\n"
        "from structlog_mozdef.exceptions import MozDefError\n"
        "try: m.Sink('amqp://host')\n"
        "except MozDefError as error: print(error, error.__cause__, error.__context__)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert output == ("AMQP needs the library amqp: pip install structlog-mozdef[amqp] None None\n")


def test_library_is_loaded_on_demand():
    """A sink for another destination does not load py-amqp."""
    program = (
        "import sys, structlog_mozdef as m\nm.Sink('http://host/events')\n"
        "assert 'amqp' not in sys.modules\nm.Sink('amqp://host')\nassert 'amqp' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
