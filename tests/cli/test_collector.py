"""The command ``collector``: what it prints, keeps and encrypts."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import stat
import sys

import pytest
import requests
from cryptography import x509
from support.collecting import EVENT, LINE
from support.running import start_command

from structlog_mozdef.cli.event_lines import EventLines
from structlog_mozdef.cli.own_certificate import own_certificate


@contextlib.contextmanager
def collecting(*arguments):
    """Run the command; yield its URL, its process and the first lines of its output."""
    command = [sys.executable, "-m", "structlog_mozdef", "collector", "--port", "0", *arguments]
    process = start_command(command)
    try:
        first = [process.stdout.readline() for _ in range(3 if "--tls" in arguments else 2)]
        yield re.search(r"https?://\S+", first[0]).group(), process, first
    finally:
        process.kill()
        process.communicate()


def lines_of(process):
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    return stdout.splitlines()


def printed(collector, capsys, *bodies):
    for body in bodies:
        post(collector.url, body)
    EventLines().print_new(collector)
    return capsys.readouterr().out.splitlines()


def post(url, body, **options):
    with requests.post(url, data=body, timeout=10, **options) as answer:
        return answer.status_code


def test_it_says_where_its_page_is():
    """The second line has the address of the page."""
    with collecting() as (url, _, (_, second)):
        assert second == f"Its page is {url.removesuffix('events')}\n"


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ("0.0.0.0", "All who reach this address can read its events and remove them.\n"),
        ("localhost", ""),
    ],
)
def test_it_says_who_can_read_events(host, line):
    """On an address that other machines reach, a line says what they can do."""
    with collecting("--host", host) as (_, process, _):
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == line


def test_database_that_cannot_be_read_is_a_clear_error(tmp_path):
    """Where the database fails while the collector runs, it ends with a sentence."""
    path = tmp_path / "events.db"
    with collecting("--database", str(path)) as (_, process, _):
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("DROP TABLE events")
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 2
    assert stderr == f"error: The database {str(path)!r} cannot be read: no such table: events.\n"


def test_each_event_is_a_line(collector, capsys):
    """An event is printed with its time, severity, summary and tags."""
    (line,) = printed(collector, capsys, LINE)
    assert re.fullmatch(r"\d\d:\d\d:\d\d CRITICAL new test msg \[bro auth\]", line)


def test_each_finding_is_a_line(collector, capsys):
    """What MozDef would change or lose is printed below its event, with the reason."""
    _, line = printed(collector, capsys, json.dumps({**EVENT, "username": "kang"}))
    assert line.startswith("         dropped username: MozDef knows no such top-level name")


def test_event_that_is_not_stored_is_marked(collector, capsys):
    """An event that MozDef loses has a word in capital letters in its line."""
    bodies = json.dumps({**EVENT, "timestamp": ""}), b"{oops"
    text = "\n".join(printed(collector, capsys, *bodies))
    assert "CRITICAL DROPPED new test msg" in text
    assert "REFUSED {oops" in text


def test_colours(collector, capsys, monkeypatch):
    """On a terminal, the severity has a colour and findings are red."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    event, finding = printed(collector, capsys, json.dumps({**EVENT, "username": "kang"}))
    assert "\033[1;35mCRITICAL\033[0m" in event
    assert finding.startswith("\033[31m")


@pytest.mark.parametrize("field", ["summary", "severity", "tags", "x\033[31m\u202e\n"])
def test_hostile_content_is_escaped(collector, capsys, field):
    """No control character, and none that reverses the direction of a text, is printed."""
    hostile = "\033]0;title\007\r\n\u202egnp.exe\u2066\x9b31m"
    value = [hostile] if field == "tags" else hostile
    lines = printed(collector, capsys, json.dumps({**EVENT, field: value}))
    assert all(line.isprintable() for line in lines)
    assert "\\u001b" in "".join(lines)


def test_more_than_anybody_reads_is_counted(collector, capsys):
    """Of thousands at once the newest are printed, and the number of the others."""
    post(collector.bulk_url, b"\n".join([b'{"index": {}}\n' + LINE] * 3000))
    EventLines().print_new(collector)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "... 2,800 events are not shown here"
    assert len(lines) == 201


def test_event_is_printed_once(collector, capsys):
    """What was printed is not printed again, also after a clear."""
    lines = EventLines()
    for _ in range(2):
        post(collector.url, LINE)
        lines.print_new(collector)
        lines.print_new(collector)
        assert len(capsys.readouterr().out.splitlines()) == 1
        collector.clear()


