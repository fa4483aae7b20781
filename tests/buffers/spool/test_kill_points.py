"""A process killed at any point loses no event, and repeats one batch at most."""

from __future__ import annotations

import json

import pytest
from support.running import run

BATCH = 3
#: Before, after, and in the middle of each call of these.
FUNCTIONS = {
    "write": "events, and dead letters",
    "pwrite": "the ack offset",
    "send": "the batch",
    "mkdir": "a new stream",
    "rename": "a new stream, and the first ack offset",
    "open": "every file and folder",
    "unlink": "a segment, and what a stream holds",
    "rmdir": "a stream",
    "flock": "creation, adoption, and dead letters",
    "fdatasync": "the disk",
    "chmod": "a new stream",
    "fchmod": "a new file",
    "close": "a segment, and a stream",
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_kill(function, tmp_path):
    """After a kill at any call of this function, the next process delivers all that is left."""
    output = run("spool_kill_points", function, tmp_path, timeout=60).stdout
    points = [json.loads(line) for line in output.splitlines()]
    assert len(points) > 2
    for point in points:
        lost = set(point["appended"]) - set(point["sent"]) - set(point["recovered"])
        in_letters = {
            json.dumps(json.loads(letter)["event"])
            for letter in point["letters"]
            if letter.endswith("}") and "event" in json.loads(letter)
        }
        assert lost <= in_letters, point
        repeated = set(point["sent"]) & set(point["recovered"])
        # Half an ack offset is invalid.
        assert len(repeated) <= BATCH or point["point"].startswith("half pwrite"), point
        assert len(point["recovered"]) == len(set(point["recovered"])), point
        assert point["left"] == [], point
