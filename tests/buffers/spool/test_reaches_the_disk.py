"""What a crash of the machine can cost is what each ``sync`` says: the calls are made in time."""

from __future__ import annotations

import itertools
import json

import pytest
from support.running import finish, start


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Of each mode: what was synchronised, and when (seconds from the start)."""
    modes = ("never", "always", "interval")
    running = [
        start("spool_syncs", tmp_path_factory.mktemp(mode) / "spool", mode) for mode in modes
    ]
    return {
        mode: json.loads(finish(process).stdout)
        for mode, process in zip(modes, running, strict=True)
    }


def test_never(calls):
    """With "never" nothing is forced to the disk."""
    assert [kind for _, kind in calls["never"]] == ["put returned"]


def test_always(calls):
    """With "always" an event, and the names of its files, are on the disk when `put` returns."""
    found = [kind for _, kind in calls["always"]]
    before_put_returned = found[: found.index("put returned")]
    assert before_put_returned[-1] == "segment"
    assert {"segment", "stream", "folder"} <= set(before_put_returned)
    # Each further event, while the send hangs.
    assert found.count("segment") >= 20


def test_interval(calls):
    """With "interval" it is done once a second, whatever the sender is waiting for."""
    found = calls["interval"]
    times = [when for when, kind in found if kind == "segment"]
    assert 3 <= len(times) <= 7
    assert all(later - earlier < 1.6 for earlier, later in itertools.pairwise(times))
    assert {"stream", "folder"} <= {kind for _, kind in found}


def test_interval_names(calls):
    """With "interval" the names of new segments follow within a second or so."""
    found = calls["interval"]
    assert [kind for _, kind in found].count("stream") >= 2
