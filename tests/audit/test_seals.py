"""An attacker who can do anything with a record is found out, up to what a stolen key allows."""

from __future__ import annotations

import copy
import json
import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from support.sealing import Sealing, numbers, only_stream, rendered

from structlog_mozdef import Sink
from structlog_mozdef.audit.seals import SealedStream
from structlog_mozdef.audit.verification_keys import VerificationKey
from structlog_mozdef.rendering.fields import FIELDS
from structlog_mozdef.rendering.sealing.canonical import canonical_of
from structlog_mozdef.rendering.sealing.keys import derive, mac_key_of
from structlog_mozdef.rendering.sealing.sealer import _Epoch
from structlog_mozdef.testing import MemoryTransport

DETAILS = {
    "sourceipaddress": "10.0.0.7",
    "success": True,
    "ratio": 0.25,
    "whole": 3.0,
    "large": 9_223_372_036_854_775_807,
    "nothing": None,
    "nested": {"b": [1, 2.0], "a": "Zoë", "c": {"d": "e"}},
}


@pytest.fixture(scope="module")
def sealing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealing")
    folder.chmod(0o700)
    return Sealing(folder)


@pytest.fixture(scope="module")
def record(sealing):
    """A stream of 250 events, three epochs, and its end."""
    return sealing.stream(250, **DETAILS)


@pytest.fixture
def events(record):
    return copy.deepcopy(record)


def checked(sealing, events, **options):
    return only_stream(sealing.verify(events, partial=True, **options))


def test_an_untouched_record_is_proved(sealing, events):
    """All events are authentic, none is missing, and the stream has ended."""
    report = sealing.verify(events, partial=True)
    stream = only_stream(report)
    assert (report["proved"], stream["authentic"], stream["state"]) == (True, 251, "ended")


def other(value):
    """A value that is not *value*."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return [*value, "x"] if isinstance(value, list) else f"{value}x"


def leaves(value, path=()):
    """The paths of all values that hold no others."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


def test_each_change_of_each_value(sealing, events):
    """Whichever value is changed, its event is no longer authentic."""
    paths = [path for path in leaves(events[0]) if path != ("timestamp",)]
    assert len(paths) > 15
    for path in paths:
        changed = copy.deepcopy(events[:3])
        at = changed[0]
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = other(at[path[-1]])
        report = sealing.verify(changed, partial=True)
        assert not report["proved"], path
        assert sum(stream["authentic"] for stream in report["streams"]) == 2, path


def test_a_change_is_named(sealing, events):
    """The number of a changed event is said; it is not taken for a missing one."""
    events[41]["summary"] = "nothing happened"
    stream = checked(sealing, events)
    assert (numbers(stream["changed"]), stream["missing"]["count"], stream["forged"]) == (
        [42],
        0,
        0,
    )


@pytest.mark.parametrize("seconds", [1e-6, 3600])
def test_another_time(sealing, events, seconds):
    """A timestamp is sealed to the microsecond."""
    time = datetime.fromisoformat(events[5]["timestamp"]) + timedelta(seconds=seconds)
    events[5]["timestamp"] = time.isoformat()
    assert numbers(checked(sealing, events)["changed"]) == [6]


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_is_taken_out(sealing, events, name):
    """An event without one of its fields is not authentic."""
    del events[7][name]
    report = sealing.verify(events, partial=True)
    assert (report["proved"], only_stream(report)["authentic"]) == (False, 250)


def test_a_detail_that_is_added_or_taken_out(sealing, events):
    """So is one with a detail more, or one less."""
    events[7]["details"]["admin"] = True
    del events[8]["details"]["nothing"]
    assert numbers(checked(sealing, events)["changed"]) == [8, 9]


def test_a_value_of_another_type(sealing, events):
    """A number is not the text of the same digits, and true is not 1."""
    events[0]["details"]["large"] = str(events[0]["details"]["large"])
    events[1]["details"]["success"] = 1
    assert numbers(checked(sealing, events)["changed"]) == [1, 2]


def test_events_that_are_taken_out(sealing, events):
    """Each missing number is said."""
    del events[100:110], events[3]
    assert numbers(checked(sealing, events)["missing"]) == [4, *range(101, 111)]


def test_a_seal_that_is_taken_out(sealing, events):
    """An event without its seal is counted in its stream, and proves nothing."""
    del events[3]["details"]["seal"]
    report = sealing.verify(events, partial=True)
    stream = only_stream(report)
    assert (report["proved"], stream["unsealed"], numbers(stream["missing"])) == (False, 1, [4])


