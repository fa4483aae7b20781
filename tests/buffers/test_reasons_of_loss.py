"""Every reason of a loss is one of the documented ones, whichever the buffer."""

from __future__ import annotations

import ast
import pathlib

import pytest

import structlog_mozdef
from structlog_mozdef.buffers import base
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport

ROOT = pathlib.Path(structlog_mozdef.__file__).parent
NAMES = {name for name, value in vars(base).items() if name.isupper() and isinstance(value, str)}
# What counts a loss -> where its reason stands among the arguments.
COUNTERS = {"drop": -1, "_drop": -1, "lose": -1, "add": 0, "add_part": 0}


def reasons():
    """Each reason in the package, as it is written there."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            of = ast.unparse(node.func.value)
            if node.func.attr == "add" and not of.endswith("drops"):
                continue
            if node.func.attr == "drop" and of.endswith("watermark"):
                continue
            if node.func.attr in COUNTERS and node.args:
                yield ast.unparse(node.args[COUNTERS[node.func.attr]])


def test_every_reason_is_a_documented_one():
    """What counts a loss names a constant, hands on its own argument, or names the error."""
    found = set(reasons())
    assert found - NAMES == {"reason", "error_reason(error)"}
    assert found & NAMES == NAMES  # and there is no constant without a use


def test_all_constants_are_listed():
    """`LOSS_REASONS` is the list of all of them."""
    assert {getattr(base, name) for name in NAMES} == base.LOSS_REASONS


@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize(
    ("event", "reason"), [(b"x" * 70_000, base.LARGER_THAN_BUFFER), (None, base.NOT_BYTES)]
)
def test_one_cause_has_one_reason(spool, event, reason, tmp_path):
    """In memory and on disk a loss is counted under the same name."""
    folder = tmp_path / "spool" if spool else None
    with Sink(MemoryTransport(), spool=folder, max_bytes=65_536) as sink:
        sink.put(event)
        assert sink.stats().dropped_by_reason == {reason: 1}


def test_an_error_in_a_log_call_is_named():
    """Where an error ends `put`, the reason is the name of the error."""

    class Unreadable(bytearray):
        def __bytes__(self):
            raise MemoryError

    with Sink(MemoryTransport()) as sink:
        sink.put(Unreadable())
        assert sink.stats().dropped_by_reason == {"error: MemoryError": 1}
