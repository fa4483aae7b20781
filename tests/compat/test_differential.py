"""The same calls through mozdef-client 1.1 and through our classes give the same JSON.

Except for the listed differences, which are removed on both sides before they are compared.
"""

from __future__ import annotations

import inspect
import json
import warnings

import pytest
from support.compat_documents import COMPLIANCE, VULNERABILITY
from support.old_client import mozdef_client
from support.receivers import Receiver
from support.running import wait_for

from structlog_mozdef import compat

#: Different in each run of a program.
VOLATILE = ("hostname", "timestamp")


def of_old_client(program, count):
    """Return the *count* documents that *program* sends with mozdef-client, and their URLs."""
    with Receiver() as receiver, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program(mozdef_client, receiver.base)
        assert wait_for(lambda: len(receiver.accepted) >= count)  # it does not wait itself
        return [(request.path, json.loads(request.body)) for request in receiver.accepted]


def of_ours(program):
    """Return the same with our classes; /_bulk counts as /events."""
    with Receiver() as receiver:
        program(compat, receiver.base)
        assert compat.flush(20)
        return [
            (request.path.replace("/_bulk", "/events"), document)
            for request in receiver.accepted
            for document in request.events()
        ]


def simple(client, base):
    msg = client.MozDefMsg(f"{base}/events", tags=["openvpn", "duosecurity"])
    msg.send("User logged in", details={"username": "kang"})
    msg.send("two", "authentication", "ERROR", ["bro"], {"uid": 0, "list": [{"a": None}]})


def settings_of_instance(client, base):
    msg = client.MozDefMsg(f"{base}/events", "s", "c", "WARNING", details={"d": "\u65e5\u672c"})
    msg.send()
    msg.summary, msg.category, msg.severity = "other", "more", "NOTICE"
    msg.tags, msg.details = ["x"], {"y": 1.5}
    msg.send()


def internal_attributes(client, base):
    msg = client.MozDefMsg(f"{base}/custom/thing")
    msg.log["some-internal-attribute"] = "smth"
    msg.log["nested"] = {"a": [{"b": True}, {"b": None}], "7": None}
    msg.send("who's there?")


def odd_keys(client, base):
    msg = client.MozDefMsg(f"{base}/events")
    for details in ({1: "int", 2: (1, 2)}, {None: "none"}, {True: "bool"}, {1.5: "float"}):
        msg.send("keys", details=details)


def tuples(client, base):
    msg = client.MozDefMsg(f"{base}/events", "s", "c", "INFO", "ldap", ("a", "b"), {"d": (1, 2)})
    msg.source = "mozdef_client"  # which the old client does not send
    msg.send()


def subclass(client, base):
    class Login(client.MozDefEvent):
        def __init__(self, url):
            client.MozDefEvent.__init__(self, url)
            self._category = "login"
            self._process_name = "./login.py"

        def construct(self):
            client.MozDefEvent.construct(self)
            self._sendlog["customendpoint"] = True

    message = Login(f"{base}/custom/login")
    message.summary = "a login"
    message._httpsession.headers["X-Token"] = "abc"
    message.send()


def large(client, base):
    msg = client.MozDefMsg(f"{base}/custom/large")
    msg.log.update({"success": "perhaps", "sourceipaddress": "none"})
    msg.send("large", details={"lines": ["x" * 1000] * 50})


def all_severities(client, base):
    msg = client.MozDefMsg(f"{base}/events")
    for name in ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"):
        msg.send(name, severity=name)


def event(client, base):
    message = client.MozDefEvent(f"{base}/events")
    message.summary = "a test message"
    message.tags = ["tag1", "tag2"]
    message.details = {"hostname": "test", "alert": True}
    message.set_category("authentication")
    message.set_severity(message.SEVERITY_CRITICAL)
    message.set_verify(False)
    message.send()


def event_with_timestamp(client, base):
    message = client.MozDefEvent(f"{base}/events")
    message.summary = "a test message"
    message.timestamp = message.hostname = "2014-03-18T23:20:31.5+01:00"
    message.set_severity_from_string("ALERT")
    message.set_simple_update_log({"custom": {"a": 1}})
    message.send()