def test_a_tail_that_is_cut_off(sealing, events):
    """Without its end a stream is open; where no process runs, it was cut off."""
    assert checked(sealing, events[:200])["state"] == "open"
    report = sealing.verify(events[:200], partial=True, silent_after=0)
    assert (report["proved"], only_stream(report)["state"]) == (False, "cut off")


def test_the_end_of_another_stream(sealing, events):
    """The end of a stream cannot be put behind a shorter one."""
    end = copy.deepcopy(events[-1])
    end["details"]["sequence"] = 201
    stream = checked(sealing, [*events[:200], end])
    assert (stream["state"], numbers(stream["changed"])) == ("open", [201])


def test_another_order(sealing, events):
    """The order of a record means nothing: the numbers are sealed."""
    shuffled = random.Random(7).sample(events, len(events))
    assert sealing.verify(shuffled, partial=True)["proved"]


def test_exchanged_numbers(sealing, events):
    """Two events that exchange their numbers are not authentic."""
    first, second = events[10]["details"], events[11]["details"]
    first["sequence"], second["sequence"] = second["sequence"], first["sequence"]
    assert numbers(checked(sealing, events)["changed"]) == [11, 12]


def test_repeats_are_no_error(sealing, events):
    """An event that came twice is counted, and is authentic."""
    report = sealing.verify([*events, events[4], events[4]], partial=True)
    assert (report["proved"], numbers(only_stream(report)["repeated"])) == (True, [5])


def test_an_addition(sealing, events):
    """A second event with the number of an authentic one is forged."""
    forged = copy.deepcopy(events[4])
    forged["summary"] = "User logged in"
    report = sealing.verify([*events, forged], partial=True)
    stream = only_stream(report)
    assert (report["proved"], stream["forged"], stream["changed"]["count"]) == (False, 1, 0)


def test_a_replay_in_another_stream(sealing, events):
    """An event of one stream is not authentic in another, nor in one that never was."""
    another = sealing.stream(3)
    replayed = copy.deepcopy(events[:2])
    replayed[0]["details"]["stream_id"] = another[0]["details"]["stream_id"]
    replayed[1]["details"]["stream_id"] = "0" * 16
    report = sealing.verify([*events, *another, *replayed], partial=True)
    assert not report["proved"]
    assert sum(stream["authentic"] for stream in report["streams"]) == 255
    assert sum(stream["forged"] for stream in report["streams"]) == 2


def test_a_stream_that_is_taken_out(sealing):
    """The starts of processes are numbered: one of which nothing is left is missed."""
    streams = [sealing.stream(2) for _ in range(3)]
    report = sealing.verify([*streams[0], *streams[2]], partial=True)
    (starts,) = report["starts"].values()
    assert (report["proved"], starts["missing"]["count"]) == (False, 1)


def test_a_copied_key_file(sealing):
    """Two machines with the same key file, or one that was restored, are found out."""
    content = sealing.path.read_bytes()
    one = sealing.stream(2)
    later = sealing.path.read_bytes()
    sealing.path.write_bytes(content)
    two = sealing.stream(2)
    sealing.path.write_bytes(later)
    (starts,) = sealing.verify([*one, *two], partial=True)["starts"].values()
    assert len(starts["twice"]) == 1


def test_a_key_that_is_not_given(sealing, events, tmp_path):
    """Events that are sealed with another key are counted as not checked."""
    tmp_path.chmod(0o700)
    foreign = Sealing(tmp_path).stream(2)
    report = sealing.verify([*events, *foreign], partial=True)
    assert (report["proved"], list(report["unknown_keys"].values())) == (False, [3])


@pytest.mark.parametrize(
    "details",
    [
        {"seal": 1},
        {"seal": "1.x"},
        {"seal": None},
        {"sequence": "1"},
        {"sequence": 0},
        {"sequence": 10**18},
        {"sequence": -1},
        {"stream_id": "\x1b[2J"},
        {"stream_id": ["x"]},
        {"stream_id": "x" * 1000},
    ],
    ids=str,
)
def test_hostile_seals(sealing, events, details):
    """What cannot be a seal, a number or a stream never stops an audit, nor takes its time."""
    events[0]["details"].update(details)
    report = sealing.verify(events, partial=True)
    assert not report["proved"]


def test_a_forged_start_far_away(sealing, events):
    """A start that no key file has reached proves nothing."""
    prefix, key, _, mac = events[0]["details"]["seal"].split(".")
    events[0]["details"]["seal"] = f"{prefix}.{key}.{10**11}.{mac}"
    report = sealing.verify(events, partial=True)
    assert (report["proved"], report["impossible"]) == (False, 1)


