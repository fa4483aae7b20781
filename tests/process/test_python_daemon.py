"""A daemon by python-daemon loses no event, and finds nothing of ours in its files."""

from __future__ import annotations

import os

import pytest
from support.running import run
from support.spool_contents import drain


@pytest.mark.parametrize("end", ["return", "sigterm"])
@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
def test_a_daemon(end, spooled, receiver, tmp_path):
    """What is logged before and after all descriptors were closed arrives, and only there."""
    files = tmp_path / "files"
    files.mkdir()
    ended, still_open = os.pipe()
    run(
        *["daemon_app", receiver.url, files, end, still_open],
        env={"SPOOL": str(tmp_path / "spool")} if spooled else {},
        pass_fds=[still_open],
    )
    os.close(still_open)
    with os.fdopen(ended) as pipe:
        assert pipe.read() == ""  # the daemon has ended
    if spooled:  # what the process before the fork has left
        assert drain(receiver.url, tmp_path / "spool")
    expected = {f"{when} {number}" for when in ("before", "after") for number in range(10)}
    assert set(receiver.summaries()) == expected
    assert {file.stat().st_size for file in files.iterdir()} == {0}
