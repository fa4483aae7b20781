"""`configure` reads what the program does not say from environment variables."""

from __future__ import annotations

import base64
import os
import typing
from pathlib import Path

import pytest
import structlog
from support.destinations import structlog_defaults
from support.receivers import Receiver
from support.running import wait_for

from structlog_mozdef import SpoolError, configure
from structlog_mozdef.options import ConfigureOptions
from structlog_mozdef.options.environment import PREFIX, readers, settings_from
from structlog_mozdef.testing import MemoryTransport

HOME = Path.home()
URL = "https://mozdef.example.com:8443/events"


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    with structlog_defaults():
        yield


def read(**variables):
    """The options that the environment gives."""
    environment = {f"{PREFIX}{name.upper()}": text for name, text in variables.items()}
    return settings_from(environment, {}, URL).options


def test_a_program_needs_no_argument(monkeypatch, tmp_path):
    """Destination, spool, tags and all else can come from the environment."""
    with Receiver() as receiver:
        for name, text in {
            "URL": f" {receiver.url} ",
            "SPOOL": str(tmp_path / "spool"),
            "TAGS": "vpn, duo,",
            "CATEGORY": "authentication",
            "SOURCE": "gate",
            "LEVEL": "WARN",
            "LINGER": "0",
            "HANDLE_SIGTERM": "no",
        }.items():
            monkeypatch.setenv(f"{PREFIX}{name}", text)
        sink = configure()
        structlog.get_logger().info("below")
        structlog.get_logger().warning("above")
        configure(None)  # ends the stream
        assert sink.close(10)
        (event,) = receiver.events()
    found = [event[name] for name in ("summary", "category", "source", "tags")]
    assert found == ["above", "authentication", "gate", ["vpn", "duo"]]
    assert (tmp_path / "spool").is_dir()
    assert sink.config.handle_sigterm is False


def test_arguments_come_first(monkeypatch):
    """What the program passes wins over the environment, which fills in the rest."""
    transport = MemoryTransport()
    monkeypatch.setenv("MOZDEF_URL", URL)
    monkeypatch.setenv("MOZDEF_TAGS", "environment")
    monkeypatch.setenv("MOZDEF_SOURCE", "environment")
    sink = configure(transport, tags=["argument"], linger=0)
    structlog.get_logger().info("x")
    sink.close(10)
    assert transport.events[0]["tags"] == ["argument"]
    assert transport.events[0]["source"] == "environment"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("tags", "a,b", ["a", "b"]),
        ("tags", " a , ,b ", ["a", "b"]),
        ("listed_names", "headers", ["headers"]),
        ("redact", "false", False),
        ("redact", " YES ", True),
        ("sequence", "0", False),
        ("stdlib", "on", True),
        ("console", "auto", "auto"),
        ("console", "Off", False),
        ("max_events", "1000", 1000),
        ("linger", "0.25", 0.25),
        ("linger", "2", 2.0),
        ("verify", "no", False),
        ("verify", "true", True),
        ("verify", "~/ca.pem", f"{HOME}/ca.pem"),
        ("spool", "~/x", f"{HOME}/x"),
        ("seal", "~/key", f"{HOME}/key"),
        ("cert", "/a.pem", "/a.pem"),
        ("cert", "/a.pem, ~/b.pem", ("/a.pem", f"{HOME}/b.pem")),
        ("when_full", "block", "block"),
        ("bulk", "auto", "auto"),
        ("bulk", "False", False),
        ("facility", "auth", "auth"),
        ("mode", "640", "640"),
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("level", "WARN", "WARN"),
        ("api_key", "aWQ6a2V5", "aWQ6a2V5"),
        ("spool", "none", None),
        ("seal", "null", None),
        ("max_events", " None ", None),
        ("source", "NULL", None),
        ("category", "none", "none"),
    ],
)
def test_strings_are_understood(name, text, value):
    """A string becomes a value of the type of its option."""
    assert read(**{name: text}) == {name: value}


