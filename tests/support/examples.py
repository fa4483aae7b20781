"""The applications of ``examples/``: started as they are, asked over HTTP, stopped by a signal."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

from support.running import finish, free_port, start_command, wait_for

EXAMPLES = Path(__file__).parents[2] / "examples"


def start_example(receiver, *arguments, folder=EXAMPLES, **environment):
    """Start Python with *arguments* where the examples are, with the receiver of the test."""
    return start_command(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={"MOZDEF_URL": receiver.url, "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


def documented_command(program):
    """The words of the command that the page of *program* shows."""
    page = EXAMPLES.parent / "docs" / "frameworks" / f"{program}.rst"
    return re.search(rf"^    ({program} .*)", page.read_text("utf-8"), re.MULTILINE)[1].split()


def run_example(receiver, *arguments, **environment):
    """Run one to its end."""
    return finish(start_example(receiver, *arguments, **environment))


def status_of(url, data=None):
    """The status of the answer, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, data, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


@contextlib.contextmanager
def serving(receiver, *arguments, statuses=(0,), **options):
    """Run a server whose arguments have PORT in them; yields its address; SIGTERM ends it.

    *statuses* are those that the process may end with; -15 is SIGTERM's own.
    """
    port = str(free_port())
    server = start_example(
        receiver, *(str(word).replace("PORT", port) for word in arguments), PORT=port, **options
    )
    url = f"http://127.0.0.1:{port}"
    try:
        assert wait_for(lambda: status_of(url + "/orders/1") == 200, 40), server.communicate()
        yield url
        server.send_signal(signal.SIGTERM)
        _, stderr = server.communicate(timeout=40)
        assert server.returncode in statuses, stderr
        assert "did not arrive" not in stderr
    finally:
        server.kill()
        server.communicate()


def events_of(receiver, source):
    """What the logger *source* has logged, in the order of arrival, without ends of streams."""
    return [event for event in receiver.events() if event.get("source") == source]
