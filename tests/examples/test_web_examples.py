"""The shops of Django, Flask and FastAPI, each under the servers that its page names."""

from __future__ import annotations

import pytest
from support.examples import EXAMPLES, events_of, serving, start_example, status_of
from support.running import PROGRAMS, finish, wait_for

FLASK = {
    "flask": ["-m", "flask", "--app", "flask_shop", "run", "--port", "PORT"],
    "gunicorn": ["-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "flask_shop:app"],
    "gevent": ["gevent_shop.py"],
    "gunicorn-gevent": [
        *["-m", "gunicorn", "-k", "gevent", "-b", "127.0.0.1:PORT", "flask_shop:app"]
    ],
}
FASTAPI = {
    "uvicorn": ["-m", "uvicorn", "--port", "PORT", "fastapi_shop:app"],
    "workers": ["-m", "uvicorn", "--workers", "2", "--port", "PORT", "fastapi_shop:app"],
    "run": ["-c", "import uvicorn; uvicorn.run('fastapi_shop:app', port=PORT)"],
    "hypercorn": [
        *["-m", "hypercorn", "-b", "127.0.0.1:PORT", "--access-logfile", "-"],
        *["--log-config", "json:hypercorn_logging.json", "fastapi_shop:app"],
    ],
    "gunicorn": [
        *["-m", "gunicorn", "-k", "uvicorn_worker.UvicornWorker", "-b", "127.0.0.1:PORT"],
        "fastapi_shop:app",
    ],
}
DJANGO = {
    "runserver": ["manage.py", "runserver", "--noreload", "PORT"],
    "gunicorn": [
        *["-m", "gunicorn", "-c", EXAMPLES / "gunicorn.conf.py", "-w", "2"],
        *["-b", "127.0.0.1:PORT", "shop.wsgi"],
    ],
}


def faults_in(events):
    """The tracebacks that a server has logged of the order with the number 0."""
    return [each for each in events if "ZeroDivisionError" in str(each["details"])]


def only_one(events, **fields):
    """The one event that has *fields*, in itself or its details."""
    found = [each for each in events if fields.items() <= {**each["details"], **each}.items()]
    assert len(found) == 1, events
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize("server", FLASK)
def test_flask(server, receiver):
    """A failed login, an order and a fault arrive once each, with the context of their request."""
    with serving(receiver, *FLASK[server], statuses=(0, -15)) as url:
        assert status_of(f"{url}/login/kang", b"password=guess") == 403
        assert status_of(f"{url}/orders/7") == 200
        assert status_of(f"{url}/orders/0") == 500
    events = receiver.events()
    login = only_one(events, summary="Login failed", severity="WARNING", source="shop")
    assert login["details"]["sourceipaddress"] == "127.0.0.1"
    assert login["details"]["path"] == "/login/kang"
    assert login["tags"] == ["shop"]
    order = only_one(events, summary="order 7 shown", source="flask_shop")
    assert order["details"]["path"] == "/orders/7"
    assert order["details"]["request_id"] != login["details"]["request_id"]
    assert len(faults_in(events)) == 1
    if server == "gunicorn":  # which reads gunicorn.conf.py
        log = [each["summary"] for each in events if each["source"].startswith("gunicorn")]
        assert sum("/orders/7" in text for text in log) == 1
        assert sum("Booting worker" in text for text in log) == 2
        assert "Handling signal: term" in log


@pytest.mark.slow
@pytest.mark.parametrize("server", FASTAPI)
def test_fastapi(server, receiver):
    """What application and server log arrives once each, with the context of its request."""
    with serving(receiver, *FASTAPI[server], statuses=(0, -15)) as url:
        assert status_of(f"{url}/login/kang", b"") == 403
        assert status_of(f"{url}/orders/7") == 200
        assert status_of(f"{url}/orders/0") == 500
    events = receiver.events()
    login = only_one(events, summary="Login failed", severity="WARNING", source="shop")
    assert login["details"]["path"] == "/login/kang"
    order = only_one(events, summary="Order shown", order=7)
    assert order["details"]["request_id"] != login["details"]["request_id"]
    assert len(faults_in(events)) == 1
    assert sum("/orders/7" in each["summary"] for each in events) == 1  # the access log
    if server in ("uvicorn", "run"):
        assert sum("startup complete" in each["summary"] for each in events) == 1


@pytest.mark.slow
@pytest.mark.parametrize("server", DJANGO)
def test_django(server, receiver):
    """Events, records and faults arrive once each, with what django-structlog binds, redacted."""
    folder = EXAMPLES / "django_shop"
    with serving(receiver, *DJANGO[server], statuses=(0, -15), folder=folder) as url:
        assert status_of(f"{url}/login/kang") == 403
        assert status_of(f"{url}/orders/7") == 200
        assert status_of(f"{url}/orders/0") == 500
    events = receiver.events()
    login = only_one(events, summary="Login failed", username="kang", source="shop")
    assert login["details"]["ip"] == "127.0.0.1"
    assert "guess" not in str(events)
    order = only_one(events, summary="order 7 shown", source="shop.orders")
    assert order["details"]["request_id"] != login["details"]["request_id"]
    assert faults_in(events)
    if server == "gunicorn":
        assert len(events_of(receiver, "gunicorn.access")) >= 4


def test_runserver_of_django_still_shows_requests(receiver):
    """The log of its server is shipped, and goes to the terminal as it did before."""
    code = (
        "import django, logging, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'\n"
        "django.setup(); logging.getLogger('django.server').info('GET /orders/7')"
    )
    folder = EXAMPLES / "django_shop"
    done = finish(start_example(receiver, "-c", code, folder=folder))
    assert done.stderr.splitlines() == ["GET /orders/7"]
    assert len(events_of(receiver, "django.server")) == 1


@pytest.mark.slow
def test_uwsgi(receiver, tmp_path):
    """The workers of uWSGI ship their own events, also what they have when it is told to end."""
    log = tmp_path / "log"
    with serving(
        receiver,
        *[PROGRAMS / "uwsgi_server.py", "--ini", "uwsgi_shop.ini", "--logto", log],
        *["--http-socket", "127.0.0.1:PORT"],
    ) as url:
        # Told to end while a worker still imports the application, uWSGI kills all of them.
        assert wait_for(lambda: log.read_text("utf-8").count("WSGI app 0") == 2)
        for number in range(1, 11):
            assert status_of(f"{url}/orders/{number}") == 200
    shown = sorted(each["summary"] for each in events_of(receiver, "flask_shop"))
    assert shown == sorted(["order 1 shown", *(f"order {n} shown" for n in range(1, 11))])
