"""No string of 32 kB, no event of 100 kB, no second of waiting: and the event says what was cut."""

import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structlog_mozdef.rendering.renderer import MozDefRenderer

STRING_LIMIT_BYTES = 32_000
EVENT_LIMIT_BYTES = 100_000


def rendered(**event_dict):
    return MozDefRenderer()(None, "info", event_dict)


def details_of(**event_dict):
    return orjson.loads(rendered(**event_dict))["details"]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


@pytest.mark.parametrize("text", ["x", "\u20ac", "\U0001f600", "\x00", '"', "\ud800"])
def test_long_string_is_cut(text):
    """A string ends below 32 kB of UTF-8, whatever its characters are."""
    value = details_of(value=text * 50_000)["value"]
    assert 0.4 * STRING_LIMIT_BYTES < len(value.encode()) < STRING_LIMIT_BYTES


@pytest.mark.parametrize("size", [31_998, 31_999])
def test_string_below_the_limit_is_kept(size):
    """The longest string that is allowed stays complete."""
    assert details_of(value="x" * size) == {"value": "x" * size}


@pytest.mark.parametrize("text", ["x" * 19_800, "\u20ac" * 3_000, "\U0001f600" * 2_000])
def test_event_below_the_limit_is_kept(text):
    """An event of many strings stays complete as long as all of it is below the limit."""
    value = {"strings": [text] * 3, "others": (text, {"inner": text})}
    # An index accepts no object beside a string in one array.
    as_json = {"strings": [text] * 3, "others": [text, f'{{"inner":"{text}"}}']}
    assert details_of(value=value, user="kang") == {"value": as_json, "user": "kang"}
    assert 40_000 < len(rendered(value=value)) < EVENT_LIMIT_BYTES


@pytest.mark.parametrize(
    "value",
    [["x" * 40_000], {"a": ["x", {"b": "x" * 40_000}]}, {"x" * 40_000: 1}, "\u20ac" * 11_000],
)
def test_long_string_is_cut_wherever_it_is(value):
    """Within others, and as a key."""
    assert all(len(text.encode()) < STRING_LIMIT_BYTES for text in strings(details_of(value=value)))


def test_cut_string_is_reported():
    """The event names the field that was cut, and how many bytes are missing."""
    details = details_of(value="x" * 40_000)
    missing = 40_000 - STRING_LIMIT_BYTES
    assert details["truncated"] == {"fields": ["details.value"], "bytes": missing}


def test_cut_bytes_are_reported():
    """The bytes of a binary value that were never decoded count as missing."""
    assert details_of(value=b"x" * 500_000)["truncated"]["bytes"] == 500_000 - STRING_LIMIT_BYTES


def test_cut_summary_is_reported():
    """A summary that is too long is cut as well."""
    assert details_of(event="x" * 40_000)["truncated"]["fields"] == ["summary"]


def test_own_field_by_the_name_of_the_report_is_kept():
    """The program's own field "truncated" moves to another name."""
    assert details_of(truncated=True, value="x" * 40_000)["truncated_2"] is True


class Key:
    def __repr__(self):
        return "key"


LARGE = {
    "many integers": lambda: list(range(1_000_000)),
    "many strings": lambda: ["x" * 1_000] * 1_000,
    "many long strings": lambda: {f"k{number}": "x" * 31_000 for number in range(1_000)},
    "many keys": lambda: {f"k{number}": number for number in range(200_000)},
    "keys with the same text": lambda: {Key(): 1 for _ in range(20_000)},
    "long keys": lambda: {f"{number:05}" + "k" * 600: 1 for number in range(5_000)},
    "keys of control characters": lambda: {
        "\x00" * 400 + str(number): "x" * 9_000 for number in range(30)
    },
    "control characters": lambda: ["\x00" * 20_000] * 10,
    "huge set": lambda: set(range(300_000)),
    "dicts in a list": lambda: [{"a": number, "b": "text"} for number in range(100_000)],
    "lists in each other": lambda: [[[["x" * 100] * 50] * 50] * 50] * 50,
}


@pytest.mark.parametrize("name", LARGE)
def test_event_is_limited(name):
    """An event ends below 100 kB."""
    assert len(rendered(value=LARGE[name]())) < EVENT_LIMIT_BYTES


@pytest.mark.parametrize("name", LARGE)
def test_most_of_the_limit_is_used(name):
    """Of a value that is too large, as much is kept as fits."""
    kept = 0.25 if "keys" in name or "control" in name else 0.7
    assert len(rendered(value=LARGE[name]())) > kept * EVENT_LIMIT_BYTES


