"""The collector as a server: it starts, stops, and does not disturb the application."""

import contextlib
import http.client
import json
import logging
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import requests
from support.certificates import authority, authority_file
from support.collecting import request

from structlog_mozdef.collector import CollectorError, Store, running_collector
from structlog_mozdef.collector.server_thread import ServerThread

LINE = json.dumps({"summary": "hello", "timestamp": "2020-01-01T00:00:00Z"}).encode()


def post(collector, session=requests):
    return session.post(collector.url, data=LINE, timeout=10).status_code


def test_addresses():
    """The addresses are MozDef's, on a free port of the loopback interface."""
    with running_collector() as collector:
        base = collector.base_url
        assert base.startswith("http://127.0.0.1:")
        assert (collector.url, collector.bulk_url) == (f"{base}/events", f"{base}/_bulk")


def test_two_collectors_are_independent():
    """Each collector has a port and a store of its own."""
    with running_collector() as one, running_collector() as other:
        post(one)
        assert (one.received, other.received) == (1, 0)


@pytest.mark.parametrize("count", [1, 20])
def test_stops_within_a_second_with_idle_connections(count):
    """Idle connections that clients keep open are closed at once, without waiting for them."""
    store, listener = Store(), socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/events"
    thread = ServerThread(store, listener, grace=30)
    thread.start()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            session = stack.enter_context(requests.Session())
            assert session.post(url, data=LINE, timeout=10).status_code == 200
        start = time.monotonic()
        thread.stop()
        assert time.monotonic() - start < 1
    store.close()


def test_stops_within_a_second_during_a_request():
    """A request that is half sent does not delay the stop."""
    with running_collector() as collector:
        host, _, port = collector.base_url.removeprefix("http://").partition(":")
        client = socket.create_connection((host, int(port)))
        client.sendall(b"POST /events HTTP/1.1\r\nHost: x.localhost\r\nContent-Length: 9\r\n\r\n{")
        time.sleep(0.05)  # let the request reach its handler
        start = time.monotonic()
    assert time.monotonic() - start < 1
    client.close()


def test_port_is_free_after_the_stop():
    """Another collector can use the port at once, whatever is left of the connections."""
    with running_collector() as first:
        post(first)
        port = int(first.base_url.rpartition(":")[2])
    with running_collector(port=port) as second:
        assert post(second) == 200


def test_no_thread_is_left():
    """The collector's thread ends with it."""
    before = set(threading.enumerate())
    with running_collector():
        pass
    assert set(threading.enumerate()) <= before


def test_database_is_kept(tmp_path):
    """A collector on the same file adds to what the last one stored."""
    for _ in range(2):
        with running_collector(database=tmp_path / "events.db") as collector:
            post(collector)
    assert (collector.received, collector.stored) == (2, 2)


def test_reading_after_the_end_is_a_clear_error():
    """Reading the documents after the block raises an error that says so."""
    with running_collector() as collector:
        pass
    with pytest.raises(CollectorError, match="closed"):
        collector.documents()


def test_mozdefhostname_can_be_set():
    """The name of the machine that plays MozDef can be chosen."""
    with running_collector(hostname="mozdef.example.com") as collector:
        post(collector)
        assert collector.documents()[0]["mozdefhostname"] == "mozdef.example.com"


def test_tls(tmp_path):
    """With a certificate the collector speaks TLS, and only TLS."""
    certificate = authority().issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    with running_collector(
        ssl_certfile=tmp_path / "cert.pem", ssl_keyfile=tmp_path / "key.pem"
    ) as collector:
        assert collector.url.startswith("https://127.0.0.1:")
        answer = requests.post(
            collector.url, data=LINE, verify=authority_file(tmp_path), timeout=10
        )
        assert (answer.status_code, collector.stored) == (200, 1)
        with pytest.raises(requests.ConnectionError):
            requests.post(collector.url.replace("https", "http"), data=LINE, timeout=10)


def test_tls_stops_within_a_second_with_an_idle_connection(tmp_path):
    """A TLS connection whose client does not close it does not delay the stop."""
    certificate = authority().issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    context = ssl.create_default_context()
    authority().configure_trust(context)
    with running_collector(ssl_certfile=tmp_path / "both.pem") as collector:
        port = int(collector.base_url.rpartition(":")[2])
        client = http.client.HTTPSConnection("localhost", port, context=context, timeout=10)
        client.request("POST", "/events", LINE)
        assert client.getresponse().read() == b""
        start = time.monotonic()
    assert time.monotonic() - start < 1
    client.close()


def test_bad_certificate_is_a_clear_error(tmp_path):
    """A certificate that cannot be read is named."""
    with (
        pytest.raises(CollectorError, match=r"certificate .*missing.pem"),
        running_collector(ssl_certfile=tmp_path / "missing.pem"),
    ):
        pass


def test_used_port_is_a_clear_error():
    """A port that is in use is named."""
    with running_collector() as collector:
        port = int(collector.base_url.rpartition(":")[2])
        with (
            pytest.raises(CollectorError, match=f"cannot listen on 127.0.0.1:{port}: "),
            running_collector(port=port),
        ):
            pass


