"""On macOS and Windows the package works, or says in one sentence what does not work there.

Each test runs on a Python from which the names that these platforms lack are removed before the
package is imported.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest
from support.running import PROGRAMS, run
from support.syslog_servers import ConnectionReceiver, frames

PLATFORMS = ("macos", "windows")


def summaries(receiver):
    return sorted(event["summary"] for request in receiver.requests for event in request.events())


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_module_can_be_imported(platform):
    """Every module can be imported."""
    assert run("other_platform", platform, "import_everything").stdout == "True\n"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_http(platform, receiver):
    """Events are delivered over HTTP."""
    run("other_platform", platform, "deliver", receiver.url)
    assert summaries(receiver) == ["0", "1", "2"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_configure(platform, receiver):
    """`configure` makes structlog send its events, and ends its stream."""
    run("other_platform", platform, "configured", receiver.url)
    assert summaries(receiver) == ["configured", "end of stream"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_logging_handler(platform, receiver):
    """The handler of the logging module delivers when logging is shut down."""
    run("other_platform", platform, "handled", receiver.url)
    assert summaries(receiver) == ["handled"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_compat(platform, receiver):
    """The classes of the old clients deliver."""
    run("other_platform", platform, "compat", receiver.url)
    assert summaries(receiver) == ["by a message", "by an event"]


def test_compat_without_a_local_syslog():
    """Windows has no local sockets: an event for the local syslog alone is an error."""
    output = run("other_platform", "windows", "compat_syslog").stdout
    assert (output[:13], "this system has no local sockets" in output) == ("MozDefError: ", True)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_collector(platform):
    """The development receiver runs and stores."""
    assert run("other_platform", platform, "collected").stdout == "collected\n"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_syslog_over_tcp(platform):
    """Events are sent to a syslog receiver, which has read them when the sink is closed."""
    with ConnectionReceiver() as receiver:
        process = run(
            "other_platform", platform, "deliver", f"syslog+tcp://127.0.0.1:{receiver.port}"
        )
        assert (process.stderr, len(frames(receiver.received[0]))) == ("True 3 0\n", 3)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_syslog_over_udp(platform):
    """Events are sent as datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        url = f"syslog+udp://127.0.0.1:{receiver.getsockname()[1]}"
        assert run("other_platform", platform, "deliver", url).stderr == "True 3 0\n"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_standard_output_is_a_pipe(platform):
    """Events reach a program that reads them from a pipe."""
    output = run("other_platform", platform, "deliver", "-").stdout
    assert [json.loads(line)["summary"] for line in output.splitlines()] == ["0", "1", "2"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_standard_output_is_a_file(platform, tmp_path):
    """Events reach the file that standard output was redirected to, after what it held."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"summary": "earlier"}\n')
    with path.open("ab") as output:
        command = [sys.executable, PROGRAMS / "other_platform.py", platform, "deliver", "-"]
        process = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True)
    assert process.stderr == "True 3 0\n"
    lines = path.read_bytes().splitlines()
    assert [json.loads(line)["summary"] for line in lines] == ["earlier", "0", "1", "2"]


@pytest.mark.parametrize("sync", ["never", "interval", "always"])
def test_spool_on_macos(sync, receiver, tmp_path):
    """A spool keeps its events and delivers them, also where every event is forced to the disk."""
    process = run("other_platform", "macos", "deliver", receiver.url, tmp_path / "spool", sync)
    assert (summaries(receiver), process.stderr) == (["0", "1", "2"], "True 3 0\n")


def test_spool_on_windows(receiver, tmp_path):
    """Windows has no locks that end with a process: a spool is rejected in one sentence."""
    path = tmp_path / "spool"
    process = run("other_platform", "windows", "refuse", receiver.url, path, "interval")
    assert (process.stdout, process.stderr) == (
        "SpoolError: a spool needs fcntl, which this platform does not have; use spool=None\n",
        "",
    )
    assert not path.exists()


def test_file_on_macos(tmp_path):
    """Events are appended to a file."""
    path = tmp_path / "events.ndjson"
    run("other_platform", "macos", "deliver", path.as_uri())
    assert len(path.read_bytes().splitlines()) == 3


def test_file_on_windows(tmp_path):
    """A file that several processes may append to needs locks as well."""
    path = tmp_path / "events.ndjson"
    process = run("other_platform", "windows", "refuse", path.as_uri())
    expected = "ValueError: file:// needs fcntl, which this platform does not have\n"
    assert (process.stdout, process.stderr) == (expected, "")


def test_seals_on_macos(tmp_path):
    """Events are sealed, and their seals are checked."""
    tmp_path.chmod(0o700)
    assert run("other_platform", "macos", "sealed", tmp_path).stdout.endswith("proved\n")


def test_seals_on_windows(tmp_path):
    """Windows has no locks that end with a process: a seal is rejected in one sentence."""
    process = run("other_platform", "windows", "refuse to seal", tmp_path / "key")
    assert process.stdout == "ValueError: seal needs a system with flock, which Windows has not\n"
