"""The command line: what it sends, prints and returns."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import requests
from support.receivers import Receiver, answer
from support.running import command, start_command, wait_for
from support.sealing import Sealing

from structlog_mozdef.audit.completeness import Completeness


def send(receiver, text, *arguments):
    return command("send", receiver.url, *arguments, text=text)


def test_send_ships_json_lines_as_events():
    """A line of structlog's JSON output arrives with its event as summary."""
    with Receiver() as receiver:
        send(receiver, '{"event": "hello", "level": "warning", "user": "kang"}\n')
        (event,) = receiver.events()
    assert (event["summary"], event["severity"], event["details"]["user"]) == (
        "hello",
        "WARNING",
        "kang",
    )


def test_send_keeps_the_time_of_the_line():
    """The timestamp of a line is that of the event, not the time of sending."""
    with Receiver() as receiver:
        send(receiver, '{"event": "hello", "timestamp": "2020-01-01T00:00:00Z"}\n')
        (event,) = receiver.events()
    assert event["timestamp"] == "2020-01-01T00:00:00.000000+00:00"


@pytest.mark.parametrize("line", ["plain text", "{broken json", '["an", "array"]'])
def test_send_ships_other_lines_as_summaries(line):
    """A line that is not a JSON object is the summary of an event."""
    with Receiver() as receiver:
        send(receiver, f"{line}\n\n")
        assert receiver.summaries() == [line]


def test_send_accepts_bytes_that_are_not_utf_8():
    """A line in another encoding arrives readable instead of being lost."""
    with Receiver() as receiver:
        send(receiver, b"caf\xe9\n")
        assert receiver.summaries() == ["caf\\xe9"]


def test_send_truncates_endless_lines():
    """A line that is too long is truncated, and the lines after it arrive."""
    with Receiver() as receiver:
        send(receiver, "x" * 3_000_000 + "\nafter\n")
        long, after = receiver.events()
    assert (long["details"]["line_cut_at_bytes"], after["summary"]) == (1_000_000, "after")


def test_send_adds_tags_category_and_source():
    """The options of the command line reach every event."""
    with Receiver() as receiver:
        send(receiver, "x\n", "--tag", "a", "--tag", "b", "--category", "c", "--source", "s")
        (event,) = receiver.events()
    assert (event["tags"], event["category"], event["source"]) == (["a", "b"], "c", "s")


@pytest.mark.parametrize(
    ("arguments", "sent"), [([], "token=[redacted]"), (["--no-redact"], "token=hunter2")]
)
def test_send_redacts(arguments, sent):
    """Secrets in the lines are replaced, unless the command is told to leave them."""
    with Receiver() as receiver:
        send(receiver, "token=hunter2\n", *arguments)
        assert receiver.summaries() == [sent]


def test_send_succeeds_when_all_was_delivered():
    """The exit status is 0; the result is on standard error, and nothing on standard output."""
    with Receiver() as receiver:
        result = send(receiver, "one\ntwo\n")
    assert (result.returncode, result.stdout, result.stderr) == (
        0,
        b"",
        b"2 of 2 events delivered" + os.linesep.encode(),
    )


def test_send_fails_when_an_event_was_rejected():
    """The exit status is 1 where one event is a dead letter."""
    with Receiver(lambda request: answer(400 if b"poison" in request.body else 200)) as receiver:
        result = send(receiver, "fine\npoison\n")
    assert (result.returncode, b"1 of 2 events delivered, 1 rejected" in result.stderr) == (1, True)


def test_send_fails_when_nobody_listens():
    """The exit status is 1 after the timeout if the receiver is down."""
    result = command("send", "http://127.0.0.1:9/events", "--timeout", "0.2", text="x\n")
    assert (result.returncode, b"0 of 1 event delivered, 1 not sent" in result.stderr) == (1, True)


