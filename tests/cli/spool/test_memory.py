"""No command for a spool needs more memory for a larger spool."""

from __future__ import annotations

import json

import pytest
from support.handmade_spools import orphan
from support.running import start

LIMIT = 100 * 1024 * 1024
SIZE = 64 * 1024 * 1024


def peak_of(*arguments):
    """The most memory that a command had at once, in bytes, and what it printed at the end."""
    process = start("measured_command", "spool", *map(str, arguments))
    tail = ""
    for line in process.stdout:
        tail = line
    stderr = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert process.wait(60) == 0, stderr
    return int(stderr.splitlines()[-1]), tail


@pytest.mark.slow
def test_dead_letters(tmp_path):
    """64 MiB of dead letters."""
    with (tmp_path / "dead-letters.ndjson").open("wb") as file:
        number = 0
        while file.tell() < SIZE:
            number += 1
            letter = b'{"reason":"HTTP %d","destination":"http://x/","event":{"summary":"%d %b"}}'
            file.write(letter % (400 + number % 2, number, b"x" * 300) + b"\n")
    for arguments, says in (
        (["list"], f"{number:,} dead letters"),
        (["dead-letters"], f'"summary":"{number} xxx'),
        (["dead-letters", "--count", "--reason", "400"], str(number // 2)),
        (["purge", "--summary", "1 xxx"], "removed"),
        (["requeue", "--reason", "400"], "will be sent again"),
        (["requeue"], "will be sent again"),
    ):
        peak, tail = peak_of(*arguments, tmp_path)
        assert says in tail
        assert peak < LIMIT


@pytest.mark.parametrize("arguments", [["list"], ["purge", "--waiting", "--yes"]])
def test_a_large_stream(arguments, tmp_path):
    """64 MiB that wait."""
    line = json.dumps({"summary": "x" * 400}).encode()
    orphan(tmp_path, *[[line] * 20_000] * 8)
    peak, tail = peak_of(*arguments, tmp_path)
    assert "160,000 events" in tail
    assert peak < LIMIT


def test_drain(tmp_path):
    """64 MiB that wait are delivered."""
    line = json.dumps({"summary": "x" * 400}).encode()
    (tmp_path / "events").mkdir(0o700)
    orphan(tmp_path / "spool", *[[line] * 20_000] * 8)
    file = tmp_path / "events" / "all"
    peak, _ = peak_of("drain", tmp_path / "spool", "--to", f"file://{file}")
    assert file.stat().st_size == 160_000 * (len(line) + 1)
    assert peak < LIMIT