@pytest.mark.parametrize("text", ["", " ", "\t"])
@pytest.mark.parametrize("name", ["tags", "spool", "max_events", "redact", "level"])
def test_an_empty_variable_says_nothing(name, text):
    """A variable that is set to nothing is as good as none."""
    assert read(**{name: text}) == {}


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("redact", "maybe", "true or false"),
        ("console", "maybe", "true, false or auto"),
        ("max_events", "many", "an integer"),
        ("max_events", "1e3", "an integer"),
        ("linger", "1s", "a number"),
    ],
)
def test_a_value_that_makes_no_sense_names_its_variable(name, text, allowed):
    """One sentence says which variable is wrong, and what is allowed."""
    with pytest.raises(ValueError) as caught:
        read(**{name: text})
    assert str(caught.value) == f"MOZDEF_{name.upper()} is {text!r}; it must be {allowed}"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["URL", "SPOOL", "TAGS", "API_KEY", "LEVEL"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_are_no_part_of_a_value(name, quote, monkeypatch):
    """Some tools pass on those of a file of variables: a folder would be made by such a name."""
    monkeypatch.setenv("MOZDEF_URL", URL)
    monkeypatch.setenv(f"MOZDEF_{name}", f" {quote}hunter2{quote}")
    with pytest.raises(ValueError) as caught:
        configure()
    assert str(caught.value) == (
        f"MOZDEF_{name} has quotes around its value; it must be without them"
    )


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("MAX_EVENTS", "0", "MOZDEF_MAX_EVENTS is 0; it must be an integer of 1 or more"),
        ("LINGER", "nan", "MOZDEF_LINGER is nan; it must be a number of 0 or more"),
        ("LEVEL", "loud", "MOZDEF_LEVEL is 'loud'; it must be one of notset, debug, info, "),
        ("WHEN_FULL", "wait", "MOZDEF_WHEN_FULL is 'wait'; it must be 'drop_newest', "),
        ("VERIFY", "/no/such", "MOZDEF_VERIFY is '/no/such'; it must be the path of an existing"),
        ("TIMEZONE", "Berln", "MOZDEF_TIMEZONE is 'Berln'; it must be "),
        ("FACILITY", "auth", "MOZDEF_FACILITY is no option of https://; allowed are bulk, "),
        ("MAX_NAMES", "5", "MOZDEF_MAX_NAMES is 5; it must be an integer from 10 to 900"),
    ],
)
def test_a_value_that_cannot_work_names_its_variable(name, text, sentence, monkeypatch):
    """What is found wrong later, when the sink is made, is said of the variable as well."""
    before = structlog.get_config()["processors"]
    monkeypatch.setenv("MOZDEF_URL", URL)
    monkeypatch.setenv(f"MOZDEF_{name}", text)
    with pytest.raises(ValueError) as caught:
        configure()
    assert str(caught.value).startswith(sentence)
    assert caught.value.__context__ is None
    assert structlog.get_config()["processors"] is before


