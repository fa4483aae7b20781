"""Host, process id and process name are those that a person would look for."""

import multiprocessing
import os
import pathlib
import socket
import subprocess
import sys
import time
import zipapp

import pytest
from support.running import forks

from structlog_mozdef import (
    MozDefRenderer,
    add_hostname,
    add_processid,
    add_processname,
)
from structlog_mozdef.process import identity

PRINT_NAME = (
    "from structlog_mozdef.process import identity; print(identity.process_name(), flush=True)\n"
)


def output_of(*arguments, cwd=None, stdin=None):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_script_has_its_own_name(tmp_path):
    """A script is known by its file."""
    script = tmp_path / "manage.py"
    script.write_text(PRINT_NAME)
    assert output_of(script, "runserver") == ["manage.py"]


def test_module_has_its_own_name(tmp_path):
    """``python -m x.y`` is known as x.y."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y.py").write_text(PRINT_NAME)
    assert output_of("-m", "x.y", cwd=tmp_path) == ["x.y"]


def test_package_has_its_own_name(tmp_path):
    """``python -m x`` of a package is known as x, also while it is imported."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "__init__.py").write_text(PRINT_NAME)
    (tmp_path / "x" / "__main__.py").write_text(PRINT_NAME)
    assert output_of("-m", "x", cwd=tmp_path) == ["x", "x"]


def test_name_that_is_not_yet_known_is_not_kept(tmp_path):
    """Where the name cannot be known while a package is imported, it is right afterwards."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "__init__.py").write_text(PRINT_NAME)
    (tmp_path / "x" / "__main__.py").write_text(PRINT_NAME)
    assert output_of("-Bm", "x", cwd=tmp_path)[-1] == "x"


def test_folder_has_its_own_name(tmp_path):
    """A folder that is run is known by its name."""
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "__main__.py").write_text(PRINT_NAME)
    assert output_of(tmp_path / "tool") == ["tool"]


def test_archive_has_its_own_name(tmp_path):
    """An archive that is run is known by its file."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "__main__.py").write_text(PRINT_NAME)
    zipapp.create_archive(tmp_path / "source", tmp_path / "tool.pyz")
    assert output_of(tmp_path / "tool.pyz") == ["tool.pyz"]


@pytest.mark.parametrize(("arguments", "stdin"), [(["-c", PRINT_NAME], None), ([], PRINT_NAME)])
def test_session_is_named_after_python(arguments, stdin):
    """A command or a session that has no file is known as the interpreter."""
    assert output_of(*arguments, stdin=stdin) == [pathlib.Path(sys.executable).name]


def test_interactive_session_is_named_after_python():
    """So is an interactive one."""
    assert pathlib.Path(sys.executable).name in output_of("-i", "-q", stdin=PRINT_NAME)


def test_frozen_program_has_its_own_name():
    """A program that was frozen into one file is known by that."""
    program = "import sys; sys.frozen = True; sys.executable = '/opt/vpn/openvpn-auth'\n"
    assert output_of("-c", program + PRINT_NAME) == ["openvpn-auth"]


def test_gunicorn_is_named_gunicorn(tmp_path):
    """A worker of gunicorn is known as gunicorn."""
    (tmp_path / "app.py").write_text(PRINT_NAME + "def app(*_): pass\n")
    gunicorn = pathlib.Path(sys.executable).with_name("gunicorn")
    found = output_of(gunicorn, "--check-config", "app:app", cwd=tmp_path)
    assert found == ["gunicorn"]


def test_spawned_child_has_its_parents_name(tmp_path):
    """A child of multiprocessing that was spawned is known as the program that spawned it."""
    script = tmp_path / "server.py"
    script.write_text(
        "import multiprocessing as mp\n"
        "from structlog_mozdef.process import identity\n"
        "def work(): print(identity.process_name(), flush=True)\n"
        "if __name__ == '__main__':\n"
        "    child = mp.get_context('spawn').Process(target=work)\n"
        "    child.start(); child.join()\n"
    )
    assert output_of(script) == ["server.py"]


