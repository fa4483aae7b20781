"""The tutorial is true: its programs and commands are run in order, as its reader does."""

import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from importlib.metadata import metadata
from pathlib import Path

import pytest
from support.running import free_port, start_command

TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial.rst").read_text("utf-8")
BLOCK = re.compile(
    r"\.\. code-block:: (?P<language>\w+)\n(?:    :caption: (?P<caption>.*)\n)?\n"
    r"(?P<text>(?:    .*\n|\n)+)"
)
#: What differs from run to run: times, ages, ids and sizes.
VOLATILE = re.compile(r"\d\d:\d\d:\d\d|[0-9a-f]{16}|\d{3,}|since \S+|\b\d+s\b")
#: What needs the network: whether it is right is asked of the package's own metadata.
INSTALLING = ("python3 -m venv", ". venv", "pip install")


def plain(text):
    """The lines of *text* without what differs from run to run."""
    return [" ".join(VOLATILE.sub("N", line).split()) for line in text.splitlines()]


def contains(whole, part):
    """Whether *part*, as a page shows it, is in *whole*; ``"..."`` is any text."""
    if isinstance(part, dict):
        return all(name in whole and contains(whole[name], part[name]) for name in part)
    return part in ("...", whole)


class Reader:
    """Follows the tutorial in *folder*, with a receiver on another port."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.receiver = None
        self.installed = []

    def own(self, text):
        return text.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")

    def write(self, name, text):
        (self.folder / name).write_text(self.own(text), "utf-8")

    def type_lines(self, text):
        """Run the commands of a terminal, and compare what they write."""
        for entry in re.findall(r"^(\$ .*|\^C)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            line, expected = entry
            if line == "^C":
                self.stop()
            elif line.startswith("$ structlog-mozdef collector"):
                self.start()
                self.read_receiver(expected)
            elif line.removeprefix("$ ").startswith(INSTALLING):
                self.installed.append(line)
            else:
                assert plain(self.run(line)) == plain(self.own(expected)), line

    def run(self, line):
        """Run one command; return all that it wrote."""
        program, *arguments = shlex.split(self.own(line).removeprefix("$ "))
        ours = {
            "python": [sys.executable],
            "structlog-mozdef": [sys.executable, "-m", "structlog_mozdef"],
        }
        done = subprocess.run(
            [*ours.get(program, [program]), *arguments],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        killed = done.returncode == -signal.SIGKILL
        assert killed or done.returncode == 0, done.stdout
        return done.stdout + "Killed\n" * killed

    def start(self):
        command = [sys.executable, "-m", "structlog_mozdef", "collector", "--port", str(self.port)]
        self.receiver = start_command(command)

    def stop(self):
        if self.receiver is not None:
            self.receiver.send_signal(signal.SIGINT)
            self.receiver.communicate(timeout=20)
            self.receiver = None

    def read_receiver(self, expected):
        """Compare the next lines of the receiver; those that no block shows are passed over."""
        expected = plain(self.own(expected))
        lines = []
        while not lines or lines[0] != expected[0]:
            lines = plain(self.receiver.stdout.readline())
            assert lines, f"The receiver ended before it printed {expected[0]!r}"
        lines += [plain(self.receiver.stdout.readline())[0] for _ in expected[1:]]
        assert lines == expected

    def stored(self, summary):
        """The document of the one event with this summary."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/api/v1/events?text={summary.replace(' ', '+')}")
            (event,) = json.loads(connection.getresponse().read())["events"]
            connection.request("GET", f"/api/v1/events/{event['id']}")
            return json.loads(connection.getresponse().read())["stored"]
        finally:
            connection.close()


def environment():
    """This process's, without what sets up the package."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MOZDEF_")}


@pytest.fixture
def reader(tmp_path):
    reader = Reader(tmp_path)
    yield reader
    reader.stop()


@pytest.mark.timeout(60)  # a line that the receiver does not print
def test_every_step_does_what_it_says(reader):
    """Programs and commands do what the page shows, and the receiver has what it shows."""
    steps = list(BLOCK.finditer(TUTORIAL))
    assert len(steps) == TUTORIAL.count("code-block") > 10
    for step in steps:
        text = textwrap.dedent(step["text"]).strip("\n") + "\n"
        if step["language"] == "python":
            reader.write(step["caption"], text)
        elif step["language"] == "console":
            reader.type_lines(text)
        elif step["language"] == "text":
            reader.read_receiver(text)
        else:
            document = reader.stored(step["caption"].split('"')[1])
            assert contains(document, json.loads(text)), document
    extra = re.search(r"structlog-mozdef\[(\w+)\]", "".join(reader.installed))[1]
    assert extra in metadata("structlog-mozdef").get_all("Provides-Extra")
