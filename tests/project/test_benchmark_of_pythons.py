"""The table of the log call on several Pythons, which ``.ci/bench`` collects line by line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments, **environment):
    process = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The rows of a table for which only the newest Python of the machine was at hand."""
    figures = str(tmp_path_factory.mktemp("figures") / "figures")
    run("benchmarks.pythons_program", "newest", figures, "--quick")
    return run("benchmarks.pythons", BENCHMARK_PYTHONS=figures).strip().splitlines()[2:-1]


def test_a_python_that_was_measured_lost_nothing(rows):
    """The row of a Python has its version, a ratio of each chain, and no loss."""
    (row,) = [row for row in rows if "not at hand" not in row]
    assert "Python {}.{}.{}".format(*sys.version_info) in row
    assert row.endswith(" 0")
    assert row.count(" / ") == 6


def test_a_python_that_is_missing_has_a_row(rows):
    """The oldest Python, the system's, and two of Debian testing are named as not at hand."""
    missing = [row.partition("not at hand")[0].strip() for row in rows if "not at hand" in row]
    assert missing == [
        "the oldest of this machine",
        "the one of this system",
        "Python 3.14 of Debian testing",
        "Python 3.15 of Debian testing",
    ]


def test_debian_builds_with_optimisations():
    """Debian's Python is known to be optimised, though its sysconfig does not say so."""
    python = Path("/usr/bin/python3")
    if not Path("/etc/debian_version").exists() or not python.exists():
        pytest.skip("this machine has no Python of Debian")
    process = subprocess.run(
        [python, "-c", "from benchmarks import build; print(build.optimised())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.stdout == "True\n", process.stderr
