"""Subclasses that programs have made of mozdef_client's classes."""

from __future__ import annotations

import configparser

import pytest
from support.compat_receivers import only, sent

import structlog_mozdef.compat as mozdef_client
from structlog_mozdef.compat import MozDefError, MozDefEvent, MozDefMsg, MozDefRRA


class ConfiguredEvent(MozDefEvent):
    """An event whose settings are in a file, with properties over mozdef_client's private names.

    In the manner of the client of Mozilla's VPN login tools.
    """

    def __init__(self, path):
        config = configparser.ConfigParser()
        config.read(path)
        self._is_on = config.getboolean("mozdef", "send_events", fallback=True)
        super().__init__(config.get("mozdef", "mozdef_url"))
        self._send_to_syslog = config.getboolean("mozdef", "send_to_syslog", fallback=False)
        self._syslog_only = config.getboolean("mozdef", "syslog_only", fallback=False)
        self.set_facility_from_string(config.get("mozdef", "syslog_facility", fallback="user"))
        self.set_verify(True)

    def send(self, *args, **kwargs):
        if self._is_on:
            super().send(*args, **kwargs)

    @property
    def category(self):
        return self._category

    @category.setter
    def category(self, category):
        self._category = category.lower()

    @property
    def source(self):
        return self._source

    @source.setter
    def source(self, source):
        self._source = source


@pytest.fixture
def settings(tmp_path, receiver):
    """Write the file of settings, with more lines, and return its path."""

    def write(*more):
        path = tmp_path / "mozdef_client_config.conf"
        path.write_text("\n".join(["[mozdef]", f"mozdef_url = {receiver.url}", *more]))
        return path

    return write


def test_properties_over_the_private_names(settings, receiver):
    """Properties `category` and `source` over `_category` and `_source` count."""
    event = ConfiguredEvent(settings())
    assert (event.category, event.source) == ("event", None)
    event.summary = "logged in"
    event.category = "Authentication"
    event.source = "openvpn"
    event.send()
    stored = only(receiver)
    assert (stored["category"], stored["source"]) == ("authentication", "openvpn")


def test_setters_of_the_base_class(settings, receiver):
    """With such properties, mozdef_client's setters count as well."""
    event = ConfiguredEvent(settings())
    event.summary = "logged in"
    event.set_category("authentication")
    event.set_severity_from_string("ERROR")
    event.send()
    stored = only(receiver)
    assert (stored["category"], stored["severity"]) == ("authentication", "ERROR")


def test_an_overridden_send(settings, receiver):
    """A subclass that does not call `send` of the base class sends nothing."""
    event = ConfiguredEvent(settings("send_events = False"))
    event.summary = "logged in"
    event.send()
    assert sent(receiver) == []


@pytest.mark.parametrize(
    ("public", "private", "field"),
    [
        ("category", "_category", "category"),
        ("source", "_source", "source"),
        ("processname", "_process_name", "processname"),
        ("processid", "_process_id", "processid"),
    ],
)
def test_properties_the_other_way_round(public, private, field):
    """A property with a private name over the public one counts too."""

    def read(self):
        return getattr(self, public)

    def write(self, value):
        setattr(self, public, value)

    kind = type("Event", (MozDefEvent,), {private: property(read, write)})
    event = kind("url")
    setattr(event, private, "given")
    event.construct()
    assert (event._sendlog[field], getattr(event, public)) == ("given", "given")


@pytest.mark.parametrize("private", ["_category", "_source", "_process_name", "_process_id"])
def test_properties_with_a_store_of_their_own(private):
    """A property of a subclass with a private name can keep the value elsewhere."""
    kept = {}
    kind = type(
        "Event",
        (MozDefEvent,),
        {private: property(lambda self: kept["x"], lambda self, value: kept.update(x=value))},
    )
    event = kind("url")
    setattr(event, private, "given")
    event.construct()
    assert event._sendlog[private.lstrip("_").replace("process_", "process")] == "given"


def test_overridden_methods_are_called(receiver):
    """`validate`, `construct`, `validate_log`, `syslog_convert` and setters can be overridden."""
    calls = []

    class Login(MozDefEvent):
        def set_category(self, x):
            super().set_category(f"my-{x}")

        def set_severity_from_string(self, x):
            super().set_severity_from_string(x.upper())

        def set_fire_and_forget(self, f):
            calls.append("set")
            super().set_fire_and_forget(f)

        def validate(self):
            calls.append("validate")
            return super().validate() and "username" in self.details

        def construct(self):
            calls.append("construct")
            super().construct()
            self._sendlog["details"]["constructed"] = True

        def validate_log(self):
            calls.append("validate_log")
            return self._sendlog["details"]["constructed"]

    event = Login(receiver.url)
    event.summary = "logged in"
    with pytest.raises(MozDefError, match="failed validation"):
        event.send()
    calls.clear()
    event.details = {"username": "kang"}
    event.set_category("login")
    event.set_severity_from_string("alert")
    event.set_fire_and_forget(False)
    event.send()
    stored = only(receiver)
    assert calls == ["set", "validate", "construct", "validate_log"]
    assert (stored["category"], stored["severity"]) == ("my-login", "ALERT")
    assert (stored["details"], event.details) == (
        {"username": "kang", "constructed": True},
        {"username": "kang"},
    )


def test_subclass_of_an_assessment():
    """The category of an assessment is what its subclass says."""

    class Assessment(MozDefRRA):
        @property
        def category(self):
            return self._category

        @category.setter
        def category(self, category):
            self._category = category

    rra = Assessment("url")
    rra.summary, rra.details = "an assessment", {"a": 1}
    assert rra.validate() is True
    rra.category = "event"
    assert rra.validate() is False


def test_subclass_of_messages(receiver):
    """A subclass of `MozDefMsg` can override `send` and add to what is sent."""

    class Msg(MozDefMsg):
        def __init__(self, url):
            MozDefMsg.__init__(self, url, category="vpn", tags=["vpn"])

        def send(self, summary, **options):
            details = {"client": "vpn", **options.pop("details", {})}
            MozDefMsg.send(self, summary, details=details, **options)

    Msg(receiver.url).send("hello", details={"username": "kang"}, severity="ERROR")
    stored = only(receiver)
    names = ("category", "tags", "severity", "details")
    assert [stored[name] for name in names] == [
        "vpn",
        ["vpn"],
        "ERROR",
        {"client": "vpn", "username": "kang"},
    ]


def test_names_of_the_severities():
    """`_sevmap` and `_facilitymap` are mozdef_client's: names, and the numbers of syslog."""
    syslog = pytest.importorskip("syslog")
    assert MozDefEvent._sevmap[MozDefEvent.SEVERITY_ERROR] == ["ERROR", syslog.LOG_ERR]
    assert MozDefEvent._facilitymap["local3"] == syslog.LOG_LOCAL3
    assert mozdef_client.event.boto_loaded is True


@pytest.mark.parametrize("source", [None, "openvpn"])
def test_source_in_the_simple_log(receiver, source):
    """A source in the simple log counts, unless the event has its own."""
    event = MozDefEvent(receiver.url)
    event.summary = "hello"
    event.set_simple_update_log({"source": "ldap"})
    event._updatelog["customendpoint"] = ""
    if source is not None:
        event.source = source
    event.send()
    assert only(receiver)["source"] == (source or "ldap")