@pytest.mark.parametrize("quiet", [False, True])
def test_quiet(quiet):
    """Events are printed while the command runs; with --quiet none is."""
    with collecting(*["--quiet"] * quiet) as (url, process, _):
        post(url, LINE)
        assert quiet or "new test msg" in process.stdout.readline()
        assert lines_of(process) == []


def test_the_oldest_events_go():
    """With --keep no more events than that are kept, and what has gone is counted."""
    with collecting("--keep", "2") as (url, _, _):
        for _ in range(5):
            post(url, LINE)
        api = url.replace("events", "api/v1/")
        totals = requests.get(f"{api}totals", timeout=10).json()
        events = requests.get(f"{api}events", timeout=10).json()["events"]
    assert (totals["received"], totals["forgotten"]) == (5, 3)
    assert [event["id"] for event in events] == [5, 4]


@pytest.mark.parametrize("keep", ["0", "-1", "many"])
def test_impossible_number_to_keep_is_a_clear_error(keep):
    """Fewer than one event cannot be kept."""
    command = [sys.executable, "-m", "structlog_mozdef", "collector", "--keep", keep]
    process = start_command(command)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 2
    assert stderr == f"error: --keep is {keep!r}; it must be a number from 1 to 999999999\n"


@pytest.mark.parametrize("lost", ["collector-ca.pem", "collector.pem"])
def test_certificate_of_another_authority_is_replaced(tmp_path, lost):
    """Files that do not belong together, as two that start at once can leave them, are replaced."""
    own_certificate(tmp_path, "localhost")
    own_certificate(tmp_path / "other", "localhost")
    (tmp_path / "other" / lost).replace(tmp_path / lost)
    files = own_certificate(tmp_path, "localhost")
    certificate, authority = (x509.load_pem_x509_certificate(file.read_bytes()) for file in files)
    certificate.verify_directly_issued_by(authority)
    assert own_certificate(tmp_path, "localhost") == files


def test_private_key_is_not_written_to_the_file_of_another(tmp_path):
    """A link that another user has put into the folder does not get the key."""
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / f".collector.pem.{os.getpid()}").symlink_to(elsewhere)
    own_certificate(tmp_path, "localhost")
    assert not elsewhere.exists()
    assert stat.S_IMODE((tmp_path / "collector.pem").stat().st_mode) == 0o600


def test_tls(tmp_path):
    """With --tls only clients that trust the printed certificate get an answer: those can."""
    with collecting("--tls", str(tmp_path / "tls")) as (url, _, lines):
        verify = re.search(r'verify="(.+)"', lines[2]).group(1)
        assert post(url, LINE, verify=verify) == 200
        assert post(url.replace("127.0.0.1", "localhost"), LINE, verify=verify) == 200
        with pytest.raises(requests.exceptions.SSLError):
            post(url, LINE)


def test_tls_certificate_stays(tmp_path):
    """The certificate is made once, so that clients go on trusting it; its key is private."""
    certificates = []
    for _ in range(2):
        with collecting("--tls", str(tmp_path)):
            certificates.append((tmp_path / "collector-ca.pem").read_bytes())
    assert certificates[0] == certificates[1]
    assert stat.S_IMODE((tmp_path / "collector.pem").stat().st_mode) == 0o600
    assert b"PRIVATE KEY" not in certificates[0]


def test_tls_certificate_is_made_again_for_another_host(tmp_path):
    """A certificate that lacks the name of the host is replaced."""
    certificates = []
    for host in ("127.0.0.1", "127.0.0.5"):
        with collecting("--tls", str(tmp_path), "--host", host) as (url, _, _):
            assert post(url, LINE, verify=str(tmp_path / "collector-ca.pem")) == 200
            certificates.append((tmp_path / "collector-ca.pem").read_bytes())
    assert certificates[0] != certificates[1]


def test_tls_folder_that_cannot_be_used_is_a_clear_error(tmp_path):
    """A folder that cannot be made is named."""
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "structlog_mozdef", "collector", "--tls"]
    process = start_command([*command, str(tmp_path / "file" / "tls")])
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "certificate cannot be written" in stderr


def test_missing_extra_is_a_clear_error(tmp_path):
    """Without the extra, the error says how to install it."""
    program = f"""
import sys
sys.modules["trustme"] = None
from structlog_mozdef.cli import main
sys.exit(main(["collector", "--tls", {str(tmp_path)!r}]))
"""
    process = start_command([sys.executable, "-c", program])
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 2
    assert 'pip install "structlog-mozdef[collector-tls]"' in stderr
