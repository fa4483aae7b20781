"""gunicorn that root starts, and that runs its workers as another user, with a spool."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from support.receivers import Receiver
from support.running import PROGRAMS, finish, free_port, start_command, wait_for
from support.spool_contents import drain

USER = 12345
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it")


@pytest.fixture
def home():
    """A folder that others can enter."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def serve(receiver, folder, *options):
    """Send ten requests to gunicorn; its standard error."""
    import urllib.request

    url = f"http://127.0.0.1:{free_port()}/?"
    server = start_command(
        [
            *[sys.executable, "-m", "gunicorn", "--bind", url[7:-2], "--workers", "2"],
            *["--user", str(USER), "--group", str(USER), *options],
        ],
        env={"MOZDEF_URL": receiver.url, "SPOOL": str(folder)},
        cwd=PROGRAMS,
    )

    def answers(text):
        try:
            with urllib.request.urlopen(f"{url}{text}", timeout=10) as response:
                return response.read() == b"done"
        except OSError:
            return False

    try:
        assert wait_for(lambda: answers("ready"), 30)
        for number in range(10):
            assert answers(number)
    finally:
        server.send_signal(signal.SIGTERM)
        errors = finish(server).stderr
    return errors


@pytest.mark.parametrize(
    "options",
    [["--preload", "gunicorn_app:application"], ["-c", "gunicorn_root.py", "gunicorn_root:app"]],
    ids=["preload", "post_fork"],
)
def test_a_folder_of_the_workers(home, options):
    """Made for the workers' user beforehand, a folder serves root and the workers."""
    folder = home / "spool"
    folder.mkdir(0o700)
    os.chown(folder, USER, USER)
    with Receiver() as receiver:
        errors = serve(receiver, folder, *options)
        assert "structlog_mozdef" not in errors
        assert {file.stat().st_uid for file in folder.rglob("*")} <= {USER}
        assert drain(receiver.url, folder)
        requests = sorted(name for name in receiver.summaries() if name.isdigit())
        assert requests == sorted(map(str, range(10)))


def test_a_folder_of_root(home):
    """A folder that root made cannot be used by the workers: they say so, and what helps."""
    with Receiver() as receiver:
        errors = serve(receiver, home / "spool", "--preload", "gunicorn_app:application")
        requests = sorted(name for name in receiver.summaries() if name.isdigit())
        assert requests == sorted(map(str, range(10)))  # from memory
    assert "belongs to user 0; it must belong to user 12345" in errors
    assert "install -d -m 700 -o 12345" in errors
