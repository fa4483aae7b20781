"""Who may ask: programs and the collector's own page, not the pages of other sites."""

import http.client

import pytest
from support.asking import post
from support.collecting import LINE, request

from structlog_mozdef.collector import running_collector

PATHS = [
    ("GET", "/"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/live"),
    ("DELETE", "/api/v1/events"),
    ("POST", "/events"),
    ("POST", "/_bulk"),
    ("PUT", "/custom/x"),
    ("GET", "/status"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://127.0.0.1.evil.example.com"},
        {"Origin": "chrome-extension://abc"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Host": "evil.example.com"},
        {"Host": "evil.example.com", "Origin": "http://evil.example.com"},
    ],
    ids=str,
)
def test_pages_of_other_sites_are_refused(collector, method, path, headers):
    """Whatever another site's page asks for is answered 403, and does nothing."""
    post(collector, {})
    assert request(collector, method, path, LINE if method != "GET" else None, headers)[0] == 403
    assert collector.received == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/events"), ("POST", "/events")])
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "a.localhost"])
def test_own_page_is_answered(collector, method, path, name):
    """The page itself has the collector's own address as its origin, by whatever name."""
    port = collector.base_url.rpartition(":")[2]
    headers = {"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}"}
    headers |= {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert request(collector, method, path, LINE if method == "POST" else None, headers)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", None), ("GET", "/api/v1/events", 403), ("POST", "/events", 403)],
)
def test_link_from_another_site_opens_the_page_alone(collector, method, path, status):
    """A link to the page can be followed from anywhere; one to the API, or a form, cannot."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answered, _ = request(collector, method, path, LINE if method == "POST" else None, headers)
    assert answered == status or (status is None and answered != 403)


@pytest.mark.parametrize(
    ("host", "program", "browser"),
    [
        ("192.168.1.5:8080", 200, 200),
        ("[2001:db8::1]:8080", 200, 200),
        ("mozdef:8080", 200, 200),
        ("evil.example.com", 200, 403),
        ("mozdef.example.com:8080", 200, 200),
    ],
)
def test_names_on_other_addresses(host, program, browser):
    """A collector for other machines is asked by address, by a short name, or as it was told."""
    with running_collector(host="0.0.0.0", allowed_hosts=["MozDef.example.com"]) as running:
        local = type(running)(running.base_url.replace("0.0.0.0", "127.0.0.1"), running.store)
        assert request(local, "POST", "/events", LINE, {"Host": host})[0] == program
        origin = {"Host": host, "Origin": f"http://{host}"}
        assert request(local, "POST", "/events", LINE, origin)[0] == browser
        assert request(local, "GET", "/api/v1/events", None, {"Host": host})[0] == browser


def headers_of(collector, path, method="GET"):
    connection = http.client.HTTPConnection(collector.base_url.removeprefix("http://"), timeout=10)
    connection.request(method, path, headers={"Cookie": "c" * 5000})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers


@pytest.mark.parametrize(
    "path",
    ["/", "/page/nothing.js", "/api/v1/events", "/api/v1/nothing", "/api/v1/count?x=1", "//api/x"],
)
def test_a_browser_loads_nothing_from_elsewhere(collector, path):
    """Each answer, errors included, tells a browser to load, frame and send nothing else."""
    _, headers = headers_of(collector, path)
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_answers_to_events_are_bare(collector):
    """A sender gets the headers that MozDef sends, and no others."""
    _, headers = headers_of(collector, "/status")
    assert "Content-Security-Policy" not in headers


def test_large_cookies_of_a_browser_do_no_harm(collector):
    """Cookies of other programs on localhost keep nobody from the page, and are not recorded."""
    assert headers_of(collector, "/api/v1/totals")[0] == 200
    assert collector.received == 0


@pytest.mark.parametrize(
    "path",
    [
        "/page/../store.py",
        "/page/%2e%2e/store.py",
        "/page/..%2fstore.py",
        "/page//etc/passwd.txt",
        "/page/.hidden.js",
        "/page/",
        "/page/a/",
        "/page/x.py",
        "/page/index.html%00.js",
    ],
)
def test_no_other_file_is_answered(collector, path):
    """Nothing but the files of the page is answered, whatever the path."""
    assert headers_of(collector, path)[0] in {400, 404}
