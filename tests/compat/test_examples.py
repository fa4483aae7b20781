"""The examples of the old clients run unchanged, except for the import.

(And for what was never valid Python in them: a missing ``=`` and a quote within quotes.)
"""

from __future__ import annotations

import socket

from support.certificates import authority_file, server_context
from support.compat_receivers import own_delivery
from support.receivers import Receiver

import structlog_mozdef.compat as mozdef
from structlog_mozdef.compat._syslog import LocalSyslog

MOZDEF_LIB = """
# The simple way
import mozdef
msg = mozdef.MozDefMsg('https://127.0.0.1:8443/events', tags=['openvpn', 'duosecurity'])
msg.send('User logged in', details={'username': user})

# Some more possibilities
another_msg = mozdef.MozDefMsg('https://127.0.0.1:8443/events', tags=['bro'])
another_msg.send('knock knock')
another_msg.log['some-internal-attribute'] = 'smth'
another_msg.send("who's there?")
# etc.
"""

CERTIFICATES = """
msg.verify_certificate = False # not recommended, security issue.
msg.verify_certificate = True # uses default certs from /etc/ssl/certs
msg.verify_certificate = '/etc/path/to/custom/cert'
"""

IN_THE_SOURCE = """
import mozdef
msg = mozdef.MozDefMsg('https://127.0.0.1/events')
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
    example = example.replace("https://127.0.0.1:8443/events", url)
    exec(compile(example, "example", "exec"), names)
    return names


def test_usage_of_mozdef_lib():
    """The usage of mozdef_lib: three events, the last with the internal attribute."""
    with Receiver() as receiver:
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


def test_certificate_handling_of_mozdef_lib(tmp_path):
    """The three ways to handle certificates; the path, set last, counts."""
    example = CERTIFICATES.replace("/etc/path/to/custom/cert", authority_file(tmp_path))
    with Receiver(tls=server_context()) as receiver:
        msg = mozdef.MozDefMsg(receiver.url)
        run(example, receiver.url, msg=msg)
        msg.send("hello")
        assert mozdef.flush(20)
        assert receiver.summaries() == ["hello"]


def test_main_of_mozdef_lib(capsys):
    """What mozdef_lib printed when it was run shows the documented message."""
    run(IN_THE_SOURCE, "")
    printed = capsys.readouterr().out
    for line in ('"severity": "CRITICAL"', '"uid": 0', '"2014-03-18T23:20:31.013344+01:00"'):
        assert line in printed


def test_usage_of_mozdef_client():
    """The usage of mozdef_client: an event that has arrived when `send` returns."""
    with Receiver() as receiver:
        run(MOZDEF_CLIENT, receiver.url)
        assert receiver.summaries() == ["a test message"]


def test_syslog_of_mozdef_client(tmp_path):
    """The same for syslog only: nothing is sent to the URL."""
    path = str(tmp_path / "log")
    with (
        Receiver() as receiver,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon,
        own_delivery(syslog=LocalSyslog(path)),
    ):
        daemon.bind(path)
        run(MOZDEF_CLIENT_SYSLOG, receiver.url)
        assert b'"summary":"a test message"' in daemon.recv(65536)
        assert receiver.requests == []
