"""Fixtures of the tests of SQS: a module asks for them with ``pytest_plugins``.

The queue `standard` and what stands before it are shared by all tests, because boto3 needs long to
make a client. Each test finds it empty.
"""

from __future__ import annotations

import os

import pytest
from support.sqs_queues import FrontEnd, close_transports, moto_server, new_queue


@pytest.fixture(scope="session")
def moto():
    """The port of moto's server."""
    with moto_server() as port:
        yield port


@pytest.fixture
def aws_environment(monkeypatch, tmp_path):
    """Nothing of this machine: credentials of the environment, no files, no region."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture(scope="session")
def queue_with_front_end(moto):
    queue = new_queue(moto)
    with FrontEnd(queue) as front_end:
        yield queue, front_end
    close_transports()


@pytest.fixture
def standard(queue_with_front_end):
    """An empty queue."""
    queue, _ = queue_with_front_end
    queue.messages()
    return queue


@pytest.fixture
def front_end(queue_with_front_end):
    """What stands before `standard`, and lets everything through."""
    _, front_end = queue_with_front_end
    front_end.reset()
    return front_end


@pytest.fixture
def fifo(moto):
    """An empty FIFO queue."""
    return new_queue(moto, fifo=True)


@pytest.fixture
def fifo_front_end(fifo):
    with FrontEnd(fifo) as front_end:
        yield front_end
