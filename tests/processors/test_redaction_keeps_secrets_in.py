"""Secrets do not leave the process, at any depth and in any form; harmless words do."""

import copy
import dataclasses
import decimal
import logging
import pickle
import time

import orjson
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from support import hostile
from support.harmless_lines import HARMLESS_NAMES

from structlog_mozdef import MozDefHandler, MozDefRenderer, MozDefTee, Redactor, Sink
from structlog_mozdef.testing import MemoryTransport

SECRET = "s3cr3t-V4lue"
REDACTED = "[redacted]"


def redacted(value, name="field", **options):
    return Redactor(**options)(None, "info", {name: value})[name]


def by_processor(**event_dict):
    return MozDefRenderer()(None, "info", Redactor()(None, "info", event_dict))


def by_renderer(**event_dict):
    return MozDefRenderer(redactor=Redactor())(None, "info", event_dict)


WAYS = pytest.mark.parametrize("rendered", [by_processor, by_renderer])


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Password",
        "user_password",
        "passwd",
        "db-passphrase",
        "secret",
        "clientSecret",
        "token",
        "access_token",
        "refreshToken",
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "X-API-Key",
        "apiKey",
        "private_key",
        "ssh.key",
        "sessionid",
        "X-CSRF-Token",
        "jwt",
        "otp",
        "credentials",
    ],
)
def test_secret_is_known_by_its_name(name):
    """A value under the name of a secret is replaced, however the name is written."""
    assert redacted(SECRET, name) == REDACTED


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_harmless_name_is_kept(name):
    """A name that only looks like that of a secret is harmless."""
    assert redacted("value", name) == "value"


@pytest.mark.parametrize("value", [None, True, False])
def test_whether_there_is_a_secret_may_be_known(value):
    """None, True and False are kept: they are not secrets."""
    assert redacted(value, "password") is value


@dataclasses.dataclass
class Login:
    user: str
    password: str


PLACES = {
    "dict": {"a": {"password": SECRET}},
    "list of dicts": [{"password": SECRET}],
    "pairs": [("Authorization", SECRET), ("Accept", "text")],
    "pairs of bytes": [(b"cookie", SECRET.encode()), (b"accept", b"text")],
    "tuple of lists": (["X-Api-Key", SECRET],),
    "named values": [{"name": "password", "value": SECRET}],
    "one named value": {"name": "Cookie", "value": SECRET, "comment": "of HAR"},
    "dict items": {"password": SECRET}.items(),
    "dataclass": Login("kang", SECRET),
    "dataclass in a list": [Login("kang", SECRET)],
    "bytes": f"password={SECRET}".encode(),
    "bytearray": bytearray(f"password={SECRET}".encode()),
    "bytes key": {b"password": SECRET},
    "exception": ValueError(f"password={SECRET}"),
    "set": {f"token={SECRET}"},
    "dict subclass": hostile.Dict(password=SECRET),
    "list subclass": hostile.List([{"password": SECRET}]),
    "str subclass": hostile.Text(f"password={SECRET}"),
    "deep": {"a": [[[[[[{"password": SECRET}]]]]]]},
    "URL": f"https://kang:{SECRET}@example.com/a?b=c",
    "URL without a user": f"redis://:{SECRET}@example.com/0",
    "URL of several": f"amqp://a:{SECRET}@h1,h2/ https://b:{SECRET}@h3",
    "token as the user": f"https://{SECRET * 2}@github.com/a/b",
    "query": f"/login?token={SECRET}&next=/",
    "query of an API": f"https://example.com/?a=b&api_key={SECRET}",
    "camel case": f"accessToken={SECRET}",
    "setting": f"password: {SECRET}",
    "quoted": f'password="my {SECRET}"',
    "JSON text": f'{{"password": "{SECRET}"}}',
    "JSON in JSON": f'{{"a": "{{\\"password\\": \\"{SECRET}\\"}}"}}',
    "header": f"Authorization: Bearer {SECRET}",
    "basic": f"Authorization: Basic {SECRET}",
    "cookie": f"Cookie: a=b; session={SECRET}",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    "half a private key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
}


@WAYS
@pytest.mark.parametrize("place", PLACES)
def test_secret_is_found(rendered, place):
    """A secret is found wherever and however it is kept."""
    assert SECRET.encode() not in rendered(field=PLACES[place])