def forge(event, number, epoch):
    """An event with a valid seal, by somebody who has the key of *epoch*."""
    event = copy.deepcopy(event)
    _, key_id, start, _ = event["details"]["seal"].split(".")
    stream_id = event["details"]["stream_id"]
    event["summary"] = "forged"
    event["details"]["sequence"] = number
    mac = mac_key_of(epoch, key_id, int(start), stream_id).mac(number, canonical_of(event))
    event["details"]["seal"] = f"1.{key_id}.{start}.{mac.decode()}"
    return event


def epochs_in_memory(sink):
    """The keys that somebody finds who takes over the process."""
    epoch = sink._sealer._epoch
    return bytes(epoch._key), bytes(epoch._next_chapter)


def test_a_key_that_is_stolen(sealing):
    """Who steals the keys at event n can forge from its epoch on, and nothing before."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    for number in range(1, 151):
        sink.put(rendered(str(number)))
    stolen, next_chapter = epochs_in_memory(sink)
    sink.close()
    events = transport.events
    forged = forge(events[0], 151, stolen)
    assert checked(sealing, [*events, forged])["authentic"] == 151  # so it must be said when
    for key in (
        stolen,
        next_chapter,
        derive(stolen, b"epoch"),
        derive(next_chapter, b"first epoch"),
    ):
        before = forge(events[49], 50, key)
        assert checked(sealing, [*events, before])["forged"] == 1
    stream_id = events[0]["details"]["stream_id"]
    report = sealing.verify([*events, forged], partial=True, since={stream_id: 150})
    assert only_stream(report)["not_proved_from"] == 101


def test_a_key_file_that_is_stolen(sealing):
    """The key file gives nothing away of streams that have begun, and all of those after it."""
    before = sealing.stream(2)
    content = sealing.path.read_bytes()
    key = bytes.fromhex(content.split()[4].decode())
    for stolen in (key, derive(key, b"stream " + before[0]["details"]["stream_id"].encode())):
        forged = forge(before[0], 1, derive(stolen, b"first epoch"))
        assert checked(sealing, [*before, forged])["forged"] == 1
    after = sealing.stream(2)
    report = sealing.verify(
        [*before, *after], partial=True, since={before[0]["details"]["stream_id"]: 2}
    )
    assert [stream["not_proved_from"] for stream in report["streams"]] == [1, 1]


def test_the_time_of_a_compromise(sealing, events):
    """From the epoch on that was current at that time, by MozDef's clock, nothing is proved."""
    for number, event in enumerate(events, 1):
        event["receivedtimestamp"] = f"2026-01-01T00:{number // 60:02}:{number % 60:02}+00:00"
    at = datetime(2026, 1, 1, 0, 2, 30, tzinfo=UTC)
    report = sealing.verify(events, partial=True, at=at)
    assert only_stream(report)["not_proved_from"] == 101
    # A forger can choose the timestamp of an event, but not when it is received.
    assert (
        only_stream(sealing.verify(events, partial=True, at=datetime.now(UTC)))["not_proved_from"]
        is None
    )


def test_a_stream_of_the_thief(sealing, tmp_path):
    """A stream that begins after one that was too late is not trusted, whatever times it has."""
    tmp_path.chmod(0o700)
    thief = Sealing(tmp_path)
    late, forged = thief.stream(2), thief.stream(2, end=False)
    now = datetime.now(UTC)
    for event in late:
        event["receivedtimestamp"] = (now + timedelta(hours=1)).isoformat()
    for event in forged:
        event["receivedtimestamp"] = (now - timedelta(days=1)).isoformat()
    report = thief.verify([*late, *forged], at=now)
    assert [stream["not_proved_from"] for stream in report["streams"]] == [1, 1]


def test_two_versions(sealing, events):
    """Two authentic events of one number show that somebody else had the key."""
    sink = Sink(MemoryTransport(), seal=sealing.path)
    sink.put(rendered("x"))
    stolen = epochs_in_memory(sink)[0]
    sink.close()
    event = sink._transport.events[0]
    found = [*events, event, forge(event, 1, stolen), event]
    report = sealing.verify(found, partial=True)
    assert [numbers(stream["two_versions"]) for stream in report["streams"]] == [[], [1]]
    assert not report["proved"]


def test_a_stream_that_is_not_there(sealing, events):
    """A compromise of a stream that nobody knows is a mistake, and no proof."""
    with pytest.raises(ValueError, match=r"^--compromised-at names the stream abc, which"):
        sealing.verify(events, since={"abc": 1})


