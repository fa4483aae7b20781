"""The list on the page: newest first, a window over many rows, following, held or paused."""

import pytest
from support.browser import complete, numbered, send

pytestmark = pytest.mark.browser
pytest_plugins = ["support.browser"]


def test_newest_come_first(page, collector):
    """The event that arrived last is at the top, with time, severity, source, summary and tags."""
    send(collector, *numbered(3))
    page.open()
    assert page.rows() == ["Event 3", "Event 2", "Event 1"]
    for part in ("INFO", "web1.example.com · accounts", "vpn"):
        assert part in page.row()


def test_events_appear_as_they_arrive(page, collector):
    """An event is seen without a reload, and counted."""
    page.open()
    assert "Nothing has arrived yet" in page.text("#empty")
    send(collector, {"summary": "first"})
    page.wait(lambda: page.rows() == ["first"])
    send(collector, {"summary": "second"})
    page.wait(lambda: page.rows() == ["second", "first"])
    page.wait(lambda: page.totals()["Received"] == page.totals()["Stored"] == "2")


def test_empty_page_says_how_to_send(page, collector):
    """Whoever opens the page first reads where events are accepted."""
    page.open()
    assert collector.url in page.text("#empty")


def test_only_what_is_seen_is_an_element(page, collector):
    """A thousand rows are a few hundred elements, however far one scrolls."""
    send(collector, *numbered(1000))
    page.open()
    page.wait(lambda: page.scroll(150) or page.rows()[-1] == "Event 1")
    assert len(page.rows()) < 60
    assert page.script("return document.querySelectorAll('.sheet *').length") < 600


def test_scrolling_shows_each_event_once(page, collector):
    """From the top to the end every event is there, in its order, and none twice."""
    send(collector, *numbered(500))
    page.open()
    seen = []

    def look_and_scroll():
        seen.extend(summary for summary in page.rows() if summary not in seen)
        page.scroll(15)
        return "Event 1" in seen

    page.wait(look_and_scroll)
    assert seen == [f"Event {number}" for number in range(500, 0, -1)]


def test_what_is_read_stays_in_its_place(page, collector):
    """While one has scrolled down, events that arrive are counted and move nothing."""
    send(collector, *numbered(300))
    page.open()
    page.scroll(100)
    page.wait(lambda: "Event 195" in page.rows())
    before = page.rows()
    send(collector, *numbered(5, first=301))
    page.wait(lambda: page.text("#news") == "↑ 5 new")
    assert page.rows() == before
    page.click("#news")
    page.wait(lambda: page.rows()[0] == "Event 305")
    assert not page.shown("#news")


def test_scrolling_back_to_the_top_follows_again(page, collector):
    """At the top, what arrived meanwhile is there, and what arrives next is shown."""
    send(collector, *numbered(300))
    page.open()
    page.scroll(100)
    page.wait(lambda: "Event 195" in page.rows())
    send(collector, *numbered(500, first=301))
    page.wait(lambda: page.shown("#news"))
    page.script("document.getElementById('list').scrollTop = 0")
    page.wait(lambda: page.rows()[0] == "Event 800")
    send(collector, {"summary": "next"})
    page.wait(lambda: page.rows()[0] == "next")


def test_scrolling_up_step_by_step_leaves_no_hole(page, collector):
    """Newer events are loaded above what is read, without a gap."""
    send(collector, *numbered(300))
    page.open()
    page.scroll(150)
    page.wait(lambda: "Event 145" in page.rows())
    send(collector, *numbered(400, first=301))
    page.wait(lambda: page.shown("#news"))
    seen, holes = set(), []

    def look_and_scroll():
        numbers = [int(summary.split()[1]) for summary in page.rows()]
        seen.update(numbers)
        page.scroll(-12)
        if numbers != list(range(numbers[0], numbers[0] - len(numbers), -1)):
            holes.append(numbers)
        return 700 in seen

    page.wait(look_and_scroll)
    assert holes == []
    assert seen >= set(range(145, 701))


def test_pause_and_resume(page, collector):
    """A paused page shows nothing new, says how much there is, and shows it when it is resumed."""
    send(collector, *numbered(2))
    page.open()
    page.click("#pause")
    assert (page.state, page.text("#pause-text")) == ("paused", "Paused")
    send(collector, *numbered(3, first=3))
    page.wait(lambda: page.text("#news") == "↑ 3 new")
    assert page.rows() == ["Event 2", "Event 1"]
    page.click("#pause")
    page.wait(lambda: len(page.rows()) == 5)
    assert page.state == "live"


def test_oldest_and_newest_end(page, collector):
    """The list can be read from its oldest end, too."""
    send(collector, *numbered(900))
    page.open()
    page.press("G")
    page.wait(lambda: page.rows()[-1] == "Event 1")
    page.wait(lambda: page.scroll(-10) or "Event 300" in page.rows())
    page.press("g")
    page.wait(lambda: page.rows()[0] == "Event 900")


def test_rows_say_what_mozdef_would_have_done(page, collector):
    """A dropped, a refused and a changed event are told apart from a stored one."""
    send(
        collector,
        {"summary": "fine"},
        {"summary": "lost", "timestamp": "no time"},
        {"summary": "changed", "severity": ["a", "list"]},
    )
    page.open()
    verdicts = dict(zip(page.rows(), page.texts(".row:not([hidden]) .verdict"), strict=True))
    assert verdicts["fine"] == ""
    assert verdicts["lost"] == "dropped"
    assert verdicts["changed"] != ""


def test_clearing_asks_first(page, collector):
    """All events are deleted, after a question that can be answered with no."""
    send(collector, *numbered(3))
    page.open()
    page.click("#clear")
    assert page.text("#clear-text").startswith("3 events will be deleted")
    page.click('#clear-dialog [value="cancel"]')
    page.wait(lambda: not page.shown("#clear-dialog"))
    assert (len(page.rows()), collector.received) == (3, 3)
    page.click("#clear")
    page.click('#clear-dialog [value="clear"]')
    page.wait(lambda: page.shown("#empty"))
    assert collector.documents() == []
    send(collector, complete({"summary": "next"}))
    page.wait(lambda: page.rows() == ["next"])
