"""A program that is started without standard input, output and error ships as any other."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.running import PROGRAMS


@pytest.mark.parametrize("spooled", [False, True], ids=["memory", "spool"])
def test_descriptors_0_to_2_are_not_ours(spooled, receiver, tmp_path):
    """No socket and no file of ours gets the numbers 0, 1 and 2, to which C code writes."""
    command = [sys.executable, str(PROGRAMS / "no_standard_streams.py"), receiver.url]
    command += [str(tmp_path / "spool")] if spooled else []
    subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], check=True, timeout=60)
    shipped = [
        event["summary"] for event in receiver.events() if event.get("category") != "logging"
    ]
    assert sorted(shipped) == list("01234")
    assert not any(b"C code" in request.body for request in receiver.requests)