@WAYS
@pytest.mark.parametrize("place", PLACES)
def test_secret_in_an_exception_is_found(rendered, place):
    """The message of an exception, and its traceback, are searched as well."""
    error = ValueError(PLACES[place])
    if not isinstance(PLACES[place], str):
        error = ValueError(f"password={SECRET}")
    assert SECRET.encode() not in rendered(exc_info=error)


def test_neighbours_of_a_secret_are_kept():
    """The neighbours of a secret are kept."""
    value = redacted({"password": SECRET, "user": "kang", "n": [1, {"token": SECRET}]})
    assert value == {"password": REDACTED, "user": "kang", "n": [1, {"token": REDACTED}]}


def test_pairs_keep_their_names():
    """Of headers as a list of pairs, the names and harmless values are kept."""
    value = redacted([("Authorization", SECRET), ("Accept", "text")])
    assert value == [["Authorization", REDACTED], ("Accept", "text")]


@pytest.mark.parametrize(
    "value", [["password", "email"], ("token", "id"), ["--password", "--user"]]
)
def test_names_in_a_list_are_no_pair(value):
    """What stands after the name of a secret in a list can be another name."""
    assert redacted(value) is value


def test_lines_after_a_private_key_are_kept():
    """In a list of lines only those of the key are replaced."""
    lines = ["a", "-----BEGIN PRIVATE KEY-----", SECRET, "-----END PRIVATE KEY-----", "b"]
    kept = redacted(lines)
    assert SECRET not in str(kept)
    assert (kept[0], kept[2], kept[4]) == ("a", REDACTED, "b")


def test_listed_names_are_searched():
    """Names that the renderer lists as values keep no secret from being found."""
    renderer = MozDefRenderer(listed_names=["form"], redactor=Redactor())
    line = renderer(None, "info", {"form": {"password": SECRET, "user": "kang"}})
    assert orjson.loads(line)["details"]["form"] == [
        {"name": "password", "value": REDACTED},
        {"name": "user", "value": "kang"},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "the author: Jane",
        "User logged in",
        "http://example.com:8080/a?b=c@d",
        "ssh://git@example.com/a",
        "tokenizer=bpe",
        "monkey=see",
        "basic idea",
        "2026-01-01T00:00:00+00:00",
        '{"a": "b"}',
        "password:",
        'password=""',
    ],
)
def test_harmless_text_is_kept(text):
    """A string without a secret stays as it is."""
    assert redacted(text) == text


def test_rest_of_a_url_is_kept():
    """Of a URL only the secret is replaced."""
    url = redacted(f"https://kang:{SECRET}@example.com/a?token={SECRET}&next=/")
    assert url == f"https://kang:{REDACTED}@example.com/a?token={REDACTED}&next=/"


def test_callers_objects_are_left_alone():
    """The objects of the program are not changed."""
    value = {"a": [{"password": SECRET}], "b": (f"token={SECRET}",)}
    before = copy.deepcopy(value)
    redacted(value)
    assert value == before


def test_value_without_a_secret_is_not_copied():
    """A value without a secret is passed on itself, in its own types."""
    value = {"a": [decimal.Decimal(1), {"b": (1, "text")}]}
    assert redacted(value) is value


def test_own_names_are_secrets():
    """Names that the program adds are secrets, however they are written."""
    assert redacted("x", "Badge.No", names=["badge_no"]) == REDACTED


def test_own_patterns_are_secrets():
    """A match of the program's own pattern is replaced."""
    assert redacted("card 1234-5678", patterns=[r"\d{4}-\d{4}"]) == f"card {REDACTED}"


def test_kept_names_are_no_secrets():
    """A name that the program keeps is not a secret."""
    assert redacted("user:5", "key", keep=["key"]) == "user:5"


@pytest.mark.parametrize(
    "options",
    [
        {"names": "badge"},
        {"names": [5]},
        {"names": 5},
        {"keep": b"x"},
        {"patterns": "x"},
        {"patterns": ["("]},
        {"patterns": [5]},
    ],
)
def test_bad_option_is_named(options):
    """An option that cannot work is rejected in a sentence that says what it must be."""
    with pytest.raises(ValueError, match=r"is .*; it must be"):
        Redactor(**options)


