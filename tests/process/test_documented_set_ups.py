"""The set-ups of docs/frameworks.rst, each copied into a file and run as it is meant to be run."""

from __future__ import annotations

import inspect
import re
import signal
import sys
import urllib.request
from pathlib import Path

import pytest
from support.redis_server import running_redis
from support.running import finish, free_port, start_command, wait_for

PAGE = Path(__file__).parents[2] / "docs" / "frameworks.rst"
EXAMPLES = {
    name: inspect.cleandoc("\n" + code)
    for code, name in re.findall(
        r"\.\. code-block:: python\n\n(    # (\S+)\n(?:    .*\n|\n)+)", PAGE.read_text("utf-8")
    )
}


def copy(name, folder, receiver, more="", **replaced):
    """Write the example *name* into *folder*, with the receiver of the test, and *more* code."""
    code = EXAMPLES[name].replace("https://mozdef.example.com:8443/events", receiver.url)
    for old, new in replaced.items():
        code = code.replace(old, new)
    (folder / name).write_text(f"{code}\n\n{more}\n")


def start(folder, *arguments):
    return start_command([sys.executable, *map(str, arguments)], cwd=folder)


def messages(receiver, source):
    """The summaries of what the logger *source* has logged, in order."""
    return [event["summary"] for event in receiver.events() if event.get("source") == source]


@pytest.mark.parametrize("name", ["script.py", "settings.py"])
def test_standard_logging(name, receiver, tmp_path):
    """What modules log with the standard library arrives, from INFO on."""
    more = "for level in 'debug', 'info', 'error':\n    "
    more += "getattr(logging.getLogger('old.module'), level)('hello %s', level)"
    copy(name, tmp_path, receiver, more)
    finish(start(tmp_path, name))
    assert sorted(messages(receiver, "old.module")) == ["hello error", "hello info"]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status == 200
    except OSError:
        return False


RUN = "if __name__ == '__main__':\n    import uvicorn\n    uvicorn.run(app, port=PORT)"
UVICORN = {
    "command": ["-m", "uvicorn", "web:app", "--port", "PORT"],
    "workers": ["-m", "uvicorn", "web:app", "--workers", "2", "--port", "PORT"],
    "run": ["web.py"],
}


@pytest.mark.slow
@pytest.mark.parametrize("way", UVICORN)
def test_uvicorn(way, receiver, tmp_path):
    """The application's events, and the access and error log of uvicorn, arrive once."""
    port = str(free_port())
    copy("web.py", tmp_path, receiver, RUN.replace("PORT", port))
    server = start(tmp_path, *[word.replace("PORT", port) for word in UVICORN[way]])
    assert wait_for(lambda: answers(f"http://127.0.0.1:{port}/ready"), 40)
    assert answers(f"http://127.0.0.1:{port}/home")
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=40)
    access = [text for text in messages(receiver, "uvicorn.access") if "/home" in text]
    assert len(access) == 1
    assert receiver.summaries().count("page shown") == 2
    assert "Application startup complete." in messages(receiver, "uvicorn.error")


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["sync", "uvicorn_worker.UvicornWorker"])
def test_gunicorn(worker, receiver, tmp_path):
    """Gunicorn's access and error log arrive, of the master and of the workers, each line once."""
    port = free_port()
    copy("gunicorn.conf.py", tmp_path, receiver)
    (tmp_path / "web.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'done']\n"
        if worker == "sync"
        else "from fastapi import FastAPI\napp = FastAPI()\napp.get('/{page}')(lambda page: page)\n"
    )
    server = start(tmp_path, "-m", "gunicorn", "-k", worker, "-b", f"127.0.0.1:{port}", "web:app")
    assert wait_for(lambda: answers(f"http://127.0.0.1:{port}/ready"), 40)
    assert answers(f"http://127.0.0.1:{port}/home")
    server.send_signal(signal.SIGTERM)
    finish(server, 40)
    log = receiver.summaries()
    assert [sum(part in text for text in log) for part in ("/home", "Booting worker")] == [1, 1]
    assert "Handling signal: term" in log


@pytest.mark.redis
@pytest.mark.slow
def test_celery(receiver, tmp_path):
    """What tasks log, by structlog or by Celery's logger, and the worker's own log arrive once."""
    with running_redis() as socket:
        copy("tasks.py", tmp_path, receiver, **{"redis://localhost": f"redis+socket://{socket}"})
        worker = start(
            tmp_path, *["-m", "celery", "-A", "tasks", "worker", "--concurrency=2", "-l", "INFO"]
        )
        finish(start(tmp_path, "-c", "import tasks; [tasks.pay.delay(n) for n in range(10)]"))
        assert wait_for(lambda: receiver.summaries().count("paid") == 10, 40)
        worker.send_signal(signal.SIGTERM)
        finish(worker, 40)
    expected = [*["paid"] * 10, *(f"paid order {number}" for number in range(10))]
    assert sorted(messages(receiver, "tasks")) == expected
    assert sum(" succeeded in " in text for text in receiver.summaries()) == 10


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method, receiver, tmp_path):
    """The events of all tasks of a pool arrive, whatever the default way to start its workers."""
    context = f"multiprocessing.get_context('{method}').Pool(2, "
    copy("pool.py", tmp_path, receiver, **{"multiprocessing.Pool(": context})
    finish(start(tmp_path, "pool.py"))
    assert sorted(event["details"]["number"] for event in receiver.events()) == list(range(100))
