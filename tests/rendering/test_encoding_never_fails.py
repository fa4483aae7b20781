"""Whatever an event holds, its encoding is one line of JSON, and nothing is raised."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import subprocess
import sys
import threading
import typing
import uuid

import attrs
import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import hostile

from structlog_mozdef.rendering.encode import encode

EVENT = {
    "category": "event",
    "hostname": "host.example.com",
    "processid": 1,
    "processname": "program",
    "severity": "INFO",
    "source": "source",
    "summary": "summary",
    "tags": [],
    "timestamp": "2026-01-01T00:00:00.000000+00:00",
}


def strict(encoded):
    """Parse as strictly as RFC 8259: Python's json would accept NaN."""
    assert type(encoded) is bytes
    assert b"\n" not in encoded
    return orjson.loads(encoded)


def details_of(**details):
    return strict(encode({**EVENT, "details": details}))["details"]


def encoded(value):
    return details_of(value=value)["value"]


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Account:
    name: str
    password: str = dataclasses.field(default="secret", repr=False)


@attrs.define
class Session:
    user: str
    token: str = attrs.field(default="secret", repr=False)


class Point(typing.NamedTuple):
    x: int
    y: int


CONVERSIONS = {
    "NaN": (math.nan, None),
    "infinity": (math.inf, None),
    "negative infinity": (-math.inf, None),
    "beyond 64 bits": (2**63, str(2**63)),
    "minimum of 64 bits": (-(2**63), -(2**63)),
    "maximum of 64 bits": (2**63 - 1, 2**63 - 1),
    "lone surrogate": ("a\ud800b", "a\\ud800b"),
    "surrogate pair in two": ("\ud83d\ude00", "\\ud83d\\ude00"),
    "bytes": (b"caf\xc3\xa9", "café"),
    "bytes that are not UTF-8": (b"\xff", "\\xff"),
    "bytearray": (bytearray(b"ab"), "ab"),
    "memoryview": (memoryview(b"ab"), "ab"),
    "set": ({1}, [1]),
    "frozenset": (frozenset({"a"}), ["a"]),
    "tuple": ((1, "a"), [1, "a"]),
    "namedtuple": (Point(1, 2), {"x": 1, "y": 2}),
    "deque": (collections.deque([1, 2]), [1, 2]),
    "dict view": ({"a": 1}.keys(), ["a"]),
    "Decimal": (decimal.Decimal("1.10"), "1.10"),
    "UUID": (uuid.UUID(int=5), str(uuid.UUID(int=5))),
    "Enum": (Colour.RED, "red"),
    "Enum of a tuple": (Colour.PAIR, [1, 2]),
    "IntEnum": (Level.HIGH, 3),
    "path": (pathlib.PurePosixPath("/tmp/a"), "/tmp/a"),
    "date": (dt.date(2026, 1, 2), "2026-01-02"),
    "timedelta": (dt.timedelta(seconds=1.5), 1.5),
    "dataclass": (Account("kang"), {"name": "kang"}),
    "attrs": (Session("kang"), {"user": "kang"}),
    "exception": (ValueError("bad"), "ValueError('bad')"),
    "ordered dict": (collections.OrderedDict(a=1), {"a": 1}),
    "mapping": (collections.ChainMap({"a": 1}), {"a": 1}),
    "str subclass": (hostile.Text("x"), "x"),
    "int subclass": (hostile.Int(5), 5),
    "float subclass": (hostile.Float(1.5), 1.5),
    "list subclass": (hostile.List([1]), [1]),
    "tuple subclass": (hostile.Tuple((1,)), [1]),
    "set subclass": (hostile.Set({1}), [1]),
    "dict subclass": (hostile.Dict(a=1), {"a": 1}),
    "numpy integer": (np.int64(5), 5),
    "numpy float": (np.float32(0.5), 0.5),
    "numpy NaN": (np.float64("nan"), None),
    "numpy bool": (np.True_, True),
    "numpy array": (np.array([[1, 2]]), [[1, 2]]),
    "fragment": (orjson.Fragment(b'"a"'), "<orjson.Fragment"),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_odd_value_becomes_nearest_json(name):
    """A value that JSON does not know becomes the nearest JSON value."""
    value, expected = CONVERSIONS[name]
    result = encoded(value)
    if isinstance(expected, str) and isinstance(result, str):
        result = result[: len(expected)]
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize("name", CONVERSIONS)
def test_odd_value_deep_inside_is_the_same(name):
    """A value within objects and arrays becomes the same as one at the top."""
    value, _ = CONVERSIONS[name]
    inside = encoded({"a": [{"b": value}]})["a"][0]["b"]
    assert str(inside)[:10] == str(encoded(value))[:10]


@pytest.mark.parametrize("name", hostile.VALUES)
def test_hostile_value_keeps_its_neighbours(name):
    """A value whose methods raise or lie costs its neighbours nothing."""
    details = details_of(before="b", value=hostile.VALUES[name](), after=[1, None])
    assert (details["before"], details["after"]) == ("b", [1, None])


@pytest.mark.parametrize("name", hostile.VALUES)
def test_hostile_value_inside_keeps_its_neighbours(name):
    """The same within an object in an array."""
    inside = encoded([{"value": hostile.VALUES[name](), "after": 1}])
    assert inside[0]["after"] == 1


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (1, "1"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (b"k", "k"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1))),
        (Colour.RED, "red"),
        (("a", 1), "['a', 1]"),
        ("", "empty_key"),
        ("\ud800", "\\ud800"),
        (hostile.NotEqual(), "<support.hostile.NotEqual"),
        pytest.param(hostile.Text("k"), "k", id="str subclass"),
    ],
)
def test_odd_key_becomes_a_string(key, expected):
    """A key that is not a string becomes one, and an empty key gets a name."""
    (name,) = encoded({key: 1})
    assert name.startswith(expected)