def test_a_spool_that_cannot_be_used_names_its_variable(monkeypatch, tmp_path):
    """The error of a folder is of the same type as without a variable."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOZDEF_URL", URL)
    monkeypatch.setenv("MOZDEF_SPOOL", str(tmp_path / "file"))
    with pytest.raises(SpoolError, match=r"^MOZDEF_SPOOL is '.*file'"):
        configure()


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "htps://kang:hunter2@host/events",
        "https://kang:hunter2/events",
        "https://kang:hun/hunter2@host/events",
        "amqp://kang:hunter2@/x",
        "sqs://hunter2@queue!",
    ],
)
def test_a_bad_url_is_not_shown(url, monkeypatch):
    """What is wrong with a URL is said without it, since a password may stand in it."""
    monkeypatch.setenv("MOZDEF_URL", url)
    with pytest.raises(ValueError, match=r"^MOZDEF_URL cannot be used; ") as caught:
        configure()
    assert "hunter2" not in str(caught.value)


def test_a_missing_url_is_an_error():
    """A program that forgot its URL does not run for a year without sending anything."""
    with pytest.raises(ValueError) as caught:
        configure()
    assert str(caught.value) == (
        "MOZDEF_URL is not set; it must be the URL of the destination, or empty to send nothing"
    )


@pytest.mark.parametrize("destination", [None, "", MemoryTransport()])
def test_options_of_a_transport_do_not_matter_without_a_url(destination, monkeypatch):
    """Where nothing is sent, or a test has a transport of its own, they are left aside."""
    monkeypatch.setenv("MOZDEF_VERIFY", "/no/such")
    monkeypatch.setenv("MOZDEF_READ_TIMEOUT", "5")
    assert configure(destination).close()


def test_user_and_password_are_those_of_the_commands(monkeypatch):
    """They are not in the URL, so that it can be shown to everybody."""
    monkeypatch.setenv("MOZDEF_USER", "kang")
    password = "p/w:#\u00e4"
    monkeypatch.setenv("MOZDEF_PASSWORD", password)
    with Receiver() as receiver:
        monkeypatch.setenv("MOZDEF_URL", receiver.url)
        sink = configure(linger=0)
        structlog.get_logger().info("x")
        assert wait_for(receiver.summaries)
        configure(None)  # ends the stream
        assert sink.close(10)
    expected = f"Basic {base64.b64encode(f'kang:{password}'.encode()).decode()}"
    assert receiver.requests[-1].headers["authorization"] == expected


@pytest.mark.parametrize(
    ("url", "options", "expected"),
    [
        ("https://host/events", {}, "https://a:b@host/events"),
        ("https://x:y@host/events", {}, "https://x:y@host/events"),
        ("https://host/events", {"auth": ("x", "y")}, "https://host/events"),
        ("https://host/_bulk", {"api_key": "aWQ6a2V5"}, "https://host/_bulk"),
        ("syslog+tls://host", {}, "syslog+tls://host"),
        ("amqps://host/vhost", {}, "amqps://a:b@host/vhost"),
    ],
)
def test_user_and_password_of_the_program_come_first(url, options, expected):
    """Those of the environment are for a URL that has none, and can have some."""
    environment = {"MOZDEF_USER": "a", "MOZDEF_PASSWORD": "b"}
    assert settings_from(environment, options, url).url == expected


@pytest.mark.parametrize(("given", "missing"), [("USER", "PASSWORD"), ("PASSWORD", "USER")])
def test_a_user_needs_a_password(given, missing):
    """One without the other is an error that names both, and shows neither."""
    with pytest.raises(ValueError) as caught:
        settings_from({f"MOZDEF_{given}": "secret"}, {}, URL)
    assert str(caught.value) == (
        f"MOZDEF_{given} is set, and MOZDEF_{missing} is not; they belong together"
    )


#: Options that no string can stand for: objects, and mappings.
WITHOUT_VARIABLE = {"auth", "headers", "processors", "proxies", "retry", "typed_names"}


def test_each_option_has_a_variable():
    """There is a variable for each option, but for those that no string can stand for."""
    options = set(typing.get_type_hints(ConfigureOptions))
    variables = {variable.removeprefix(PREFIX).lower() for variable in readers()}
    assert options - variables == WITHOUT_VARIABLE
    assert variables <= options


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("MOZDEF_SPOL", "MOZDEF_SPOL has no effect; do you mean MOZDEF_SPOOL?"),
        ("MOZDEF_TAG", "MOZDEF_TAG has no effect; do you mean MOZDEF_TAGS?"),
        ("MOZDEF_RETRY", "MOZDEF_RETRY has no effect: retry cannot come from the environment"),
        ("MOZDEF_spool", "MOZDEF_spool has no effect; do you mean MOZDEF_SPOOL?"),
        ("MOZDEF_VERSION", None),
        ("MOZDEF_DIR", None),
        ("MOZDEF_USER", None),
    ],
)
def test_a_misspelt_variable_is_warned_of(variable, sentence, monkeypatch, caplog):
    """Who believes to have a spool, and has none, is told so. Other names are other programs'."""
    monkeypatch.setenv(variable, "x")
    configure(None)
    assert [record.getMessage() for record in caplog.records] == ([sentence] if sentence else [])
