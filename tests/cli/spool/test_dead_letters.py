"""``spool dead-letters`` shows what was rejected, all of it or a selection."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from support.spool_commands import here, spool_command


def test_dead_letters(tmp_path, capsys):
    """Dead letters are shown as JSON lines, with what would move the cursor escaped."""
    event = {"summary": "\x1b[2J\x9b1A\u202e\x7f é"}
    letter = {"reason": "HTTP 400", "destination": "x", "event": event}
    text = json.dumps(letter, ensure_ascii=False) + "\n"
    (tmp_path / "dead-letters.ndjson").write_text(text)
    output = here(capsys, "dead-letters", tmp_path).stdout
    assert json.loads(output) == letter
    assert output.removesuffix("\n").isprintable()
    assert "é" in output


def at(ago):
    return datetime.fromtimestamp(time.time() - ago, UTC).isoformat()


@pytest.fixture
def folder(tmp_path):
    """Three letters, of now, an hour and a day ago, and a damaged line."""
    letters = [
        {"time": at(0), "reason": "HTTP 413: large", "event": {"summary": "Login of root"}},
        {"time": at(3600), "reason": "HTTP 400", "event": {"summary": "logout"}},
        {"time": at(86400), "reason": "HTTP 400", "event": {"n": 1, "summary": ["login"]}},
    ]
    lines = [json.dumps(letter) for letter in letters]
    (tmp_path / "dead-letters.ndjson").write_text("\n".join([*lines, '{"logout']))
    return tmp_path


@pytest.mark.parametrize(
    ("options", "selected"),
    [
        ([], [0, 1, 2, 3]),
        (["--reason", "http 400"], [1, 2]),
        (["--reason", "damaged"], [3]),
        (["--since", "10m"], [0]),
        (["--since", "2h"], [0, 1]),
        (["--since", "1970-01-02"], [0, 1, 2]),
        (["--since", "29990101"], []),
        (["--since", "2999-01-01T00:00Z"], []),
        (["--summary", "LOG"], [0, 1, 2, 3]),
        (["--summary", "logout"], [1, 3]),
        (["--reason", "400", "--summary", "login"], [2]),
        (["--reason", "nothing"], []),
    ],
)
def test_selections(options, selected, folder, capsys):
    """Filters by reason, time and summary; a letter has to pass all of them."""
    shown = here(capsys, "dead-letters", folder).stdout.splitlines()
    assert len(shown) == 4
    result = here(capsys, "dead-letters", folder, *options)
    assert result.stdout.splitlines() == [shown[number] for number in selected]
    counted = here(capsys, "dead-letters", folder, "--count", *options)
    assert (counted.returncode, counted.stdout) == (0, f"{len(selected)}\n")


@pytest.mark.parametrize("since", ["", "yesterday", "10 minutes", "2026-13-01", "1w", "90"])
def test_a_time_that_is_none(since, folder, capsys):
    """What is no time is a mistake in usage: status 2."""
    result = here(capsys, "dead-letters", folder, f"--since={since}")
    assert (result.returncode, "it must be a time" in result.stderr) == (2, True)


def test_what_was_rejected_is_shown_as_it_was(tmp_path, capsys):
    """Numbers are not rounded, and what separates tokens moves no cursor."""
    line = b'{"reason":"x",\r\t"event":{"n":123456789012345678901234567890,\x0b"f":1.0}}'
    good = line.replace(b"\x0b", b"")
    (tmp_path / "dead-letters.ndjson").write_bytes(good + b"\n" + line + b"\n")
    output = here(capsys, "dead-letters", tmp_path).stdout
    first, second = output.splitlines()
    assert first == '{"reason":"x",  "event":{"n":123456789012345678901234567890,"f":1.0}}'
    assert json.loads(second)["line"] == line.decode()  # no JSON
    assert first.isprintable()
    assert second.isprintable()


def test_an_output_that_lacks_characters(tmp_path):
    """Where the output is not Unicode, other characters are escaped, as JSON allows it."""
    letter = {"reason": "\u00e9 \U0001f600", "event": {}}
    (tmp_path / "dead-letters.ndjson").write_text(json.dumps(letter, ensure_ascii=False))
    output = spool_command("dead-letters", tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert output.stdout == '{"reason": "\\u00e9 \\ud83d\\ude00", "event": {}}\n'


def test_a_line_without_an_end(tmp_path, capsys):
    """Of megabytes without an end the beginning is shown, as damage; what follows is not lost."""
    good = b'{"reason":"x","event":{}}\n'
    (tmp_path / "dead-letters.ndjson").write_bytes(b"x" * 20_000_000 + b"\n" + good)
    first, second = here(capsys, "dead-letters", tmp_path).stdout.splitlines()
    assert json.loads(first)["reason"] == "a damaged line among the dead letters"
    assert len(first) < 20_000
    assert second + "\n" == good.decode()
    assert here(capsys, "purge", tmp_path, "--reason", "x").returncode == 0
    assert (tmp_path / "dead-letters.ndjson").stat().st_size == 20_000_001
