"""``spool list`` says what waits, how old it is and whose it is, to people and to monitoring."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.handmade_spools import events, orphan
from support.spool_commands import SPOOL, here, orphan_for, spool_command

from structlog_mozdef.buffers.spool.format import Offset, encode_ack


def test_list(receiver, tmp_path):
    """Each stream is listed with its events, its size, its owner and its destination."""
    orphan_for(receiver, tmp_path, events(1, 2), events(3))
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\n')
    lines = spool_command("list", tmp_path).stdout.splitlines()
    assert "3 events" in lines[0]
    assert "process 4711, dead" in lines[0]
    assert f"to {receiver.url}" in lines[0]
    total, age = lines[1].split(", the oldest for ")
    assert total == "3 events waiting, 69 bytes, in 1 stream"
    assert age.endswith("s; 1 dead letter")


def test_list_begins_at_the_ack_offset(receiver, tmp_path, capsys):
    """Events that are settled are not counted as waiting."""
    shutil.copytree(Path(__file__).parents[2] / "data" / "spool-1", tmp_path / "spool")
    (tmp_path / "spool").chmod(0o700)  # whatever the umask of the checkout was
    assert "12 events wait" in here(capsys, "list", tmp_path / "spool").stdout


def test_list_of_hostile_content(tmp_path, capsys):
    """Nothing in a folder reaches the terminal as a control character."""
    orphan(tmp_path, events(1), metadata={"format": 1, "destination": "http://\x1b]0;x\x07\x9b/\n"})
    orphan(tmp_path, events(1), number=2, metadata={"format": 9, "destination": "\x1b[31m"})
    output = here(capsys, "list", tmp_path).stdout
    assert all(line.isprintable() for line in output.split("\n"))


HOUR = 3600


def stream_of(path, begun, *lines, ago=0):
    """A stream that began *begun* seconds ago, and was last written to *ago* seconds ago."""
    stream = orphan(path, list(lines))
    name = f"{int((time.time() - begun) * 1000):013d}-4711-{begun:016x}"
    written_at = time.time() - ago
    os.utime(stream / "0000000001.ndjson", (written_at, written_at))
    return stream.rename(path / name)


def event_of(ago):
    moment = datetime.fromtimestamp(time.time() - ago, UTC)
    return json.dumps({"summary": "x", "timestamp": moment.isoformat()}).encode()


def listed(capsys, path, *options):
    result = here(capsys, "list", path, "--json", *options)
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_json(receiver, tmp_path, capsys):
    """``--json`` prints one object: what waits, its age in seconds, and the same of each stream."""
    stream = orphan_for(receiver, tmp_path, events(1, 2), events(3))
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\n')
    found = listed(capsys, tmp_path)
    age = found["oldest_age"]
    assert 0 <= age < HOUR
    assert found == {
        "events": 3,
        "bytes": 69,
        "oldest_age": age,
        "dead_letters": 1,
        "streams": [
            {
                "name": stream.name,
                "pid": 4711,
                "begun": found["streams"][0]["begun"],
                "destination": receiver.url,
                "alive": False,
                "events": 3,
                "bytes": 69,
                "left_alone": None,
                "readable": True,
                "oldest_age": age,
            }
        ],
    }


def test_json_of_nothing(tmp_path, capsys):
    """In an empty folder nothing has an age."""
    assert listed(capsys, tmp_path) == {
        "events": 0,
        "bytes": 0,
        "oldest_age": None,
        "dead_letters": 0,
        "streams": [],
    }


@pytest.mark.parametrize(
    ("line", "age"),
    [
        (2 * HOUR, 2 * HOUR),
        (9 * HOUR, 3 * HOUR),  # the stream did not exist then
        (-HOUR, 600),  # nobody has written to it since
        (b'{"timestamp": "yesterday"}', 600),
        (b'{"timestamp": "2026-03-18T23:20:31"}', 600),  # no offset from UTC
        (b'{"timestamp": ["2026"]}', 600),
        (b"torn", 600),
    ],
)
def test_age(line, age, tmp_path, capsys):
    """The age is that of the first event, by its timestamp where that can be true."""
    first = line if isinstance(line, bytes) else event_of(line)
    stream_of(tmp_path, 3 * HOUR, first, event_of(0), ago=600)
    assert listed(capsys, tmp_path)["oldest_age"] == pytest.approx(age, abs=60)


def test_age_of_what_is_left(tmp_path, capsys):
    """Events that were delivered have no age any more; the oldest of all streams counts."""
    lines = [event_of(5 * HOUR), event_of(2 * HOUR)]
    stream = stream_of(tmp_path, 9 * HOUR, *lines)
    stream_of(tmp_path, 8 * HOUR, event_of(HOUR))
    (stream / "position").write_bytes(encode_ack(Offset(1, len(lines[0]) + 1)))
    found = listed(capsys, tmp_path)
    assert [each["oldest_age"] for each in found["streams"]] == [
        pytest.approx(2 * HOUR, abs=60),
        pytest.approx(HOUR, abs=60),
    ]
    assert found["oldest_age"] == found["streams"][0]["oldest_age"]
    assert "oldest 2h 0m  since" in here(capsys, "list", tmp_path).stdout


@pytest.mark.parametrize(
    ("option", "status", "says"),
    [
        (["--fail-if-older", "2h"], 0, ""),
        (["--fail-if-older", "7200.0"], 0, ""),
        (["--fail-if-older", "10m"], 1, "the oldest event has waited for 1h 0m\n"),
        (["--fail-if-dead-letters"], 1, "there are 2 dead letters\n"),
        ([], 0, ""),
    ],
)
def test_status_for_monitoring(option, status, says, tmp_path, capsys):
    """The status is 1 where a condition holds, and standard error says which."""
    stream_of(tmp_path, 3 * HOUR, event_of(HOUR + 30))
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\ntorn')
    for format_option in ([], ["--json"]):
        result = here(capsys, "list", tmp_path, *option, *format_option)
        assert (result.returncode, result.stderr) == (status, says)


def test_status_of_an_empty_spool(tmp_path, capsys):
    """Where nothing waits, all is well."""
    options = ["--fail-if-older", "0", "--fail-if-dead-letters"]
    result = here(capsys, "list", tmp_path, *options)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("age", ["", "soon", "-1", "1w", "nan", "1e3", "10 m"])
def test_an_age_that_is_none(age, tmp_path, capsys):
    """What is no duration is a mistake in usage: status 2."""
    result = here(capsys, "list", tmp_path, f"--fail-if-older={age}")
    assert (result.returncode, "it must be a duration" in result.stderr) == (2, True)


def test_json_of_hostile_content(tmp_path, capsys):
    """JSON stays JSON, and moves no cursor, whatever the folder says of itself."""
    destination = "http://\x1b]0;x\x07\x9b/\n\x7f\ud800\u202e"
    orphan(tmp_path, events(1), metadata={"format": 1, "destination": destination})
    output = here(capsys, "list", tmp_path, "--json").stdout
    assert output.removesuffix("\n").isprintable()
    assert json.loads(output)["streams"][0]["destination"] == destination


def test_without_standard_error(tmp_path):
    """Where standard error is closed, nothing of it gets into the JSON."""
    (tmp_path / "dead-letters.ndjson").write_text('{"reason": "x", "event": {}}\n')
    command = " ".join([*SPOOL, "list", "--json", "--fail-if-dead-letters", str(tmp_path)])
    result = subprocess.run(
        ["sh", "-c", f"exec {command} 2>&-"], stdout=subprocess.PIPE, timeout=40
    )
    assert (result.returncode, json.loads(result.stdout)["dead_letters"]) == (1, 1)
