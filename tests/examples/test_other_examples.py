"""The examples without a server: scripts, asyncio, a serverless function, other log libraries."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import trustme
import yaml
from support.examples import EXAMPLES, events_of, run_example, start_example
from support.running import wait_for


def test_a_script(receiver):
    """All events of a script arrive before it ends, and in order."""
    run_example(receiver, "script.py", 50)
    removed = [f"s-{number}" for number in range(50)]
    events = events_of(receiver, "cleanup")
    assert [each["details"].get("session") for each in events] == [*removed, None]
    assert {tuple(each["tags"]) for each in events} == {("cleanup",)}


def test_a_script_that_is_stopped(receiver):
    """What ``timeout`` ends by SIGTERM has sent what it had logged."""
    code = "import structlog_mozdef, script, time; structlog_mozdef.configure(linger=60)"
    code += "; script.main(50); print('logged', flush=True); time.sleep(60)"
    process = start_example(receiver, "-c", code)
    assert process.stdout.readline() == "logged\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert len(events_of(receiver, "cleanup")) == 51


def test_asyncio(receiver):
    """Each task's events have what this task has bound, and nothing of the others."""
    run_example(receiver, "asyncio_app.py")
    jobs = [(each["details"]["job"], each["summary"]) for each in events_of(receiver, "fetcher")]
    expected = [(n, text) for n in range(10) for text in ("Fetch done", "Fetch started")]
    assert sorted(jobs) == expected


def test_a_function_that_is_frozen(receiver):
    """What a call has logged has arrived when it returns: the process is stopped at that moment."""
    code = (
        "import os, signal, lambda_function\n"
        "for number in range(3):\n"
        "    assert lambda_function.lambda_handler({'order': number}, None)['statusCode'] == 200\n"
        "    os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    process = start_example(receiver, "-c", code)
    try:
        for number in range(3):
            status = Path(f"/proc/{process.pid}/stat")
            assert wait_for(lambda: ") T " in status.read_text())  # noqa: B023 - called at once
            orders = [each["details"]["order"] for each in events_of(receiver, "shop")]
            assert orders == list(range(number + 1))
            process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_structlog_over_logging(receiver):
    """Events of both arrive with their fields, and are shown on the console as well."""
    stderr = run_example(receiver, "structlog_over_logging.py").stderr
    (event,) = events_of(receiver, "shop")
    assert (event["summary"], event["severity"], event["tags"]) == ("Order paid", "INFO", ["shop"])
    assert event["details"]["order"] == 7
    assert event["details"]["request_id"] == "r-1"
    (record,) = events_of(receiver, "old.module")
    assert (record["summary"], record["severity"]) == ("order 7 is late", "WARNING")
    assert record["details"]["order"] == 7
    assert record["details"]["request_id"] == "r-1"
    assert "Order paid" in stderr


def test_loguru(receiver):
    """What loguru hands to a handler arrives, with what was bound and the exception."""
    run_example(receiver, "loguru_app.py")
    first, second = receiver.events()
    assert (first["summary"], first["severity"]) == ("Order paid", "INFO")
    assert first["details"]["order"] == 7
    assert second["summary"] == "Order failed"
    assert second["details"]["exception"]["type"] == "ZeroDivisionError"


@pytest.mark.slow
def test_a_notebook(receiver, tmp_path):
    """What the cells of a notebook log arrives, when the kernel is shut down at the latest."""
    run_example(
        receiver,
        *["-c", "import nbclient.cli; nbclient.cli.main()", "notebook.ipynb"],
        IPYTHONDIR=str(tmp_path),
    )
    assert [each["summary"] for each in events_of(receiver, "notebook")] == ["Cell run", "Cell run"]


def test_kubernetes(receiver, tmp_path):
    """The variables of the deployment are understood, and the end has the time that it may take."""
    deployment = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text("utf-8"))
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {each["name"]: each.get("value", "secret") for each in container["env"]}
    assert pod["terminationGracePeriodSeconds"] > int(environment["MOZDEF_EXIT_TIMEOUT"])
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    environment |= {"MOZDEF_URL": receiver.url, "MOZDEF_SPOOL": str(tmp_path / "spool")}
    environment |= {"MOZDEF_VERIFY": str(authority)}
    run_example(receiver, "-c", "import flask_shop; flask_shop.log.info('hello')", **environment)
    (event,) = events_of(receiver, "shop")
    assert event["tags"] == ["shop"]


def test_all_examples_are_shown_in_the_documentation():
    """Each file is part of a page of its framework."""
    pages = "".join(page.read_text("utf-8") for page in (EXAMPLES.parent / "docs").rglob("*.rst"))
    files = [
        path.relative_to(EXAMPLES).as_posix()
        for path in EXAMPLES.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    unshown = {"README.rst", "django_shop/shop/__init__.py", "django_shop/manage.py"}
    assert [name for name in files if f"examples/{name}" not in pages and name not in unshown] == []
