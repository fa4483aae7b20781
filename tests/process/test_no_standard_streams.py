"""A program that is started without standard input, output and error ships as any other."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support.running import PROGRAMS


def run_without_streams(*arguments):
    command = [sys.executable, str(PROGRAMS / "no_standard_streams.py"), *arguments]
    subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], check=True, timeout=60)


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
def test_descriptors_0_to_2_are_not_ours(spooled, receiver, tmp_path):
    """No socket and no file of ours gets the numbers 0, 1 and 2, to which C code writes."""
    run_without_streams(receiver.url, *([str(tmp_path / "spool")] if spooled else []))
    shipped = [
        event["summary"] for event in receiver.events() if event.get("category") != "logging"
    ]
    assert sorted(shipped) == list("01234")
    assert not any(b"C code" in request.body for request in receiver.requests)


def test_a_file_of_events_gets_no_such_number(tmp_path):
    """What C code writes to descriptors 0, 1 and 2 is not among the events of a file."""
    run_without_streams(f"file://{tmp_path}/events")
    lines = (tmp_path / "events").read_text().splitlines()
    assert [json.loads(line)["summary"] for line in lines[:5]] == list("01234")
    assert "C code" not in "".join(lines)
