"""Programs that use MozDefMsg: how they wait, end, fork and import."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from support.compat_receivers import sent
from support.receivers import Receiver, answer
from support.running import wait_for

import structlog_mozdef.compat as mozdef


def run_code(code, *arguments, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


def test_send_returns_immediately_without_a_server():
    """`send` does not wait for a server that is down, or for one that does not answer."""
    code = """
import os, sys, time
import structlog_mozdef.compat as mozdef
for url in sys.argv[1:]:
    mozdef.MozDefMsg(url).send("warm up")
start = time.monotonic()
for number in range(100):
    for url in sys.argv[1:]:
        mozdef.MozDefMsg(url).send("hello")
        event = mozdef.MozDefEvent(url)
        event.summary = "hello"
        event.send()
print(time.monotonic() - start)
sys.stdout.flush()
os._exit(0)
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}/events"
        seconds, _ = run_code(code, "http://127.0.0.1:9/events", silent_url)
    assert float(seconds) < 2


def test_events_are_delivered_at_exit(receiver):
    """A program that ends right after a send loses nothing."""
    code = """
import sys
import structlog_mozdef.compat as mozdef
mozdef.MozDefMsg(sys.argv[1]).send("last words")
"""
    run_code(code, receiver.url)
    assert receiver.summaries() == ["last words"]


def test_what_is_not_delivered_at_exit_is_reported():
    """A program reports undelivered events when it ends, without an exception."""
    code = """
import sys
import structlog_mozdef.compat as mozdef
mozdef.MozDefMsg(sys.argv[1]).send("last words")
"""
    with Receiver(lambda request: answer(401)) as rejecting:
        _, stderr = run_code(code, rejecting.url.replace("//", "//user:pass-word@"))
    assert f": 1 event did not arrive at {rejecting.url}: 1 not sent (HTTP 401" in stderr
    assert "Traceback" not in stderr
    assert "pass-word" not in stderr


def test_ten_thousand_from_eight_threads(receiver):
    """One instance in a tight loop of several threads: each event arrives exactly once."""
    msg = mozdef.MozDefMsg(receiver.url)

    def run(thread):
        for number in range(1250):
            msg.send(f"{thread}-{number}")

    threads = [threading.Thread(target=run, args=[thread]) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event["summary"] for event in sent(receiver)) == sorted(
        f"{thread}-{number}" for thread in range(8) for number in range(1250)
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("fire_and_forget", [True, False])
def test_a_forked_child_sends_too(receiver, fire_and_forget):
    """Parent and child both deliver after a fork, once, with their own process ids."""
    code = """
import os, sys
import structlog_mozdef.compat as mozdef
msg = mozdef.MozDefMsg(sys.argv[1])
msg.fire_and_forget_mode = sys.argv[2] == "True"
msg.send("before")
pid = os.fork()
msg.send("parent" if pid else "child")
assert mozdef.flush(20)
if not pid:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    run_code(code, receiver.url, str(fire_and_forget))
    assert sorted(receiver.summaries()) == ["before", "child", "parent"]
    pids = {event["summary"]: event["processid"] for event in receiver.events()}
    assert pids["before"] == pids["parent"] != pids["child"]
    connections = {
        event["summary"]: request.connection
        for request in receiver.accepted
        for event in request.events()
    }
    assert connections["before"] == connections["parent"] != connections["child"]


def test_requests_futures_is_not_needed(receiver):
    """Events are sent without requests_futures and boto3, in both modes."""
    code = """
import sys
sys.modules["requests_futures"] = sys.modules["boto3"] = None
import structlog_mozdef.compat as mozdef
msg = mozdef.MozDefMsg(sys.argv[1])
msg.send("forgotten")
assert mozdef.flush(20)
msg.fire_and_forget_mode = False
msg.send("awaited")
"""
    run_code(code, receiver.url)
    assert receiver.summaries() == ["forgotten", "awaited"]


def test_no_warnings_are_shown(receiver):
    """A program that shows every warning sees none."""
    code = """
import sys
import structlog_mozdef.compat as mozdef
msg = mozdef.MozDefMsg(sys.argv[1])
msg.send("forgotten")
msg.fire_and_forget_mode = False
msg.send("awaited")
"""
    _, stderr = run_code(code, receiver.url, PYTHONWARNINGS="always")
    assert stderr == ""


def test_importing_loads_nothing_heavy():
    """Importing loads neither requests nor boto3; sending does."""
    code = """
import sys
import structlog_mozdef.compat
print(*sorted({"requests", "boto3", "pytz", "requests_futures"} & set(sys.modules)))
"""
    assert run_code(code)[0].strip() == ""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_a_signal_handler_sends_while_the_first_send_imports(receiver):
    """An event of a signal handler that interrupts the first import of a transport arrives."""
    code = """
import signal, sys
import structlog_mozdef.compat as mozdef

class Interrupt:
    def __init__(self, name):
        self.name = name

    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGUSR1)

