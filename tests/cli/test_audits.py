"""The commands of an auditor: what they print, and what their exit status says."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import termios

import pytest
from support.certificates import authority_file, server_context
from support.receivers import Receiver, answer
from support.running import command, finish, start_command
from support.sealing import Sealing, rendered

from structlog_mozdef import Sink
from structlog_mozdef.audit.verification_keys import line_of
from structlog_mozdef.cli import main

PROGRAM = """
import sys
import structlog, structlog_mozdef as mozdef
mozdef.configure(sys.argv[1], **eval(sys.argv[2]))
log = structlog.get_logger("app")
for number in range(150):
    log.info("hello", number=number, ratio=1.0, sourceipaddress="10.0.0.7")
if sys.argv[3:]:
    import os
    os.kill(os.getpid(), 9)
"""


def line(number, **details):
    return rendered("x", stream_id="abc", sequence=number, **details) + b"\n"


END = line(3, stream_end=True)


def called(*arguments, text=b""):
    """Run a command in this process: its status, and what it wrote."""
    output, errors = io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text))
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            status = main([*map(str, arguments)])
    finally:
        sys.stdin = before
    return status, output.getvalue(), errors.getvalue()


def audit(*arguments, text=b""):
    return called("audit", *arguments, text=text)


def test_a_complete_record():
    """Status 0, a line for the stream, and one about all."""
    status, output, errors = audit(text=line(1) + line(2) + END)
    assert (status, errors) == (0, "")
    stream, total = output.splitlines()
    assert stream.startswith("abc  1 to 3  3 events  ended, last at 20")
    assert total == "3 events in 1 stream: 0 missing, 0 streams cut off"


def test_a_missing_event():
    """Status 1, and the number."""
    status, output, _ = audit("-", text=line(1) + END)
    assert (status, "MISSING 2 (1)" in output) == (1, True)


def test_json():
    """Programs get one object."""
    status, output, _ = audit("--json", text=line(1) + END)
    report = json.loads(output)
    assert (status, report["complete"], report["streams"][0]["missing"]) == (
        1,
        False,
        {"count": 1, "ranges": [[2, 2]]},
    )


def test_several_sources_are_one_record(tmp_path):
    """What is missing in one file may be in another."""
    (tmp_path / "one").write_bytes(line(1) + END)
    (tmp_path / "two").write_bytes(line(2))
    assert audit(tmp_path / "one", tmp_path / "two")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "status"),
    [((), 0), (("--silent-after", "0"), 1), (("--silent-after", "3600"), 0)],
)
def test_a_stream_without_an_end(arguments, status):
    """It is open, or was cut off, as the auditor says."""
    assert audit(*arguments, text=line(1))[0] == status


def test_the_middle_of_a_stream():
    """``--partial`` asks for nothing before the first number."""
    assert [audit(*arguments, text=END)[0] for arguments in ((), ("--partial",))] == [1, 0]


def test_control_characters():
    """Nothing of an event reaches a terminal as it is."""
    event = json.loads(line(1))
    evil = "\x1b]0;x\x07\x9b2J\u202e\n"
    event.update(hostname=evil, processname=evil, processid=evil, timestamp=evil)
    _, output, _ = audit(text=json.dumps(event).encode())
    assert all(each.isprintable() for each in output.splitlines())
    assert len(output.splitlines()) == 2


def test_no_record():
    """A file that is not there is an error, and no complete record."""
    status, output, errors = audit("/no/such/file")
    assert (status, output) == (2, "")
    assert errors == "error: '/no/such/file' cannot be read: No such file or directory\n"


def test_progress_is_for_terminals(tmp_path):
    """A bar is on a terminal only."""
    (tmp_path / "events").write_bytes(b"".join(line(number) for number in range(1, 3_001)))
    outer, inner = pty.openpty()
    termios.tcsetwinsize(inner, (24, 80))
    arguments = [sys.executable, "-m", "structlog_mozdef", "audit", str(tmp_path / "events")]
    process = subprocess.run(arguments, stderr=inner, stdout=subprocess.PIPE, timeout=60)
    os.close(inner)
    shown = b""
    with contextlib.suppress(OSError):  # the end, on Linux
        while part := os.read(outer, 10_000):
            shown += part
    os.close(outer)
    assert (process.returncode, b"event" in shown) == (0, True)
    assert audit(tmp_path / "events")[2] == ""


def test_ctrl_c_ends_it():
    """An audit that is interrupted says nothing about the record."""
    process = start_command(
        [sys.executable, "-m", "structlog_mozdef", "audit"], stdin=subprocess.PIPE
    )
    process.stdin.write(line(1).decode() * 100_000)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (130, "")


# An index


def hits(*numbers):
    events = [{"_source": json.loads(line(number))} for number in numbers]
    return {
        "_scroll_id": "s",
        "timed_out": False,
        "_shards": {"total": 1, "failed": 0},
        "hits": {"total": {"value": 3, "relation": "eq"}, "hits": events},
    }


PAGES = [hits(1, 2), hits(3), hits()]


def index_of(*pages):
    """A server that answers with *pages*, a status or an object each, one after another."""
    left = list(pages)

    def respond(request):
        if request.method == "DELETE":
            return answer(200, b"{}")
        page = left.pop(0)
        if isinstance(page, int):
            return answer(page, b'{"error": {"type": "some_exception", "reason": "s3cret"}}')
        return answer(200, page if isinstance(page, bytes) else json.dumps(page).encode())

    return Receiver(respond)


def test_pages_of_an_index():
    """Pages are asked for until one is empty; what is left open in the server is closed."""
    with index_of(*PAGES) as server:
        status, output, _ = audit(f"{server.base}/events-*", "--user", "u", "--password-file", KEY)
        requests = server.requests
    assert (status, "3 events" in output) == (0, True)
    assert [request.method for request in requests] == ["POST", "POST", "POST", "DELETE"]
    assert [request.path for request in requests[:2]] == [
        "/events-*/_search?scroll=5m",
        "/_search/scroll",
    ]
    assert all(request.headers["authorization"].startswith("Basic ") for request in requests)


KEY = __file__  # any file with a first line


def test_an_api_key_and_a_ca_bundle(tmp_path):
    """An index is asked with an API key, over TLS that a bundle of the auditor's verifies."""
    (tmp_path / "key").write_text("id:secret\n")
    arguments = ("--api-key-file", tmp_path / "key", "--verify", authority_file(tmp_path))
    pages = list(PAGES)

    def respond(request):
        return answer(
            200, b"{}" if request.method == "DELETE" else json.dumps(pages.pop(0)).encode()
        )

    with Receiver(respond, tls=server_context()) as server:
        status, output, errors = audit(f"{server.base}/events", *arguments)
        sent = {request.headers["authorization"] for request in server.requests}
        refused, _, reason = audit(f"{server.base}/events", *arguments[:2])
    assert (status, "3 events" in output, errors) == (0, True, "")
    assert sent == {"ApiKey aWQ6c2VjcmV0"}
    assert (refused, "certificate" in reason) == (2, True)


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        ([PAGES[0], PAGES[2]], "gave 2 of its 3 events"),
        ([{**PAGES[0], "_shards": {"total": 2, "failed": 1}}], "a part of its shards"),
        ([PAGES[0], {**PAGES[1], "timed_out": True}], "a part of its shards"),
        ([401], "answered 401: some_exception"),
        ([PAGES[0], 503], "answered 503"),
        ([{**PAGES[0], "_clusters": {"total": 2, "skipped": 1}}], "a part of its clusters"),
        ([b"<html>"], "did not answer as an index does"),
        ([b"[]"], "did not answer as an index does"),
        ([{"hits": []}], "did not answer as an index does"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_index_that_does_not_answer_completely(pages, reason):
    """Then nothing is said about the record but the reason, without what the server quotes."""
    with index_of(*pages) as server:
        status, output, errors = audit(f"{server.base}/events")
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert reason in errors
    assert "s3cret" not in errors


@pytest.mark.parametrize("url", ["http://127.0.0.1:9200", "http://127.0.0.1:9200/", "https:///x"])
def test_an_address_without_an_index(url):
    """It is named as what it is, before anything is read."""
    status, _, errors = audit(url)
    assert (status, errors.startswith("error: url is ")) == (2, True)


# Seals


@pytest.fixture
def sealing(tmp_path):
    tmp_path.chmod(0o700)
    made = Sealing(tmp_path)
    (tmp_path / "verification.keys").write_text(f"# ours\n\n{line_of(made.first_key)}\n")
    return made


def verify(tmp_path, *arguments, text=b""):
    key = tmp_path / "verification.keys"
    return called("seal", "verify", "--key", key, *arguments, text=text)


def test_new_key(tmp_path):
    """The key file is for its user alone, and the verification key is printed or appended."""
    tmp_path.chmod(0o700)
    printed = command("seal", "new-key", str(tmp_path / "a" / "key")).stdout
    assert re.fullmatch(rb"structlog-mozdef-verification-key 1 [0-9a-f]{8} [0-9a-f]{64}\n", printed)
    keys = tmp_path / "keys"
    for name in ("b", "c"):
        made = called("seal", "new-key", tmp_path / name, "--verification-key", keys)
        assert made == (0, "", "")
    assert (len(keys.read_text().splitlines()), stat.S_IMODE(keys.stat().st_mode)) == (2, 0o600)
    status, _, errors = called("seal", "new-key", tmp_path / "b")
    assert (status, "exists" in errors) == (2, True)


def test_the_whole_way(sealing, collector, tmp_path):
    """From a program through the receiver to the auditor, with two processes and an attacker."""
    options = repr({"seal": str(sealing.path), "tags": ["web"]})
    for _ in range(2):
        finish(start_command([sys.executable, "-c", PROGRAM, collector.url, options]))
    lines = [json.dumps(document).encode() for document in collector.documents()]
    assert collector.differences() == []
    status, output, errors = verify(tmp_path, text=b"\n".join(lines))
    assert (status, output.splitlines()[-1], errors) == (0, "proved", "")
    assert output.count("151 authentic, the last 151  ended") == 2
    lines[3] = lines[3].replace(b"hello", b"hullo")
    del lines[200]
    status, output, _ = verify(tmp_path, text=b"\n".join(lines))
    assert (status, "CHANGED 4 (1)" in output, "MISSING" in output) == (1, True, True)
    assert output.splitlines()[-1] == "NOT PROVED"


def test_a_process_that_is_killed(sealing, tmp_path):
    """What a spool holds of a killed process is authentic; its stream did not end."""
    spool, options = (
        tmp_path / "spool",
        {"seal": str(sealing.path), "spool": str(tmp_path / "spool")},
    )
    process = start_command(
        [sys.executable, "-c", PROGRAM, "http://127.0.0.1:9/events", repr(options), "kill"]
    )
    process.communicate(timeout=60)
    status, output, _ = verify(tmp_path, spool)
    assert (status, "150 authentic, the last 150  open" in output) == (0, True)
    assert verify(tmp_path, spool, "--silent-after", "0")[0] == 1


def test_hostile_json(tmp_path):
    """What a terminal would obey is escaped in JSON as well, which keeps its meaning."""
    hostname = "\x9b2J\u202e\x1b[2J"
    status, output, _ = audit(
        "--json",
        text=json.dumps({**json.loads(line(1)), "hostname": hostname}, ensure_ascii=False).encode(),
    )
    assert all(each.isprintable() for each in output.split("\n"))
    assert (status, json.loads(output)["streams"][0]["hostname"]) == (0, hostname)


def test_a_record_of_several_programs(sealing, tmp_path):
    """Events without seals are an error, unless the auditor knows that there are some."""
    events = [*sealing.stream(1), json.loads(line(1))]
    lines = b"\n".join(json.dumps(event).encode() for event in events)
    assert verify(tmp_path, text=lines)[0] == 1
    assert verify(tmp_path, "--mixed", text=lines)[0] == 0


@pytest.mark.parametrize("mixed", [False, True])
def test_what_an_index_is_asked_for(sealing, tmp_path, mixed):
    """All its events, so that one without a seal is found; in a mixed one those with a number."""
    with index_of(hits()) as server:
        verify(tmp_path, f"{server.base}/events", *["--mixed"] * mixed)
        conditions = json.loads(server.requests[0].body)["query"]["bool"]["filter"]
    assert bool(conditions) == mixed


def test_json_of_seals(sealing, tmp_path):
    """Programs get one object."""
    lines = [json.dumps(event).encode() for event in sealing.stream(3)]
    status, output, _ = verify(tmp_path, "--json", text=b"\n".join(lines))
    report = json.loads(output)
    assert (status, report["proved"], report["streams"][0]["authentic"]) == (0, True, 4)


def test_a_compromise(sealing, tmp_path):
    """From when on nothing is proved is said, for a time and for a number."""
    events = sealing.stream(150)
    lines = b"\n".join(json.dumps(event).encode() for event in events)
    stream_id = events[0]["details"]["stream_id"]
    for moment in (f"{stream_id}:120", "2020-01-01T00:00:00Z"):
        _, output, _ = verify(tmp_path, "--compromised-at", moment, text=lines)
        number = 101 if ":120" in moment else 1
        assert f"nothing is proved from {number} on" in output
    assert verify(tmp_path, "--compromised-at", "yesterday", text=lines)[0] == 2


def test_forged_names(sealing, tmp_path):
    """Neither a forged event nor a changed one writes to the terminal."""
    events = sealing.stream(2)
    events[0]["hostname"] = events[1]["processname"] = "\x1b[2J"
    events.append(json.loads(rendered("x", stream_id="\x1b[2J", sequence=1, seal="\x1b[2J")))
    lines = b"\n".join(json.dumps(event).encode() for event in events)
    _, output, _ = verify(tmp_path, text=lines)
    assert all(each.isprintable() for each in output.splitlines())


@pytest.mark.parametrize(
    "content",
    [None, b"", b"x\n", b"\xff\xfe", b"structlog-mozdef-verification-key 1 00000000 00\n"],
)
def test_verification_keys_that_cannot_be_used(content, tmp_path):
    """A missing or damaged key is an error; a file without a key checks nothing."""
    if content is not None:
        (tmp_path / "verification.keys").write_bytes(content)
    status, output, _ = verify(tmp_path, text=line(1))
    assert status == (1 if content == b"" else 2)
    assert "proved" not in output.replace("NOT PROVED", "")


def test_a_sink_says_what_is_wrong_with_its_key(sealing):
    """A program cannot start with a key file that others can read."""
    sealing.path.chmod(0o644)
    with pytest.raises(ValueError, match="mode 644"):
        Sink("http://127.0.0.1:9/events", seal=sealing.path)
