"""Where a queue is and with which credentials: from the URL, options, or boto3's own settings."""

import subprocess
import sys

import pytest
from support.errors import error_of, kind_of, setting_error_of
from support.sqs_queues import transport_to
from support.transport_contract import EVENTS

import structlog_mozdef as mozdef
from structlog_mozdef.exceptions import MozDefError, TransportError
from structlog_mozdef.transports.base import ALL_ACCEPTED
from structlog_mozdef.transports.sqs import SQSTransport

pytest_plugins = ["support.sqs_fixtures"]
pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("aws_environment")]


def test_no_credentials(standard, monkeypatch):
    """Missing credentials may come later than the program: they are waited for."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with transport_to(standard) as transport:
        error = error_of(transport.send, EVENTS)
    assert (kind_of(error), str(error)) == (
        (TransportError, True, False),
        "boto3 finds no AWS credentials that it can use",
    )


def test_no_region():
    """A missing region is an error when the transport is made."""
    error = error_of(SQSTransport, "sqs://queue", kind=MozDefError)
    assert "specify a region" in str(error)


def test_region_of_the_environment(monkeypatch):
    """The region may come from where boto3 looks for it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert SQSTransport("sqs://queue").name == "sqs://queue?region=eu-central-1"


def test_profile(tmp_path, standard, monkeypatch):
    """A profile of AWS's files gives credentials and region."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "config").write_text(
        "[profile p]\nregion = eu-west-1\naws_access_key_id = key\naws_secret_access_key = s\n"
    )
    with transport_to(standard, region=None, profile="p") as transport:
        assert transport.send(EVENTS) == ALL_ACCEPTED


def test_unknown_profile():
    """A profile that does not exist is rejected."""
    with pytest.raises(ValueError, match="profile is 'p'; it must be one of"):
        SQSTransport("sqs://queue", profile="p", region="eu-west-1")


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("sqs://", {}, "must be a full address"),
        ("sqs://queue/path", {}, "it must be sqs://QUEUE"),
        ("sqs://queue:80", {}, "it must be sqs://QUEUE"),
        ("sqs://" + "q" * 81, {}, "it must be sqs://QUEUE"),
        ("sqs://" + "q" * 76 + ".fifo", {}, "it must be sqs://QUEUE"),
        ("sqs://a.b", {}, "it must be sqs://QUEUE"),
        ("sqs://.fifo", {}, "it must be sqs://QUEUE"),
        ("sqs://key:s3cret@queue", {}, "holds credentials; boto3 finds them"),
        ("sqs://queue?secret=s3cret", {}, "'secret' in its query; allowed are region, account"),
        ("sqs://queue?region=a&region=b", {}, "each once"),
        ("sqs://queue?region=", {}, "region is ''; it must be the name of an AWS region"),
        ("sqs://queue?region=EU", {}, "region is 'EU'"),
        ("sqs://queue", {"region": "a.b/c"}, "region is 'a.b/c'"),
        ("sqs://queue", {"region": 5}, "region is 5"),
        ("sqs://queue", {"account": "123"}, "account is '123'; it must be the 12 digits"),
        ("sqs://queue", {"account": 123456789012}, "account is 123456789012"),
        ("sqs://queue", {"endpoint_url": "ftp://h"}, "endpoint_url cannot be used: url is 'ftp"),
        ("sqs://queue", {"endpoint_url": 5}, "endpoint_url cannot be used: url is a int"),
        ("sqs://queue", {"endpoint_url": "http://a:s3cret@h"}, "must not hold credentials"),
        ("sqs://queue", {"profile": ""}, "profile is ''"),
        ("sqs://queue", {"profile": 5}, "profile is 5"),
        ("sqs://queue", {"read_timeout": 0}, "read_timeout is 0; it must be a number from"),
        ("sqs://queue", {"connect_timeout": "5"}, "connect_timeout is '5'; it must be"),
    ],
)
def test_bad_settings(url, options, message):
    """A wrong setting is rejected in one sentence, without secrets."""
    options = options if "region" in url else {"region": "eu-west-1", **options}
    text = setting_error_of(SQSTransport, url, **options)
    assert (message in text, "s3cret" in text) == (True, False)


def test_url_alone(standard):
    """Everything that names a queue fits into the URL of a sink."""
    url = f"sqs://{standard.name}?region=eu-west-1&account=123456789012"
    with mozdef.Sink(f"{url}&endpoint={standard.endpoint}") as sink:
        sink.put(EVENTS[0])
        assert sink.flush(20)
    assert standard.bodies() == EVENTS[:1]


def test_options_go_before_the_url():
    """An option overrides the query of the URL."""
    transport = SQSTransport("sqs://Queue?region=eu-west-1", region="eu-west-2")
    assert transport.name == "sqs://Queue?region=eu-west-2"


def test_name_tells_queues_apart():
    """Two queues of one name, elsewhere or of another account, are two destinations."""
    options = {"region": "eu-west-1", "endpoint_url": "http://h:1/?token=s3cret"}
    transport = SQSTransport("sqs://Q.fifo", account="123456789012", **options)
    assert repr(transport) == (
        "<SQSTransport to sqs://Q.fifo?region=eu-west-1&account=123456789012&endpoint=http://h:1/>"
    )


def test_account_is_asked_for(standard, front_end):
    """The account that owns the queue is named in the look-up."""
    with transport_to(standard, front_end.endpoint, account="123456789012") as transport:
        transport.send(EVENTS)
    assert front_end.calls[0] == (
        "GetQueueUrl",
        {"QueueName": standard.name, "QueueOwnerAWSAccountId": "123456789012"},
    )


def test_without_boto3():
    """Where boto3 is missing, the error says what to install."""
    code = """
import sys
sys.modules["boto3"] = None
import structlog_mozdef
try:
    structlog_mozdef.Sink("sqs://queue?region=eu-west-1")
except structlog_mozdef.MozDefError as error:
    print(error, error.__context__)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert output.endswith("pip install structlog-mozdef[sqs] None\n")
