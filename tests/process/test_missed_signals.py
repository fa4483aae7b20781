"""Signals are written down for a thread of ours only where nobody else is disturbed by that."""

import sys

import pytest
from support.running import dead_url, finish, start_command

CONFIGURED = """\
import os, signal, sys
{}
import structlog_mozdef as mozdef
mozdef.configure(sys.argv[1])
"""
LOOKS = """\
fd = signal.set_wakeup_fd(-1)
"""
CLOSES = """\
pipe = signal.set_wakeup_fd(-1)
signal.set_wakeup_fd(pipe)
first = os.open("/dev/null", os.O_RDONLY)
os.closerange(first, 1500)
files = [os.open("/dev/null", os.O_RDONLY) for _ in range(pipe - first + 10)]
if not os.fork():
    os._exit(len([fd for fd in files if not os.path.exists(f"/dev/fd/{fd}")]))
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def output_of(code, *, imports=""):
    command = [sys.executable, "-c", CONFIGURED.format(imports) + code, dead_url()]
    return finish(start_command(command)).stdout.strip()


@pytest.mark.parametrize(("imports", "is_set"), [("", True), ("import anyio", False)])
def test_trio_finds_no_wakeup_descriptor(imports, is_set):
    """A program that may run trio, which warns of everybody else's, has none of ours."""
    assert output_of(LOOKS + "print(fd >= 0)", imports=imports) == str(is_set)


def test_files_under_numbers_that_were_ours():
    """A child closes no file of a program that closed ours, and has its own under their numbers."""
    assert output_of(CLOSES) == "0"
