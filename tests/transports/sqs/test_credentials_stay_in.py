"""botocore logs whole requests at level DEBUG: a handler ships none of their credentials."""

import logging

import boto3
import pytest
from support.sqs_queues import transport_to

from structlog_mozdef import MozDefHandler, Sink
from structlog_mozdef.testing import MemoryTransport

pytest_plugins = ["support.sqs_fixtures"]
pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("aws_environment")]

TOKEN = "IQoJb3JpZ2luX2VjEHwaCXVzLWVhc3QtMSJHMEUCIQDfake/s3ssion+T0ken=="
KEY_ID, KEY = "ASIAQZ7XB2NV9KL4MT8P", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzK3YQ7pL2m"


@pytest.fixture
def session_credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)


@pytest.fixture
def shipped(monkeypatch):
    """The sink of what is logged at level DEBUG anywhere, and its transport."""
    transport = MemoryTransport()
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("botocore"):  # other tests may have disabled it
            monkeypatch.setattr(logging.getLogger(name), "disabled", False)
            logging.getLogger(name).setLevel(logging.NOTSET)
    with Sink(transport, linger=0.01) as sink:
        handler = MozDefHandler(sink)
        logging.root.addHandler(handler)
        try:
            yield sink, transport
        finally:
            logging.root.removeHandler(handler)


def test_requests_of_the_program(moto, session_credentials, shipped):
    """What botocore logs of the program's own requests arrives without the credentials."""
    shipping, received = shipped
    client = boto3.Session().client(
        "sqs", region_name="eu-west-1", endpoint_url=f"http://127.0.0.1:{moto}"
    )
    client.list_queues()
    assert shipping.flush(10)
    texts = [str(event) for event in received.events]
    assert any("Sending http request" in text and "[redacted]" in text for text in texts)
    assert any("x-amz-security-token:[redacted]" in text for text in texts)
    assert [text for text in texts if TOKEN in text or KEY in text or KEY_ID in text] == []


def test_requests_of_the_sender(standard, session_credentials, shipped):
    """What botocore logs while a sink sends to SQS is not shipped at all."""
    with transport_to(standard) as transport, Sink(transport) as sink:
        sink.put(b'{"summary": "hello"}')
        assert sink.flush(30)
    assert "SendMessageBatch" not in str(shipped[1].events)
    assert len(standard.messages()) == 1
