"""Two windows of one collector, and what is said of its numbers and streams."""

import pytest
import requests
import structlog
from support.browser import numbered, send

import structlog_mozdef as mozdef

pytestmark = pytest.mark.browser
pytest_plugins = ["support.browser"]


@pytest.fixture
def two_windows(page):
    """The handles of two windows with the same page."""
    first = page.open().driver.current_window_handle
    page.driver.switch_to.new_window("window")
    second = page.open().driver.current_window_handle
    yield first, second
    page.driver.close()
    page.driver.switch_to.window(first)


def test_two_windows_show_the_same(page, collector, two_windows):
    """An event appears in both, and what is cleared in one is gone in the other."""
    send(collector, *numbered(2))
    for window in two_windows:
        page.driver.switch_to.window(window)
        page.wait(lambda: page.rows() == ["Event 2", "Event 1"])
    page.click("#clear")
    page.click('#clear-dialog [value="clear"]')
    for window in two_windows:
        page.driver.switch_to.window(window)
        page.wait(lambda: page.shown("#empty"))
        page.wait(lambda: page.totals()["Received"] == "0")


def test_windows_have_filters_of_their_own(page, collector, two_windows):
    """What is selected or paused in one window does not matter to the other."""
    send(collector, {"summary": "one"}, {"summary": "two", "severity": "ERROR"})
    page.facet("severity", "ERROR")
    page.wait(lambda: page.rows() == ["two"])
    page.click("#pause")
    page.driver.switch_to.window(two_windows[0])
    page.wait(lambda: page.rows() == ["two", "one"])
    assert page.state == "live"
    page.driver.switch_to.window(two_windows[1])


def look_away(page, is_hidden):
    page.script(
        """Object.defineProperty(document, "hidden", {value: arguments[0], configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));""",
        is_hidden,
    )


def test_hidden_window_has_no_connection(page, collector):
    """A window that nobody sees has no stream; what is read is where it was when one comes back."""
    send(collector, *numbered(300))
    page.open()
    page.scroll(100)
    page.wait(lambda: "Event 195" in page.rows())
    before = page.rows()
    look_away(page, is_hidden=True)
    send(collector, *numbered(500, first=301))
    look_away(page, is_hidden=False)
    page.wait(lambda: page.text("#news") == "\u2191 500 new")
    assert page.rows() == before
    page.script("document.getElementById('list').scrollTop = 0")
    page.wait(lambda: page.rows()[0] == "Event 800")


def test_hidden_window_learns_that_all_was_cleared(page, collector):
    """What is gone meanwhile is gone from the page."""
    send(collector, *numbered(3))
    page.open()
    look_away(page, is_hidden=True)
    requests.delete(f"{collector.base_url}/api/v1/events", timeout=10).raise_for_status()
    send(collector, {"summary": "next"})
    look_away(page, is_hidden=False)
    page.wait(lambda: page.rows() == ["next"])


def test_totals(page, collector):
    """What arrived, what is stored and what is lost are counted, whatever is selected."""
    send(collector, *numbered(3), {"timestamp": "no time"})
    page.open("?severity=ERROR")
    page.wait(lambda: page.totals()["Received"] == "4")
    totals = page.totals()
    assert (totals["Stored"], totals["Dropped"], totals["Refused"]) == ("3", "1", "0")


def test_streams_without_gaps(page, collector):
    """Of a process that logged through this package the page says that nothing is missing."""
    with mozdef.Sink(collector.url) as sink:
        log = structlog.wrap_logger(
            mozdef.MozDefLogger(sink), [mozdef.SequenceAdder(), mozdef.MozDefRenderer()]
        )
        for number in range(20):
            log.info("event", number=number)
        assert sink.flush(10)
    page.open()
    page.wait(lambda: "1 stream, nothing missing" in page.text("#streams"))


def stream_event(number, **details):
    return {"details": {"stream_id": "0123456789abcdef", "sequence": number, **details}}


def test_streams_with_gaps_and_repeats(page, collector):
    """A gap is seen without being looked for, and its numbers, repeats and end when asked for."""
    send(collector, *map(stream_event, (1, 2, 5, 6, 6, 9)))
    page.open()
    page.wait(lambda: "4 events missing" in page.text("#streams"))
    assert page.attribute("#streams", "data-state") == "gaps"
    page.click("#streams")
    (row,) = page.texts("#streams-table tbody tr")
    for part in (
        "accounts[4711] on web1.example.com",
        "1\u20139",
        "4: 3\u20134, 7\u20138",
        "not yet",
    ):
        assert part in row
    send(collector, *map(stream_event, (3, 4, 7, 8)), stream_event(10, stream_end=True))
    page.wait(lambda: "none" in page.texts("#streams-table tbody tr")[0])
    assert "yes" in page.texts("#streams-table tbody tr")[0]
    page.escape()
    page.wait(lambda: "nothing missing" in page.text("#streams"))
