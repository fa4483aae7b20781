"""The benchmarks measure what the documents show, and say of the goals what they have measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import goals, log_call
from benchmarks.ways import WAYS

ROOT = Path(__file__).parents[2]
# A Python example of a page -> the set-up that is measured.
DOCUMENTED = {
    ("README.rst", 0): "configured",
    ("docs/chains.rst", 0): "explicit",
    ("docs/chains.rst", 2): "tee",
    ("docs/frameworks/logging.rst", 0): "handler",
}

QUICK = (
    "floor",
    "configure/spool",
    "sealed/memory",
    "tee/memory",
    "json-handler",
    "queue-handler",
    "handler/spool",
    "exception-floor",
    "exception/memory",
    "async-floor",
    "async/memory",
    "threads-floor",
    "threads/spool",
    "outage/memory",
    "orphans/spool",
    "poison/memory",
)


def described(*arguments):
    process = subprocess.run(
        [sys.executable, ROOT / "tests/programs/described_set_up.py", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("example", DOCUMENTED, ids=lambda example: Path(example[0]).stem)
def test_what_is_measured_is_what_the_documents_show(example):
    """An example, run as it stands, sets up the very processors and sinks that are measured."""
    shown = described("document", *example)
    assert "MozDefRenderer" in str(shown)
    assert shown == described("set_up", DOCUMENTED[example])


@pytest.mark.parametrize(
    ("logger", "set_up"), [("configured_logger", "configured"), ("explicit_logger", "explicit")]
)
def test_loggers_of_other_benchmarks_have_the_same_chain(logger, set_up):
    """Benchmarks that drop events, or compare several chains in a process, use the same chains."""
    found = described("logger", logger)["structlog"]
    expected = described("set_up", set_up)["structlog"]
    assert found == {name: expected[name] for name in ("processors", "wrapper_class")}


@pytest.mark.parametrize(
    ("figure", "expected"), [(1.5, "yes"), (1.499, "yes"), (1.504, "no")], ids=str
)
def test_a_goal_is_reached_by_the_figure_itself(figure, expected):
    """What decides is what was measured, and not what is shown of it."""
    table = goals.table({"configure/memory.median": figure})
    assert [row[1:] for row in table.rows] == [["1.50 or less", f"{figure:.2f}", expected]]


def test_goals_without_a_figure_are_left_out():
    """A goal is about its own run; a benchmark that was not run says nothing."""
    assert goals.table({}).rows == []


def test_a_goal_can_be_a_quotient_of_two_benchmarks():
    """Draining is compared with the calls a second of the floor, which another benchmark counts."""
    table = goals.table({"drain_a_second": 300.0, "floor_calls_a_second": 100.0})
    assert [row[1:] for row in table.rows] == [["2.00 or more", "3.00", "yes"]]


@pytest.mark.slow
def test_each_kind_of_way_is_measured():
    """A short run has a row for each way, in which everything has arrived."""
    ways = {key: WAYS[key] for key in QUICK}
    found = log_call.measured(ways, quick=True)
    rows = {row[0]: row for table in found.tables for row in table.rows}
    assert {way.name for way in ways.values()} == rows.keys()
    assert [row for row in rows.values() if row[1] == "-"] == []
    assert {name: lost for name, lost in found.figures.items() if name.endswith(".lost")} == {
        f"{key}.lost": 0 for key in QUICK if WAYS[key].ships
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("amqp", marks=pytest.mark.rabbitmq),
        "fleet",
        "poison",
        "rate_limiter",
        "redaction",
        "sealing",
        "spool_backlog",
        "spool_blocks",
        "spool_drain",
    ],
)
def test_a_benchmark_works_in_short(name):
    """Each benchmark of this project alone runs from start to end, and shows what it has found."""
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert "its figures mean nothing" in process.stdout