def test_keys_that_become_the_same_string_lose_nothing():
    """Two keys that become the same string are both kept."""
    assert encoded({1: "a", "1": "b", b"1": "c"}) == {"1": "a", "1_2": "b", "1_3": "c"}


def test_generator_is_not_consumed():
    """An iterator can still be used after it was logged."""
    iterator = iter([1, 2])
    encoded(iterator)
    assert list(iterator) == [1, 2]


def test_cycle_is_named():
    """An object that contains itself says so where it comes again."""
    value = {"a": 1}
    value["self"] = value
    assert encoded(value) == {"a": 1, "self": "<cycle>"}


def test_shared_object_is_no_cycle():
    """An object that is there twice is written twice."""
    value = {"a": 1}
    assert encoded([value, value, {1: value}]) == [value, value, {"1": value}]


@pytest.mark.parametrize("kind", [list, dict])
def test_depth_is_limited(kind):
    """Nothing is nested deeper than 19 levels, and the event says that something is missing."""
    details = details_of(value=hostile.deep(51, kind))

    def depth(value):
        if isinstance(value, dict):
            return 1 + max(map(depth, value.values()), default=0)
        return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0

    assert (depth(details) + 1 <= 19, details["truncated"]["fields"][0][:13]) == (
        True,
        "details.value",
    )


def test_depth_below_the_limit_is_kept():
    """Sixteen levels stay as they are."""
    assert encoded(hostile.deep(16)) == hostile.deep(16)


def test_wide_values_are_kept():
    """Many small objects in one list are not deep."""
    rows = [{"a": number} for number in range(200)]
    assert encoded(rows) == rows


def test_dict_changed_by_another_thread():
    """A dict that another thread changes meanwhile is encoded all the same."""
    shared = {str(number): decimal.Decimal(number) for number in range(100)}
    stop = threading.Event()

    def change():
        number = 0
        while not stop.is_set():
            number += 1
            shared[f"new {number % 50}"] = number
            shared.pop(f"new {(number + 25) % 50}", None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(100):
            assert len(encoded(shared)) >= 100
    finally:
        stop.set()
        thread.join()


def test_encoding_near_the_recursion_limit():
    """A log call at any depth of recursion gives JSON, unless the call itself is too deep."""
    results = []

    def recurse():
        try:
            recurse()
        finally:
            try:
                results.append(encode({**EVENT, "details": {"value": {1: hostile.Repr()}}}))
            except RecursionError:
                if len(results) > 3:  # the stack has long been deep enough for this call
                    raise

    with pytest.raises(RecursionError):
        recurse()
    assert {len(strict(result)) for result in results} == {len(EVENT) + 1}


def test_low_limit_of_digits_is_no_danger():
    """An integer is written even if Python rejects integers of more than 640 digits."""
    program = (
        "import sys; sys.set_int_max_str_digits(640)\n"
        "from structlog_mozdef.rendering.encode import encode\n"
        "print(encode({'details': {'value': 10**3000, 'x': 1}}).decode())"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    assert json.loads(output)["details"]["value"].startswith("0x")


def test_numpy_is_not_imported():
    """A program without numpy stays without it."""
    program = (
        "import sys; from structlog_mozdef.rendering.encode import encode\n"
        "encode({'details': {'value': object()}}); print('numpy' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    assert output.split() == [b"False"]


def test_callers_objects_are_left_alone():
    """The caller's objects are the same afterwards."""
    value = {"a": [decimal.Decimal(1), {2: "x" * 40_000}], "": {1}}
    encoded(value)
    assert value == {"a": [decimal.Decimal(1), {2: "x" * 40_000}], "": {1}}


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(st.characters(), max_size=8), hostile.ANYTHING, max_size=6))
def test_any_details(details):
    """Any details become an object with at least as many fields."""
    event = strict(encode({**EVENT, "details": hostile.made(details)}))
    assert len(event["details"]) >= len(details)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=50),
        lambda inner: (
            st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=50))
            | st.lists(st.lists(st.none() | st.booleans()))
            | st.dictionaries(
                st.text(min_size=1).filter(lambda name: "." not in name and not name.isspace()),
                inner,
            )
        ),
        max_leaves=20,
    )
)
def test_plain_json_stays_as_it_is(value):
    """Values of JSON's own types come back the same, if an index accepts them."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert encoded(value) == value