def test_send_ships_what_was_read_before_an_interrupt():
    """Ctrl-C ends reading; what was read is delivered, and the exit status is 130."""
    with Receiver() as receiver:
        process = subprocess.Popen(
            [sys.executable, "-m", "structlog_mozdef", "send", receiver.url],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        process.stdin.write(b"hello\n")
        process.stdin.flush()
        assert wait_for(lambda: receiver.summaries() == ["hello"])
        process.send_signal(signal.SIGINT)
        status = process.wait(20)
        process.stdin.close()
    assert (status, receiver.summaries()) == (130, ["hello"])


def states(events):
    found = Completeness()
    for event in events:
        found.add(event)
    return [(len(stream.numbers), stream.has_ended) for stream in found.streams.values()]


def test_send_ends_its_stream():
    """The lines of one call are a stream that ends with the last one; no lines are none."""
    with Receiver() as receiver:
        send(receiver, "one\ntwo\n", "--tag", "t")
        *_, end = receiver.all_events()
        assert (states(receiver.all_events()), end["tags"]) == ([(3, True)], ["t"])
        result = send(receiver, "")
        assert (result.returncode, len(receiver.all_events())) == (0, 3)


@pytest.mark.parametrize(("number", "ended"), [(signal.SIGTERM, True), (signal.SIGKILL, False)])
def test_the_stream_of_send_after_a_signal(number, ended):
    """What was read is sent after a signal, and so is the end; SIGKILL leaves the stream open."""
    with Receiver() as receiver:
        process = start_command(
            [sys.executable, "-m", "structlog_mozdef", "send", receiver.url],
            stdin=subprocess.PIPE,
        )
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert wait_for(lambda: receiver.summaries() == ["hello"])
        process.send_signal(number)
        process.communicate(timeout=20)
        assert states(receiver.all_events()) == [(1 + ended, ended)]


def test_send_says_that_the_end_is_missing():
    """A stream whose end was rejected is not complete, and the exit status says so."""
    with Receiver(
        lambda request: answer(400 if b"stream_end" in request.body else 200)
    ) as receiver:
        result = send(receiver, "one\n")
    assert result.returncode == 1
    assert b"1 of 1 event delivered, but not the end of the stream" in result.stderr


def test_send_seals(tmp_path):
    """With a key file, each line gets a seal, and the end has one."""
    tmp_path.chmod(0o700)
    sealing = Sealing(tmp_path)
    with Receiver() as receiver:
        result = send(receiver, "one\ntwo\n", "--seal", str(sealing.path))
        report = sealing.verify(receiver.all_events())
    (stream,) = report["streams"]
    assert (result.returncode, report["proved"]) == (0, True)
    assert (stream["authentic"], stream["state"]) == (3, "ended")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["send", "https://host/events", "--seal", "/no/such"], "seal is '/no/such', whose folder"),
        (["send", "ftp://u:secret@host/"], "url is 'ftp://...@host/'; it must be"),
        (["send", "https://host/events", "--verify", "/no/such"], "verify is '/no/such'; it must"),
        (["send", "https://host/events", "--category", ""], "category is ''; it must be"),
        (["send", "-", "--verify", "no"], "--verify is not for this destination: verify is no"),
        (["collector", "--port", "70000"], "The port is 70000; it must be"),
    ],
)
def test_bad_configuration_gets_one_sentence(arguments, message):
    """A value that cannot work is named with the allowed values, without a traceback; status 2."""
    result = command(*arguments)
    assert result.returncode == 2
    assert re.fullmatch(f"error: {re.escape(message)}[^\\n]*\n", result.stderr.decode())


def test_a_library_that_is_missing_gets_one_sentence(tmp_path):
    """The error names the library, and the command that installs it."""
    (tmp_path / "amqp.py").write_text("raise ImportError('not here', name='amqp')")
    result = command("send", "amqp://broker.example.com/vhost", env={"PYTHONPATH": str(tmp_path)})
    assert (result.returncode, result.stderr.count(b"\n")) == (2, 1)
    assert b"pip install structlog-mozdef[amqp]" in result.stderr


def test_demo_shows_documents_and_loses_nothing():
    """The demonstration prints stored documents and figures, and succeeds if all arrived."""
    result = command("demo")
    output = result.stdout.decode()
    assert result.returncode == 0, output + result.stderr.decode()
    assert re.search(r"lost +0\n", output)
    assert '"summary": "Account locked"' in output


