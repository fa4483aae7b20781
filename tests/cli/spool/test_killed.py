"""A command that is killed at any point loses no dead letter, and can be run again."""

from __future__ import annotations

import json
import re

import pytest
from support.handmade_spools import DESTINATION
from support.running import run

FUNCTIONS = ("open", "rename", "fsync", "flock", "close", "pread")


def letter(reason, number):
    event = {"summary": f"event {number}", "n": number}
    return json.dumps({"reason": reason, "destination": DESTINATION, "event": event})


SELECTED = [letter("again", number) for number in range(3)]
KEPT = [letter("HTTP 400", number) for number in range(3, 6)] + ['{"torn": ']


def points(function, tmp_path, *command, lines=None):
    folder = tmp_path / "spool"
    folder.mkdir(0o700)
    mixed = [line for pair in zip(SELECTED, KEPT, strict=False) for line in pair]
    (folder / "dead-letters.ndjson").write_text("\n".join(lines or [*mixed, KEPT[-1]]))
    output = run("command_kill_points", function, folder, *command, timeout=120).stdout
    found = [json.loads(line) for line in output.splitlines()]
    assert len(found) > 2
    return found


def in_events(found):
    return {event["n"] for event in map(json.loads, found["events"])}


def in_letters(found):
    return {letter["event"]["n"] for letter in map(json.loads, found["letters"][:-1])}


@pytest.mark.parametrize("function", [*FUNCTIONS, "mkdir"])
def test_requeue(function, tmp_path):
    """Each event is a dead letter still, or waits, or both; a second run ends the work."""
    for point in points(function, tmp_path, "requeue", "--reason", "again"):
        killed, ended = point["killed"], point["ended"]
        assert in_letters(killed) | in_events(killed) == {0, 1, 2, 3, 4, 5}, point
        assert in_events(killed) in (set(), {0, 1, 2}), point
        assert in_events(ended) == {0, 1, 2}, point
        assert len(ended["events"]) in (3, 6), point  # sent twice where it was killed in between
        assert ended["letters"] == KEPT, point
        assert not leftovers(ended), point


def test_requeue_of_all(tmp_path):
    """The same where no letter stays, so that the file is removed."""
    for point in points("unlink", tmp_path, "requeue", lines=SELECTED):
        killed = {*map(json.dumps, map(json.loads, point["killed"]["events"]))}
        kept = {json.dumps(json.loads(line)["event"]) for line in point["killed"]["letters"]}
        assert len(killed | kept) == len(SELECTED), point
        assert in_events(point["ended"]) == {0, 1, 2}, point
        assert point["ended"]["letters"] == [], point


@pytest.mark.parametrize("function", FUNCTIONS)
def test_purge(function, tmp_path):
    """What was not selected is there, byte for byte; a second run ends the work."""
    for point in points(function, tmp_path, "purge", "--reason", "again"):
        killed = point["killed"]["letters"]
        assert [line for line in killed if line in KEPT] == KEPT, point
        assert point["ended"]["letters"] == KEPT, point
        assert point["ended"]["names"] == ["dead-letters.ndjson"], point


def leftovers(found):
    """Names of files that a command has left behind, where it is known to have ended."""
    return [name for name in found["names"] if re.fullmatch(r"dead-letters\.ndjson\..*", name)]