def test_spawned_child_of_a_module_has_its_parents_name(tmp_path):
    """So is the spawned child of ``python -m``."""
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "__init__.py").touch()
    (tmp_path / "server" / "work.py").write_text(
        "from structlog_mozdef.process import identity\n"
        "def work(): print(identity.process_name(), flush=True)\n"
    )
    (tmp_path / "server" / "__main__.py").write_text(
        "import multiprocessing as mp\n"
        "from server.work import work\n"
        "if __name__ == '__main__':\n"
        "    child = mp.get_context('spawn').Process(target=work)\n"
        "    child.start(); child.join()\n"
    )
    assert output_of("-m", "server", cwd=tmp_path) == ["server"]


def test_process_id_is_that_of_the_process():
    """The id that is added is that of the process that logs."""
    assert add_processid(None, "info", {})["processid"] == os.getpid()


@forks
def test_process_id_is_right_after_a_fork():
    """A forked child adds its own id."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, str(add_processid(None, "info", {})["processid"]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert int(pipe.read()) == child


@forks
def test_process_id_is_right_in_a_forked_worker():
    """So does a worker of multiprocessing."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    worker = context.Process(target=lambda: results.put(add_processid(None, "info", {})))
    worker.start()
    found = results.get()["processid"]
    worker.join()
    assert found == worker.pid


@pytest.mark.parametrize(
    ("processor", "field"),
    [(add_hostname, "hostname"), (add_processid, "processid"), (add_processname, "processname")],
)
def test_given_value_is_kept(processor, field):
    """A value that the event carries stays."""
    assert processor(None, "info", {field: "given"}) == {field: "given"}


def found(monkeypatch, plain, resolve):
    monkeypatch.setattr(socket, "gethostname", lambda: plain)
    monkeypatch.setattr(socket, "getfqdn", resolve)
    return identity.find_hostname()


def test_qualified_name_needs_no_resolver(monkeypatch):
    """A host name that is fully qualified is used as it is."""
    assert found(monkeypatch, "a.example.com", lambda name: "b.example.com") == "a.example.com"


@pytest.mark.parametrize("resolved", ["a.example.com", "a.example.com."])
def test_resolver_qualifies_the_name(monkeypatch, resolved):
    """The resolver's name is used where it is a full one."""
    assert found(monkeypatch, "a", lambda name: resolved) == "a.example.com"


@pytest.mark.parametrize(
    "resolved",
    ["localhost", "localhost.localdomain", "ip6-localhost", "a", "", "1.0.0.127.in-addr.arpa"],
)
def test_useless_answer_of_the_resolver(monkeypatch, resolved):
    """The plain name stands in where the resolver knows no better one."""
    assert found(monkeypatch, "a", lambda name: resolved) == "a"


@pytest.mark.parametrize("error", [OSError(), UnicodeError()])
def test_failing_resolver(monkeypatch, error):
    """The plain name stands in where the resolver fails."""

    def fail(name):
        raise error

    assert found(monkeypatch, "a", fail) == "a"


def test_slow_resolver_is_waited_for_a_second_at_most():
    """A log call waits one second for a slow resolver, and no second time."""
    program = (
        "import socket, time\n"
        "socket.gethostname = lambda: 'plain'\n"
        "socket.getfqdn = lambda name: time.sleep(60)\n"
        "from structlog_mozdef import add_hostname\n"
        "start = time.monotonic()\n"
        "names = {add_hostname(None, 'info', {})['hostname'] for _ in range(3)}\n"
        "print(*names, time.monotonic() - start)\n"
    )
    start = time.monotonic()
    name, waited = output_of("-c", program)
    assert (name, float(waited) < 2, time.monotonic() - start < 10) == ("plain", True, True)


def test_the_renderer_asks_the_resolver_before_there_is_an_event(monkeypatch):
    """The first log call does not wait for it."""
    monkeypatch.setattr(identity, "known_hostname", None)
    monkeypatch.setattr(identity, "find_hostname", lambda: "a.example.com")
    renderer = MozDefRenderer()
    monkeypatch.setattr(identity, "find_hostname", lambda: pytest.fail("asked too late"))
    assert b'"hostname":"a.example.com"' in renderer(None, "info", {"event": "an event"})
