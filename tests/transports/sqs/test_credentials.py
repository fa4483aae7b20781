"""Credentials are fetched by the sender, and again after a failure: they may come late."""

import sys
import time

import pytest
from support.errors import error_of, kind_of
from support.sqs_queues import transport_to
from support.transport_contract import EVENTS

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED

pytest_plugins = ["support.sqs_fixtures"]
pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("aws_environment")]


@pytest.fixture
def no_credentials(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def credential_process(tmp_path, no_credentials):
    """Let boto3 run a program for its credentials: Python code."""

    def configure(code: str) -> None:
        program = tmp_path / "fetch.py"
        program.write_text(code)
        (tmp_path / "config").write_text(
            f"[default]\ncredential_process = {sys.executable} {program}\n"
        )

    return configure


def keys(path, key: str) -> None:
    path.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = s3cret\n")


def test_credentials_that_come_late(standard, tmp_path, no_credentials):
    """A file with credentials that is written after the first attempt is found by the next one."""
    with transport_to(standard) as transport:
        error_of(transport.send, EVENTS)
        keys(tmp_path / "credentials", "key")
        assert transport.send(EVENTS) == ALL_ACCEPTED


def test_credentials_that_are_replaced(standard, front_end, tmp_path, no_credentials):
    """After Amazon has refused the credentials, those that are in the file by then are used."""
    used = []

    def refuse_old(action, asked):
        used.append(front_end.key)
        return (403, "ExpiredToken") if front_end.key == "old" else None

    front_end.fail_call = refuse_old
    keys(tmp_path / "credentials", "old")
    with transport_to(standard, front_end.endpoint) as transport:
        error_of(transport.send, EVENTS)
        keys(tmp_path / "credentials", "new")
        assert (transport.send(EVENTS), used[0], used[-1]) == (ALL_ACCEPTED, "old", "new")


def test_program_that_fails(standard, credential_process):
    """A failing ``credential_process`` does not stop the program; it is run again later."""
    credential_process("raise SystemExit('s3cret')")
    with transport_to(standard) as transport:
        error = error_of(transport.send, EVENTS)
        assert (kind_of(error), str(error)) == (
            (TransportError, True, False),
            "the AWS credentials could not be fetched",
        )
        credential_process(
            'print(\'{"Version": 1, "AccessKeyId": "key", "SecretAccessKey": "s"}\')'
        )
        assert transport.send(EVENTS) == ALL_ACCEPTED


def test_slow_program(standard, credential_process, tmp_path):
    """Making a transport does not run the ``credential_process``, and so does not wait for it."""
    started = tmp_path / "started"
    credential_process(f"open({str(started)!r}, 'w').close(); import time; time.sleep(600)")
    began = time.monotonic()
    with transport_to(standard):
        assert (time.monotonic() - began < 60, started.exists()) == (True, False)
