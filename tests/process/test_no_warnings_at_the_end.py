"""A program that is run with all warnings as errors ends without one of them."""

from __future__ import annotations

import sys

import pytest
from support.receivers import Receiver
from support.running import PROGRAMS, finish, start_command


@pytest.mark.parametrize("bulk", [True, False], ids=["bulk", "single"])
def test_no_resource_warning(bulk):
    """With ``-X dev -W error`` nothing is left open at the end, ten times in a row."""
    with Receiver() as receiver:
        url = receiver.url if bulk else f"{receiver.base}/custom/x"
        command = [sys.executable, "-X", "dev", "-W", "error", str(PROGRAMS / "plain.py"), url]
        errors = [finish(start_command(command)).stderr for _ in range(10)]
        assert (errors, len(receiver.summaries())) == ([""] * 10, 30)