def test_unknown_host_is_a_clear_error():
    """A name that does not resolve is named."""
    with (
        pytest.raises(CollectorError, match=r"cannot listen on no-such-host.invalid:0: "),
        running_collector(host="no-such-host.invalid"),
    ):
        pass


@pytest.mark.parametrize("port", [-1, 65_536])
def test_impossible_port_is_a_clear_error(port):
    """A port that does not exist is named."""
    with pytest.raises(CollectorError, match=f"port is {port}"), running_collector(port=port):
        pass


def test_any_host_name_is_answered_on_other_addresses():
    """A collector that listens for other machines is not limited to loopback names."""
    with running_collector(host="0.0.0.0") as collector:
        port = collector.base_url.rpartition(":")[2]
        answer = requests.post(
            f"http://127.0.0.1:{port}/events",
            data=LINE,
            headers={"Host": "x.example.com"},
            timeout=10,
        )
        assert answer.status_code == 200


def logging_state():
    names = ["", "asyncio", "uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error"]
    loggers = [logging.getLogger(name) for name in names]
    return [(x.level, x.propagate, x.disabled, list(x.handlers), list(x.filters)) for x in loggers]


def test_logging_is_left_as_it_was():
    """Levels, handlers, filters and propagation are the same after the collector as before."""
    before = logging_state()
    with running_collector() as collector:
        post(collector)
        during = [state[:4] for state in logging_state()]
    assert logging_state() == before
    assert during == [state[:4] for state in before]


def test_names_of_levels_are_left_as_they_were():
    """The collector adds no level to logging."""
    result = run("""
        import logging
        from structlog_mozdef.testing import running_collector
        with running_collector():
            print(logging.getLevelName(5))
    """)
    assert result.stdout == "Level 5\n"


def test_collector_logs_nothing(caplog):
    """An application that records everything finds nothing of the collector in its log."""
    caplog.set_level(logging.DEBUG)
    with running_collector() as collector:
        session = requests.Session()
        post(collector, session)
        host, _, port = collector.base_url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"not HTTP\r\n\r\n")
            client.recv(1000)
    session.close()
    assert [r for r in caplog.records if not r.name.startswith("urllib3")] == []


def test_loggers_of_uvicorn_still_serve_the_application(caplog):
    """What the application logs through the loggers of uvicorn is kept while the collector runs."""
    caplog.set_level(logging.DEBUG)
    with running_collector():
        logging.getLogger("uvicorn.error").info("mine")
    assert [record.message for record in caplog.records] == ["mine"]


def test_nothing_is_printed(capfd):
    """Neither stdout nor stderr is touched."""
    with running_collector() as collector:
        post(collector)
    assert capfd.readouterr() == ("", "")


SERVE = """
import sys
from structlog_mozdef.collector import serve
serve(port=0, on_start=lambda collector: print(collector.url, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_on_a_signal(number):
    """In the foreground the collector answers until a signal, and then returns normally."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True
    ) as child:
        url = child.stdout.readline().strip()
        assert requests.post(url, data=LINE, timeout=10).status_code == 200
        os.kill(child.pid, number)
        assert child.stdout.read() == "ended\n"
    assert child.returncode == 0


def run(program):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_testing_imports_no_web_framework():
    """What the collector needs is imported when it is used, not before."""
    result = run("""
        import sys, structlog_mozdef.testing
        assert not {"starlette", "uvicorn", "h11"} & set(sys.modules)
    """)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_missing_extra_is_a_clear_error(missing):
    """Without the extra, the error says how to install it."""
    result = run(f"""
        import sys
        sys.modules[{missing!r}] = None
        from structlog_mozdef.testing import running_collector
        try:
            with running_collector():
                pass
        except ImportError as error:
            print(error)
    """)
    assert 'pip install "structlog-mozdef[collector]"' in result.stdout


def test_a_large_body_does_not_delay_the_stop(caplog):
    """What is being read of a large body is given up, and nothing is said of it."""
    body = json.dumps([{"timestamp": "1 " * 60}] * 15_000).encode()  # takes seconds
    head = b"POST /_bulk HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    with running_collector() as collector, contextlib.ExitStack() as stack:
        port = int(collector.base_url.rpartition(":")[2])
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        client.sendall(head + body)
        for _ in range(5):
            assert request(collector, "GET", "/status")[0] == 200
        start = time.monotonic()
    assert time.monotonic() - start < 2
    assert caplog.records == []


def test_a_database_that_fails_is_said_once(tmp_path, caplog):
    """Senders and the API are answered 500, as on a full disk, and one warning says why."""
    path = tmp_path / "events.db"
    with running_collector(database=path) as collector:
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("DROP TABLE events")
        for _ in range(3):
            assert request(collector, "POST", "/events", LINE) == (500, b"")
        assert request(collector, "POST", "/events", LINE, {"X": "x" * 3000}) == (400, b"")
        status, body = request(collector, "DELETE", "/api/v1/events")
        assert (status, json.loads(body)) == (
            500,
            {"error": "The database cannot be used: no such table: events."},
        )
        assert collector.received == 0
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("structlog_mozdef", "WARNING")
    assert record.getMessage() == ("The collector's database cannot be used: no such table: events")
