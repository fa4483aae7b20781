"""The examples of the old clients run unchanged, except for the import and the address.

(And for what was never valid Python in them: a missing ``=`` and a quote within quotes.)
"""

from __future__ import annotations

import contextlib
import syslog
import textwrap

import pytest
from support.certificates import authority_file, server_context, stranger
from support.compat_receivers import own_delivery
from support.local_syslog import local_daemon
from support.receivers import Receiver

import structlog_mozdef.compat as mozdef

#: As it stands in the README of mozdef_lib.
MOZDEF_LIB = """\
   # The simple way
   import mozdef
   msg = mozdef.MozDefMsg('https://127.0.0.1:8443/events', tags['openvpn', 'duosecurity'])
   msg.send('User logged in', details={'username': user})

   # Some more possibilities
   another_msg = mozdef.MozDefMsg('https://127.0.0.1:8443/events', tags=['bro'])
   another_msg.send('knock knock')
   another_msg.log['some-internal-attribute'] = 'smth'
   another_msg.send('who's there?')
   # etc.
"""
SLIPS = {"tags['openvpn'": "tags=['openvpn'", "'who's there?'": '"who\'s there?"'}

CERTIFICATES = """\
    msg.verify_certificate = False # not recommended, security issue.
    msg.verify_certificate = True # uses default certs from /etc/ssl/certs
    msg.verify_certificate = '/etc/path/to/custom/cert'
"""

IN_THE_SOURCE = """
import mozdef
msg = mozdef.MozDefMsg('https://127.0.0.1:8443/events')
msg.debug = True
msg.send('test msg')
msg.send('new test msg', 'authentication', 'CRITICAL', ['bro', 'auth'], {'uid': 0, 'username': 'kang'})
msg.log['timestamp'] = '2014-03-18T23:20:31.013344+01:00'
msg.send('another test msg')
"""  # noqa: E501 - quoted

MOZDEF_CLIENT = """
import mozdef_client
msg = mozdef_client.MozDefEvent('https://127.0.0.1:8443/events')
msg.summary = 'a test message'
msg.tags = ['tag1', 'tag2']
msg.details = {'hostname': 'test', 'alert': True}
msg.send()
"""

MOZDEF_CLIENT_SYSLOG = """
import mozdef_client
msg = mozdef_client.MozDefEvent('https://127.0.0.1:8443/events')
msg.summary = 'a test message'
msg.tags = ['tag1', 'tag2']
msg.details = {'hostname': 'test', 'alert': True}
msg.set_send_to_syslog(True, only_syslog=True)
msg.send()
"""


def run(example, url, **names):
    """Run *example* with the import changed, sending to *url*."""
    for name in ("mozdef", "mozdef_client"):
        example = example.replace(f"import {name}\n", f"import structlog_mozdef.compat as {name}\n")
    for slip, meant in SLIPS.items():
        example = example.replace(slip, meant)
    example = example.replace("https://127.0.0.1:8443/events", url)
    exec(compile(textwrap.dedent(example), "example", "exec"), names)
    return names


@contextlib.contextmanager
def tls_receiver(**settings):
    """A receiver behind TLS, and a delivery of its own."""
    with Receiver(tls=server_context(**settings)) as receiver, own_delivery():
        yield receiver


def check_usage(receiver):
    """Run the usage of mozdef_lib, and check the three events, the last with the attribute."""
    run(MOZDEF_LIB, receiver.url, user="kang")
    assert mozdef.flush(20)
    events = receiver.events()
    assert [
        (event["summary"], event["tags"], event["details"], event.get("some-internal-attribute"))
        for event in events
    ] == [
        ("User logged in", ["openvpn", "duosecurity"], {"username": "kang"}, None),
        ("knock knock", ["bro"], {}, None),
        ("who's there?", ["bro"], {}, "smth"),
    ]


@pytest.fixture
def default_certificates(tmp_path, monkeypatch):
    """Let the authority of the tests be the only one that is trusted by default."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority_file(tmp_path))


@pytest.mark.usefixtures("default_certificates")
def test_usage_of_mozdef_lib():
    """The usage of mozdef_lib, against a server with a certificate."""
    with tls_receiver() as receiver:
        check_usage(receiver)


@pytest.mark.usefixtures("default_certificates")
@pytest.mark.parametrize(
    ("line", "by"), [(0, "nobody"), (1, "authority"), (2, "nobody")], ids=["False", "True", "path"]
)
def test_certificate_handling_of_mozdef_lib(line, by, tmp_path):
    """Each way to handle certificates delivers to a server with the certificate that it is for."""
    bundle = tmp_path / "stranger.pem"
    stranger().cert_pem.write_to_path(bundle)
    example = CERTIFICATES.splitlines()[line].replace("/etc/path/to/custom/cert", str(bundle))
    with tls_receiver(by=stranger() if by == "nobody" else None) as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        run(example, receiver.url, msg=msg)
        msg.send("hello")
        assert mozdef.flush(20)
        assert receiver.summaries() == ["hello"]


@pytest.mark.usefixtures("default_certificates")
@pytest.mark.parametrize("line", [1, 2], ids=["True", "path"])
def test_certificates_that_do_not_verify(line, tmp_path):
    """With True or a path, a server with the certificate of anybody else gets nothing."""
    example = CERTIFICATES.splitlines()[line].replace(
        "/etc/path/to/custom/cert", authority_file(tmp_path)
    )
    with tls_receiver(by=stranger()) as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        run(example, receiver.url, msg=msg)
        msg.fire_and_forget_mode = False
        with pytest.raises(mozdef.MozDefError, match="certificate of the server is refused"):
            msg.send("hello")
        assert receiver.requests == []


def test_main_of_mozdef_lib(capsys):
    """What mozdef_lib printed when it was run shows the documented message, which is sent too."""
    with Receiver() as receiver, own_delivery():
        run(IN_THE_SOURCE, receiver.url)
        assert mozdef.flush(20)
        assert receiver.summaries() == ["test msg", "new test msg", "another test msg"]
    printed = capsys.readouterr().out
    for line in ('"severity": "CRITICAL"', '"uid": 0', '"2014-03-18T23:20:31.013344+01:00"'):
        assert line in printed


def test_usage_of_mozdef_client():
    """The usage of mozdef_client: one event."""
    with Receiver() as receiver, own_delivery():
        run(MOZDEF_CLIENT, receiver.url)
        assert mozdef.flush(20)
        assert receiver.summaries() == ["a test message"]


def test_syslog_of_mozdef_client():
    """The same for syslog only: nothing is sent to the URL."""
    with Receiver() as receiver, local_daemon() as daemon, own_delivery():
        run(MOZDEF_CLIENT_SYSLOG, receiver.url)
        syslog.closelog()
        assert b'"summary":"a test message"' in daemon.recv(65536)
        assert receiver.requests == []