def handle(number, frame):
    mozdef.MozDefMsg(sys.argv[1]).send("handler")

signal.signal(signal.SIGUSR1, handle)
for name in sys.argv[2:]:
    sys.meta_path.insert(0, Interrupt(name))
mozdef.MozDefMsg(sys.argv[1]).send("first")
"""
    modules = ["requests.models", "urllib3.connection", "structlog_mozdef.transports.http.bulk"]
    _, stderr = run_code(code, receiver.url, *modules)
    assert (sorted(receiver.summaries()), stderr) == (["first"] + 3 * ["handler"], "")


@pytest.mark.parametrize("is_first", [True, False])
def test_a_finalizer_sends_while_the_interpreter_shuts_down(receiver, is_first):
    """What `__del__` sends in the end arrives, or its loss is reported: nothing can be imported."""
    code = """
import sys
import structlog_mozdef.compat as mozdef

class Session:
    def __init__(self, url):
        self.me, self.url, self.kind = self, url, mozdef.MozDefMsg

    def __del__(self):
        self.kind(self.url).send("closed")

session = Session(sys.argv[1])
if sys.argv[2] == "False":
    mozdef.MozDefMsg(sys.argv[1]).send("first")
"""
    _, stderr = run_code(code, receiver.url, str(is_first))
    reported = (
        "an event was not sent: the interpreter is shutting down"
        if is_first
        else f"1 event did not arrive at {receiver.url}: 1 not sent"
    )
    assert "Traceback" not in stderr
    # Whether urllib3 imports something for each answer depends on its version.
    assert reported in stderr or "closed" in receiver.summaries()


def test_warnings_of_invalid_settings_add_up():
    """The end says how many events were not sent beyond those that the first warning named."""
    code = """
import structlog_mozdef.compat as mozdef
for _ in range(1234):
    mozdef.MozDefMsg("localhost").send("hello")
"""
    _, stderr = run_code(code)
    assert ": an event was not sent: url is 'localhost'" in stderr
    assert ": 1,233 events were not sent, the last one: url is 'localhost'" in stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize(
    ("method", "is_known"), [("fork", False), ("fork", True), ("spawn", False)]
)
def test_workers_of_a_pool(receiver, tmp_path, method, is_known):
    """Nothing is lost where leaving ``with Pool()`` terminates its workers."""
    program = tmp_path / "program.py"
    program.write_text(
        """
import multiprocessing, sys
import structlog_mozdef.compat as mozdef

def work(number):
    if number % 2:
        mozdef.MozDefMsg(sys.argv[1]).send(str(number))
    else:
        event = mozdef.MozDefEvent(sys.argv[1])
        event.summary = str(number)
        event.send()

if __name__ == "__main__":
    if sys.argv[3] == "True":
        mozdef.MozDefMsg(sys.argv[1]).send("-1")
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        pool.map(work, range(20))
"""
    )
    arguments = [str(program), receiver.url, method, str(is_known)]
    result = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(map(int, receiver.summaries())) == list(range(-1 if is_known else 0, 20))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_daemon(receiver):
    """A program that becomes a daemon, as python-daemon does it, sends before and after."""
    code = """
import os, sys
import structlog_mozdef.compat as mozdef

mozdef.MozDefMsg(sys.argv[1]).send("before")
assert mozdef.flush(20)
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.closerange(0, 64)
for number in range(3):
    os.open(os.devnull, os.O_RDWR)
event = mozdef.MozDefEvent(sys.argv[1])
event.summary = "after"
event.send()
"""
    run_code(code, receiver.url, PYTHONWARNINGS="ignore")
    assert wait_for(lambda: receiver.summaries() == ["before", "after"])
