"""Under uWSGI events arrive from its workers, and missing threads are reported."""

from __future__ import annotations

import signal
import sys
import types
import urllib.request

import pytest
from support.receivers import Receiver
from support.running import PROGRAMS, free_port, start, wait_for

from structlog_mozdef.process.uwsgi import call_after_uwsgi_forks, uwsgi_runs_no_threads

WARNING = "uWSGI runs without enable-threads = true"


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.read() == b"done"
    except OSError:
        return False


def serve(receiver: Receiver, *options: str, **environment: str) -> str:
    """Log ten requests under uWSGI, end it when all have arrived, and return what it printed."""
    url = f"http://127.0.0.1:{free_port()}/?"
    server = start(
        "uwsgi_server",
        *["--master", "--processes", "2", "--die-on-term", "--need-app", "--single-interpreter"],
        *["--http-socket", url[7:-2], "--wsgi-file", PROGRAMS / "uwsgi_app.py"],
        *["--virtualenv", sys.prefix, "--worker-reload-mercy", "5", *options],
        env={"MOZDEF_URL": receiver.url, **environment},
    )
    try:
        assert wait_for(lambda: answers(f"{url}0"))
        assert all(answers(f"{url}{number}") for number in range(1, 10))
        wait_for(lambda: set(map(str, range(10))) <= set(receiver.summaries()), 10)
    finally:
        server.send_signal(signal.SIGTERM)
        _, stderr = server.communicate(timeout=30)
    return stderr


def test_events_of_workers_arrive():
    """Events of uWSGI's workers arrive exactly once, though the master has a sender already."""
    with Receiver() as receiver:
        serve(receiver, "--enable-threads", EARLY="1")
        assert sorted(receiver.summaries()) == [*map(str, range(10)), "imported"]


def test_missing_threads_are_told():
    """Without enable-threads the log of uWSGI says what is missing."""
    with Receiver() as receiver:
        assert WARNING in serve(receiver)


def test_threads_are_not_called_missing():
    """With enable-threads nothing is said."""
    with Receiver() as receiver:
        assert WARNING not in serve(receiver, "--enable-threads")


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, True),
        ({"http": b":80"}, True),
        ({"enable-threads": True}, False),
        ({"threads": b"4"}, False),
        ({b"enable-threads": b"true"}, False),
    ],
)
def test_how_missing_threads_are_noticed(monkeypatch, options, missing):
    """UWSGI's module has the options that it was started with."""
    monkeypatch.setitem(sys.modules, "uwsgi", types.SimpleNamespace(opt=options))
    assert uwsgi_runs_no_threads() == missing


def test_the_hook_of_others_is_called_as_well(monkeypatch):
    """A hook that the program has set itself is called after ours, and ours only once."""
    called = []
    uwsgi = types.SimpleNamespace(opt={}, post_fork_hook=lambda: called.append("theirs"))
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    for _ in range(2):
        call_after_uwsgi_forks(lambda: called.append("ours"))
    uwsgi.post_fork_hook()
    assert called == ["ours", "theirs"]