@pytest.mark.parametrize("name", LARGE)
def test_large_field_keeps_the_others(name):
    """A huge field costs the fields after it nothing."""
    event = orjson.loads(
        rendered(value=LARGE[name](), username="kang", hostname="host", event="summary")
    )
    assert (event["details"].get("username"), event["hostname"], event["summary"]) == (
        "kang",
        "host",
        "summary",
    )


@pytest.mark.parametrize("name", LARGE)
def test_large_field_is_reported(name):
    """The event names the huge field as cut."""
    fields = details_of(value=LARGE[name]())["truncated"]["fields"]
    assert fields[0].startswith("details.value")


def test_large_field_keeps_its_neighbours():
    """The same within an object."""
    value = details_of(value={"rows": list(range(1_000_000)), "username": "kang"})["value"]
    assert value["username"] == "kang"


def test_large_list_keeps_its_beginning():
    """The first items of a list are kept, without a hole."""
    rows = details_of(value=list(range(1_000_000)))["value"]
    assert (len(rows) > 10_000, rows) == (True, list(range(len(rows))))


@pytest.mark.parametrize(("n_fields", "size"), [(20_000, 10), (1_000, 150)])
def test_many_small_fields_stay_complete(n_fields, size):
    """Of too many fields, some stay complete, instead of all of them cut."""
    fields = {f"field{number}": "v" * size for number in range(n_fields)}
    event = MozDefRenderer(max_names=900)(None, "info", fields)
    kept = orjson.loads(event)["details"]
    del kept["truncated"]
    # An index accepts 1,000 names: others are kept as text.
    assert kept.pop("more_names", '{"field').startswith('{"field')
    assert (len(kept) > 400, kept.items() <= fields.items()) == (True, True)


def test_typed_field_is_never_cut_into_another_type():
    """An address stays an address in an event that has to be cut."""
    fields = {f"field{number}": "v" * 40 for number in range(20_000)}
    details = details_of(sourceipaddress="10.0.0.7", **fields)
    assert details["sourceipaddress"] == "10.0.0.7"


HUGE = {
    "list of 10 million integers": lambda: list(range(10_000_000)),
    "dict of a million keys": lambda: {number: number for number in range(1_000_000)},
    "text of 200 MB": lambda: "x" * 200_000_000,
    "text of 100 MB that is not ASCII": lambda: "\u20ac" * 33_000_000,
    "bytes of 200 MB": lambda: b"x" * 200_000_000,
    "integer of 10 million digits": lambda: 1 << 33_000_000,
    "list of a million dicts": lambda: [{"a": 1}] * 1_000_000,
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_value_takes_no_time(name):
    """A log call with a huge value takes about a second at most."""
    value = HUGE[name]()
    start = time.thread_time()  # the machine may be busy with others
    rendered(value=value)
    assert time.thread_time() - start < 1.5


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.integers(0, 40_000).flatmap(
            lambda size: st.sampled_from(["x", "\x00", "\u20ac", "\\"]).map(lambda c: c * size)
        )
        | st.integers()
        | st.booleans(),
        lambda inner: (
            st.lists(inner, max_size=8)
            | st.dictionaries(st.text(st.characters(), max_size=600), inner, max_size=8)
        ),
        max_leaves=40,
    )
)
def test_any_value_is_limited(value):
    """Whatever is logged, the event and each string in it stay below the limits."""
    encoded = rendered(value=value)
    longest = max(len(text.encode()) for text in strings(orjson.loads(encoded)))
    assert (len(encoded) < EVENT_LIMIT_BYTES, longest < STRING_LIMIT_BYTES) == (True, True)


@pytest.mark.parametrize("others", [{}, {f"k{number}": "x" * 20_000 for number in range(9)}])
@pytest.mark.parametrize("text", ["x", "\u20ac", "\n", "\ud800"])
def test_long_stack_keeps_both_ends(others, text):
    """A stack begins where the program began, and ends with what failed: both are kept."""
    stack = f"Traceback of the program\n{text * 50_000}\nValueError: bad"
    details = details_of(exception=stack, **others)
    kept = details["exception"]["stack"]
    assert (kept[:24], kept[-15:]) == ("Traceback of the program", "ValueError: bad")
    assert "bytes left out" in kept
    assert "details.exception.stack" in details["truncated"]["fields"]
    assert len(kept.encode()) < STRING_LIMIT_BYTES