def test_redactor_can_be_pickled():
    """A redactor that came out of a pickle does the same."""
    redactor = pickle.loads(pickle.dumps(Redactor(names=["badge"], patterns=["x+"])))
    assert redactor(None, "info", {"badge": "1", "a": "xx"}) == {"badge": REDACTED, "a": REDACTED}


@WAYS
@pytest.mark.parametrize("name", hostile.VALUES)
def test_hostile_value_keeps_its_neighbours(rendered, name):
    """A value whose methods raise or lie costs its neighbours nothing."""
    event = orjson.loads(rendered(a="b", value=hostile.VALUES[name](), password=SECRET))
    assert (event["details"]["a"], event["details"]["password"]) == ("b", REDACTED)


@WAYS
@settings(max_examples=100, deadline=None)
@given(hostile.ANYTHING, st.text(max_size=4))
def test_any_value_with_a_secret(rendered, value, name):
    """A secret is found among any neighbours."""
    value = {"other": hostile.made(value), "a": [{name: {"password": SECRET}}]}
    assert SECRET.encode() not in rendered(field=value)


PIECES = ["a", "=", ":", "a_", "a-", "/", "://", "a://", "a://:", "@", "a:", "?", "&", " ", '"']
PIECES += ["'", "\\", '\\"', "password", "password=", "password='\"", 'password:"', "bearer "]
PIECES += ["bearer", "cookie:", "cookie: ", "cookie:a=", "-----BEGIN ", "-----BEGIN PRIVATE KEY"]
PIECES += [
    "-----BEGIN PRIVATE KEY-----",
    "-----END ",
    "token",
    "api_",
    "\n",
    "\u20ac",
    "A ",
    "\x00",
    "://a:b",
    "<a name='password' ",
    "curl -u ",
    "mysql ",
    "grant ",
    "machine a login ",
    "password: A = ",
    "password%25",
    "\u5bc6\u7801",
    "jdbc:oracle:thin:a/",
    "insert into a (password) values ('",
    "echo ",
    "name: password\n",
    "password  ",
    "{password, '",
    ";password=a b",
    "$a$",
    "seed phrase: abc ",
    "auth('', '",
    " -u a -p ",
    " --user=a",
    "setuser a ",
    "net use a ",
    "freerdp ",
    "radius",
    "config http-basic.a ",
    "mc alias set a ",
    "password a",
    "passwd 1 ",
    "ssh-keygen -N x1",
    "snmpget -A x1 -X x1 ",
    "ENV A_TOKEN ",
    "config set --secret ",
    "PWD=/a ; ",
    "user@",
]