def test_an_event_without_a_seal(sealing, events):
    """An event that somebody has added without a seal is no part of what is proved."""
    added = [*events, json.loads(rendered("added"))]
    report = sealing.verify(added, partial=True)
    assert (report["proved"], report["unsealed"]) == (False, 1)
    assert sealing.verify(added, partial=True, mixed=True)["proved"]


def test_every_second_event_is_changed(sealing, events):
    """Many changes take no more time than a few."""
    stream = SealedStream(events[0], None)
    for number in range(1, 100_001):
        (stream.numbers if number % 2 else stream.bad).add(number)
    began = time.process_time()
    assert list(stream.missing()) == []
    assert time.process_time() - began < 10  # seconds; it took hours


def test_numbers_in_any_order(sealing):
    """An index gives events of far chapters by turns; their keys are derived once."""
    keys = VerificationKey(sealing.first_key).stream(1, "0" * 16)
    numbers = [1, 9_999_999, 5_000_000]
    expected = [keys.mac(number, b"x") for number in numbers]
    began = time.process_time()
    for _ in range(1_000):
        assert [keys.mac(number, b"x") for number in numbers] == expected
    assert time.process_time() - began < 5  # seconds; it took minutes


def test_many_keys_that_are_not_given(sealing, events):
    """Nobody fills the memory, or the report, by seals of invented keys."""
    forged = [copy.deepcopy(events[0]) for _ in range(300)]
    for number, event in enumerate(forged):
        seal = event["details"]["seal"].split(".")
        event["details"]["seal"] = ".".join(["1", f"{number:08x}", *seal[2:]])
    unknown = sealing.verify(forged)["unknown_keys"]
    assert (len(unknown), unknown["others"]) == (101, 200)


def test_a_stream_that_is_as_long_as_it_can_be(sealing, monkeypatch):
    """The next event begins another stream, and nothing is missing in the first one."""
    sink = Sink(MemoryTransport(), seal=sealing.path)
    sink.put(rendered("x"))
    sealer = sink.sealer
    epoch = sealer._epoch
    for index in range(1, 100_000):
        key = None if not index % 1_000 else bytearray(derive(epoch._key, b"epoch"))
        epoch = _Epoch(epoch._start, epoch.stream_id, index, epoch._next_chapter[:], key)
    sealer._epoch = epoch
    for _ in range(101):
        sink.put(rendered("x"))
    sink.close()
    report = sealing.verify(sink._transport.events, partial=True)
    first, second = report["streams"]
    assert (first["last"], first["state"]) == (10_000_000, "ended")
    assert (second["last"], second["state"], second["start"]) == (1, "open", first["start"] + 1)
    assert report["impossible"] == 0


# What happens to a record, and is no change


def test_what_mozdef_and_an_index_do(sealing, events):
    """Another order, a text for the process id, UTC, and fields at the top are no change."""
    stored = [
        {
            "receivedtimestamp": "2026-01-01T00:00:00+00:00",
            "utctimestamp": event["timestamp"],
            "mozdefhostname": "mozdef",
            "type": "event",
            "mozdef": {"plugins": ["x"]},
            **dict(reversed(event.items())),
            "processid": str(event["processid"]),
            "timestamp": event["timestamp"].replace("+00:00", "Z"),
        }
        for event in events
    ]
    assert sealing.verify(json.loads(json.dumps(stored)), partial=True)["proved"]


def test_numbers_that_javascript_has_written(sealing, events):
    """1.0 may become 1."""
    for event in events[:-1]:
        event["details"]["whole"] = 3
        event["details"]["nested"]["b"][1] = 2
    assert sealing.verify(events, partial=True)["proved"]


def test_details_that_plugins_add(sealing, events):
    """Details that MozDef's plugins add are no change, nor are those that the auditor names."""
    for number, event in enumerate(events):
        event["details"]["sourceipgeolocation"] = {"city": "Berlin"}
        if number % 2:
            event["details"]["sourceipv4address"] = "10.0.0.7"
        event["details"]["enriched"] = True
    assert checked(sealing, events)["authentic"] == 0
    assert sealing.verify(events, partial=True, added=["enriched"])["proved"]


def test_details_of_the_program_by_these_names(sealing):
    """They are sealed as they are; only one of them was the program's."""
    events = sealing.stream(3, sourceipv4address="10.0.0.7", sourceport=1)
    for event in events:
        event["details"]["sourceipgeopoint"] = [1.5, 2]
    assert sealing.verify(events, partial=True)["proved"]
    events[0]["details"]["sourceipv4address"] = "10.0.0.8"
    assert numbers(checked(sealing, events)["changed"]) == [1]
