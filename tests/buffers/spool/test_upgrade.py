"""A spool that an earlier version wrote is understood by this one, and this one writes the same."""

from __future__ import annotations

import json
import re
import shutil
import zlib
from pathlib import Path

import pytest
from support.handmade_spools import drain, letters, orphan, spool_on
from support.receivers import Receiver
from support.running import wait_for

from structlog_mozdef import Sink

DATA = Path(__file__).parents[2] / "data" / "spool-1"
DESTINATION = "https://mozdef.example.com:8443/events"
#: 20 events were written; 0 to 6 were delivered, 7 was rejected.
WAITING = list(range(8, 20))


@pytest.fixture
def copy(tmp_path):
    """The committed spool, as it would lie on a disk."""
    shutil.copytree(DATA, tmp_path / "spool")
    for path in (tmp_path / "spool", *(tmp_path / "spool").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return tmp_path / "spool"


def numbers(found):
    return [json.loads(event)["details"]["number"] for event in found]


def test_it_is_adopted(copy):
    """All events after the ack offset come out, in order, and the stream is gone."""
    spool = spool_on(copy, DESTINATION)
    assert numbers(drain(spool)) == WAITING
    assert [path.name for path in copy.iterdir()] == ["dead-letters.ndjson"]
    spool.close()


def test_it_is_delivered(copy):
    """A sink for its destination delivers it."""
    with Receiver() as receiver:
        metadata = next(copy.glob("*/stream.json"))
        metadata.write_text(metadata.read_text().replace(DESTINATION, receiver.url))
        with Sink(receiver.url, spool=copy):
            assert wait_for(lambda: len(receiver.events()) == len(WAITING))
        assert [event["details"]["number"] for event in receiver.events()] == WAITING


def test_its_dead_letters_are_read(copy):
    """The dead letter of the earlier version is there."""
    assert [letter["event"]["details"]["number"] for letter in letters(copy)] == [7]


def check_format(path, destination):
    """The format that the committed spool has, and that the documentation describes."""
    (stream,) = (entry for entry in path.iterdir() if entry.is_dir())
    assert re.fullmatch(r"\d{13}-\d{1,10}-[0-9a-f]{16}", stream.name)
    names = sorted(entry.name for entry in stream.iterdir())
    assert names[-2:] == ["position", "stream.json"]
    assert all(re.fullmatch(r"\d{10}\.ndjson", name) for name in names[:-2])
    metadata = json.loads((stream / "stream.json").read_text())
    assert list(metadata)[:3] == ["format", "destination", "pid"]
    assert set(metadata) <= {"format", "destination", "pid", "boot"}
    assert (metadata["format"], metadata["destination"]) == (1, destination)
    assert f"-{metadata['pid']}-" in stream.name
    ack_offset = (stream / "position").read_bytes()
    segment, offset, checksum = ack_offset.split()
    assert len(ack_offset) == 41
    assert ack_offset == b"%b %b %b\n" % (segment, offset, checksum)
    assert int(checksum, 16) == zlib.crc32(ack_offset[:31])
    content = (stream / f"{segment.decode()}.ndjson").read_bytes()
    assert content[: int(offset)].endswith(b"\n")
    assert all(isinstance(json.loads(line), dict) for line in content.splitlines())
    (letter,) = letters(path)
    assert list(letter) == ["time", "reason", "destination", "event"]
    assert letter["destination"] == destination


def test_the_format_of_the_earlier_version(copy):
    """The committed spool has the format that is documented."""
    check_format(copy, DESTINATION)


def test_this_version_writes_the_same_format(tmp_path):
    """What this version writes would be understood by the earlier one."""
    spool = spool_on(tmp_path)
    for number in range(5):
        spool.append(b'{"n": %d}' % number)
    spool.reject(spool.peek(1, 1000).events[0], "HTTP 400")
    spool.ack(spool.peek(3, 1000))
    check_format(tmp_path, "http://mozdef.example.com/events")
    spool.close()


def test_a_missing_ack_offset_is_the_beginning(tmp_path):
    """A stream whose owner died before its first delivery has no ack offset yet."""
    orphan(tmp_path, [b'{"n": 1}'])
    spool = spool_on(tmp_path)
    assert drain(spool) == [b'{"n": 1}']
    spool.close()