@pytest.mark.parametrize("tail", ["", "=", ":", " PRIVATE KEY", "@"])
@pytest.mark.parametrize("piece", PIECES)
def test_suspicious_text_takes_no_time(piece, tail):
    """100 kB of anything suspicious are looked through in well under a second."""
    text = piece * (100_000 // len(piece)) + tail
    start = time.thread_time()  # the machine may be busy with others
    redacted([text[:60_000], text[40_000:]])
    assert time.thread_time() - start < 0.8


LARGE = {
    "many strings": lambda: [f"password={number}" for number in range(300_000)],
    "many dicts": lambda: [{"password": number} for number in range(200_000)],
    "many keys": lambda: {f"key {number}": "a" for number in range(500_000)},
    "many integers": lambda: list(range(5_000_000)),
    "huge text": lambda: "password=x " * 10_000_000,
    "many huge strings": lambda: ["a=b " * 10_000] * 2_000,
    "shared": hostile.shared,
    "cyclic": lambda: hostile.cycle(dict),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_value_takes_no_time(name):
    """A huge value is looked through only as far as it fits into an event."""
    value = LARGE[name]()
    start = time.thread_time()
    redacted(value)
    assert time.thread_time() - start < 1


def test_secret_behind_a_lot_is_not_shown():
    """Values beyond the budget of the search are left out."""
    value = ["a=b " * 10_000] * 200 + [{"password": SECRET}, f"password={SECRET}"]
    assert SECRET not in str(redacted(value))


@pytest.mark.parametrize(
    "field", ["category", "source", "event", "hostname", "processname", "tags"]
)
def test_secret_is_found_in_each_field(field):
    """The renderer finds secrets in the fields beside the details as well."""
    text = f"password={SECRET}"
    line = by_renderer(**{field: [text] if field == "tags" else text})
    assert SECRET.encode() not in line
    assert b"password=[redacted]" in line


@pytest.mark.parametrize("field", ["source", "summary", "badge"])
def test_own_name_of_a_field_is_a_secret(field):
    """The renderer knows names that the program adds, those of MozDef's fields among them."""
    renderer = MozDefRenderer(redactor=Redactor(names=[field]))
    event = orjson.loads(renderer(None, "info", {field: "x", "event": "x"}))
    assert {**event, **event["details"]}[field] == REDACTED


def test_own_pattern_is_a_secret_for_the_renderer():
    """A match of the program's own pattern is replaced in the rendered event."""
    renderer = MozDefRenderer(redactor=Redactor(patterns=[r"\d{4}-\d{4}"]))
    event = orjson.loads(renderer(None, "info", {"event": "card 1234-5678"}))
    assert event["summary"] == f"card {REDACTED}"


@pytest.mark.parametrize("length", [31_990, 32_000, 90_000])
def test_secret_that_is_cut_is_not_shown(length):
    """A secret that is recognized by its end is found before that is cut off."""
    line = by_renderer(text="x" * (length - 20) + f" https://kang:{SECRET}@example.com")
    assert SECRET[:4].encode() not in line


def test_events_without_secrets_are_rendered_as_without_redaction():
    """What is no secret is the same in both."""
    event_dict = {
        "event": "served",
        "headers": {"accept": "text/html", "author": "kang"},
        "raw": b"bytes",
        "number": decimal.Decimal(1),
        "tags": ["a"],
        "timestamp": "2026-01-01T00:00:00+00:00",
    }
    plain = MozDefRenderer()(None, "info", dict(event_dict))
    assert by_renderer(**event_dict) == plain


def test_renderer_with_a_redactor_can_be_pickled():
    """A renderer that came out of a pickle redacts as well."""
    renderer = pickle.loads(pickle.dumps(MozDefRenderer(redactor=Redactor())))
    assert SECRET.encode() not in renderer(None, "info", {"password": SECRET})


def test_tee_redacts_its_copy():
    """A tee ships no secret, and leaves the event of the chain as it is."""
    transport = MemoryTransport()
    with Sink(transport) as sink:
        event = MozDefTee(sink)(None, "info", {"event": "a", "password": SECRET})
    assert event["password"] == SECRET
    assert [one["details"]["password"] for one in transport.events] == [REDACTED]


def handled(formatter=None, **options):
    """Return what a handler ships of a record with two secrets."""
    transport = MemoryTransport()
    with Sink(transport) as sink:
        handler = MozDefHandler(sink, **options)
        if formatter is not None:
            handler.setFormatter(formatter)
        handler.handle(logging.makeLogRecord({"msg": f"token={SECRET}", "password": SECRET}))
    (event,) = transport.events
    return str(event)


FORMATTERS = {
    "none": None,
    "of an event": structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ExtraAdder(), MozDefRenderer()]
    ),
}


@pytest.mark.parametrize("formatter", ["none", "of an event"])
def test_handler_redacts(formatter):
    """A handler ships no secret, neither in the message nor in fields, of any kind of record."""
    assert SECRET not in handled(FORMATTERS[formatter])


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_handler_can_leave_secrets(formatter):
    """``redact=False`` ships records as they are."""
    assert SECRET in handled(FORMATTERS[formatter], redact=False)


def test_tee_can_leave_secrets():
    """``redact=False`` ships events as they are."""
    transport = MemoryTransport()
    with Sink(transport) as sink:
        MozDefTee(sink, redact=False)(None, "info", {"event": f"password={SECRET}"})
    assert [event["summary"] for event in transport.events] == [f"password={SECRET}"]


@pytest.mark.parametrize("kind", [MozDefTee, MozDefHandler])
def test_what_redact_can_be(kind):
    """Anything but True, False and a redactor is rejected."""
    with Sink(MemoryTransport()) as sink, pytest.raises(ValueError, match="redact is 5; it must"):
        kind(sink, redact=5)