def compliance(client, base):
    item = client.MozDefCompliance(f"{base}/custom/complianceitems")
    item.summary = "compliance item"
    item.details = COMPLIANCE
    item.send()


def vulnerability(client, base):
    document = client.MozDefVulnerability(f"{base}/custom/vulnerability")
    document.log = VULNERABILITY
    document.send()


def hint(client, base):
    message = client.MozDefAssetHint(f"{base}/events")
    message.summary = "an asset hint event"
    message.details = {"hostname": "test"}
    message.send()


def rra(client, base):
    message = client.MozDefRRA(f"{base}/events")
    message.summary, message.category = "an RRA event", "rra_data"
    message.details = {"metadata": {"service": "test"}}
    message.send()


PROGRAMS = [
    simple,
    settings_of_instance,
    internal_attributes,
    tuples,
    subclass,
    large,
    odd_keys,
    all_severities,
    event,
    event_with_timestamp,
    compliance,
    vulnerability,
    hint,
    rra,
]


def comparable(sent):
    """*sent* in one order, and without what differs on purpose.

    The old client leaves the source null, and sends several events in no order.
    """
    result = []
    for address, integer in sent:
        document = dict(integer)
        for name in VOLATILE:
            if name in document:
                document[name] = type(document[name]).__name__
        if document.get("source", "mozdef_client") in (None, "mozdef_client"):
            document.pop("source", None)
        result.append((address, document))
    return sorted(result, key=json.dumps)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_same_documents(program):
    """The same documents go to the same URLs."""
    ours = of_ours(program)
    assert ours
    theirs = of_old_client(program, len(ours))
    assert comparable(ours) == comparable(theirs)


def test_given_timestamp_is_the_same():
    """A timestamp with an offset is sent as it was given, by both."""
    sent = [of_ours(event_with_timestamp), of_old_client(event_with_timestamp, 1)]
    assert {document["timestamp"] for ((_, document),) in sent} == {"2014-03-18T23:20:31.5+01:00"}


def classes():
    return [name for name in mozdef_client.__all__ if name != "MozDefError"]


#: Private names of the old client, of use only to itself.
INTERNAL = {"_httpsession_cb"}


@pytest.mark.parametrize("name", classes())
def test_names_are_the_same(name):
    """Every class of mozdef-client is here, and every attribute of its instances."""
    theirs, ours = (
        getattr(client, name)("http://127.0.0.1:9/events") for client in (mozdef_client, compat)
    )
    names = {attribute for attribute in dir(theirs) if not attribute.startswith("__")}
    assert {attribute for attribute in names if not hasattr(ours, attribute)} <= INTERNAL


@pytest.mark.parametrize("name", classes())
def test_methods_have_the_same_arguments(name):
    """Every method has the same arguments by the same names in the same order."""
    different = []
    theirs, ours = getattr(mozdef_client, name), getattr(compat, name)
    for method, function in inspect.getmembers(theirs, inspect.isfunction):
        if method.startswith("__") or method in INTERNAL:
            continue
        both = [inspect.signature(one) for one in (function, getattr(ours, method))]
        known, new = (
            [(parameter.name, parameter.default) for parameter in signature.parameters.values()]
            for signature in both
        )
        if known != new:
            different.append((method, known, new))
    assert different == []


@pytest.mark.parametrize("name", classes())
def test_constants_are_the_same(name):
    """Every constant of a class has the same value."""
    theirs, ours = getattr(mozdef_client, name), getattr(compat, name)
    constants = {
        constant: value for constant, value in inspect.getmembers(theirs) if constant.isupper()
    }
    assert {constant: getattr(ours, constant) for constant in constants} == constants


@pytest.mark.parametrize("name", classes())
def test_bases_are_the_same(name):
    """Every class has the same base classes."""
    theirs, ours = getattr(mozdef_client, name), getattr(compat, name)
    known = [base.__name__ for base in theirs.__mro__]
    assert [base.__name__ for base in ours.__mro__] == known


def test_modules_are_the_same():
    """The modules of mozdef-client have counterparts with the same names."""
    modules = {name for name, _ in inspect.getmembers(mozdef_client, inspect.ismodule)}
    assert {name for name in modules if not inspect.ismodule(getattr(compat, name, None))} == set()