def test_demo_says_how_to_see_the_page():
    """The demonstration ends by saying where the page is."""
    assert "demo --serve" in command("demo").stdout.decode().splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_serves_a_page_until_a_signal(number):
    """With --serve there are a page and a stream of events, and a signal is its ordinary end."""
    with start_command([sys.executable, "-m", "structlog_mozdef", "demo", "--serve"]) as process:
        address = process.stdout.readline().rpartition(" ")[2].strip()
        assert "<title>" in requests.get(address, timeout=10).text
        assert wait_for(
            lambda: requests.get(f"{address}api/v1/totals", timeout=10).json()["received"] > 1
        )
        process.send_signal(number)
        assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 0


def test_traffic_of_the_demo_ends_with_it():
    """Where the demonstration is killed, the program whose events it shows ends by itself."""
    with start_command([sys.executable, "-m", "structlog_mozdef", "demo", "--serve"]) as process:
        address = process.stdout.readline().rpartition(" ")[2].strip()
        assert wait_for(
            lambda: requests.get(f"{address}api/v1/totals", timeout=10).json()["received"] > 1
        )
        process.kill()
        # Both have the same standard output: its end is the end of the last of them.
        process.communicate(timeout=60)


def test_demo_uses_colours_only_where_they_are_wanted():
    """Escape sequences appear when they are asked for, and not in a pipe."""
    plain, coloured = command("demo"), command("demo", env={"FORCE_COLOR": "1"})
    assert (b"\033" in plain.stdout, b"\033" in coloured.stdout) == (False, True)


def test_collector_command_stores_events(tmp_path):
    """The collector command prints its URL, and accepts what ``send`` sends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "structlog_mozdef", "collector", "--port", "0"],
        stdout=subprocess.PIPE,
    )
    try:
        url = re.search(r"http://\S+", process.stdout.readline().decode()).group()
        result = command("send", url, text=json.dumps({"event": "hello"}))
        assert result.returncode == 0
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        process.stdout.close()


SCRIPT = Path(sysconfig.get_path("scripts"), "structlog-mozdef")


@pytest.mark.parametrize(
    ("start", "name"),
    [
        pytest.param([SCRIPT], "structlog-mozdef", id="script"),
        pytest.param(
            [sys.executable, "-m", "structlog_mozdef"], "python -m structlog_mozdef", id="module"
        ),
    ],
)
def test_usage_shows_how_the_program_was_started(start, name):
    """The installed script and the module show their own name, with all commands."""
    result = subprocess.run([*start, "--help"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"usage: {name} [-h]")
    commands = re.findall(r"^    (\w+)(?: |$)", result.stdout, re.MULTILINE)
    assert commands == ["send", "spool", "collector", "audit", "seal", "demo"]


def test_errors_show_how_the_program_was_started():
    """The usage of a command begins with the name of the script."""
    result = subprocess.run([SCRIPT, "send"], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr.split(" [")[0]) == (2, "usage: structlog-mozdef send")


def test_script_returns_the_status_of_the_command():
    """The exit status of the installed script is that of the command."""
    with Receiver() as receiver:
        good = subprocess.run([SCRIPT, "send", receiver.url], input=b"x\n", timeout=60)
        assert (good.returncode, receiver.summaries()) == (0, ["x"])
    bad = subprocess.run([SCRIPT, "collector", "--port", "70000"], timeout=60, capture_output=True)
    assert bad.returncode == 2


@pytest.mark.parametrize("arguments", [["send", ""], ["spool", "drain", ".", " "]])
def test_an_empty_url_is_refused(arguments, tmp_path, monkeypatch):
    """It comes of a variable that is not set; nothing would ever be sent."""
    monkeypatch.chdir(tmp_path)
    result = command(*arguments)
    assert (result.returncode, result.stderr.decode()) == (
        2,
        "error: URL is empty; it must be a destination\n",
    )
