"""The page for those who do not see it, see it dark, see it small, or want nothing to move."""

import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver.common.keys import Keys
from support.browser import NARROW, WIDE, numbered, send

pytestmark = pytest.mark.browser
pytest_plugins = ["support.browser"]

SCROLLS_SIDEWAYS = (
    "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
)


@pytest.fixture
def filled(page, collector):
    """Events of every severity and every verdict."""
    severities = ("EMERGENCY", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG", "MINE")
    send(collector, *({"summary": severity, "severity": severity} for severity in severities))
    send(
        collector,
        {"summary": "lost", "timestamp": "no time"},
        {"summary": "a\x07b", "details": {"list": [1, None, {"x": "\u202e"}], "long": "x" * 9000}},
        {"summary": "changed", "tags": "vpn", "severity": ["a"], "unknown": {"a": 1}},
    )
    yield page.open()
    page.prefer(prefers_color_scheme="light", prefers_reduced_motion="no-preference")


def problems(page):
    found = Axe().run(page.driver)["violations"]
    return [
        (violation["id"], violation["help"], [node["target"] for node in violation["nodes"]][:5])
        for violation in found
    ]


def show(page, what):
    match what:
        case "event":
            page.open_row()
        case "dropped event":
            page.open_row(2)
        case "filters":
            page.facet("severity", "ERROR")
            page.facet("severity", "WARNING")
            page.wait(lambda: page.shown("#chosen"))
        case "paused":
            page.press(Keys.SPACE)
            send(page.collector, *numbered(2))
            page.wait(lambda: page.shown("#news"))
        case "streams" | "clear" | "help":
            page.click(f"#{what}")
        case "nothing":
            page.open("?text=nothinglikethis")


@pytest.mark.parametrize(
    "what",
    ["list", "event", "dropped event", "filters", "paused", "streams", "clear", "help", "nothing"],
)
def test_axe_finds_nothing(filled, what):
    """Every state of the page passes the rules of axe, contrasts included, light and dark."""
    show(filled, what)
    for scheme in ("light", "dark"):
        filled.prefer(prefers_color_scheme=scheme)
        assert problems(filled) == []


@pytest.mark.parametrize("what", ["list", "event", "filters"])
def test_axe_finds_nothing_on_a_narrow_screen(filled, what):
    """So does the page on a telephone."""
    filled.size(*NARROW)
    if what == "filters":
        filled.click("#show-filters")
        assert filled.shown("#facet-severity")
    else:
        show(filled, what)
    assert problems(filled) == []


def test_nothing_is_wider_than_the_window(filled):
    """No width makes one scroll sideways, with an event open or without."""
    for width in (320, 390, 600, 900, 1100, WIDE[0]):
        filled.size(width, 700)
        filled.wait(lambda: len(filled.rows()) > 5)
        assert not filled.script(SCROLLS_SIDEWAYS)
        filled.open_row()
        assert not filled.script(SCROLLS_SIDEWAYS)
        box = filled.script(
            "const box = document.getElementById('event').getBoundingClientRect();"
            "return [box.left >= 0, box.right <= innerWidth, box.width >= 300]"
        )
        assert box == [True, True, True]
        filled.escape()


def test_narrow_screen_shows_the_event_alone(filled):
    """On a narrow screen an open event takes the place of the list, and leaves it again."""
    filled.size(*NARROW)
    filled.open_row()
    assert not filled.shown("#list")
    filled.click("#event .close")
    assert filled.shown("#list")


def test_filters_of_a_narrow_screen(filled):
    """There the filters are behind a button, which says whether they are shown."""
    filled.size(*NARROW)
    assert not filled.shown("#facet-severity")
    filled.click("#show-filters")
    assert filled.attribute("#show-filters", "aria-expanded") == "true"
    filled.facet("severity", "ERROR")
    filled.escape()
    assert not filled.shown("#facet-severity")
    filled.wait(lambda: filled.rows() == ["ERROR"])


def test_colours_follow_the_system(filled):
    """A dark system has a dark page."""
    ground = "return getComputedStyle(document.body).backgroundColor"
    filled.prefer(prefers_color_scheme="light")
    light = filled.script(ground)
    filled.prefer(prefers_color_scheme="dark")
    assert filled.script(ground) != light


def test_nothing_moves_where_that_is_wished(filled):
    """With reduced motion there is no animation."""
    animations = "return document.getAnimations().length"
    filled.wait(lambda: filled.script(animations) > 0)
    filled.prefer(prefers_reduced_motion="reduce")
    filled.wait(lambda: filled.script(animations) == 0)


def test_landmarks(filled):
    """A screen reader finds its way: banner, search, navigation, main, and the skip link."""
    for selector in ("header", "search", "nav[aria-label]", "main", "[role=status][aria-live]"):
        assert filled.script("return document.querySelectorAll(arguments[0]).length", selector) == 1
    filled.script("document.getElementById('skip').focus()")
    filled.press(Keys.ENTER)
    assert filled.focused("#list")


def test_arrivals_are_announced_now_and_then(filled, collector):
    """A screen reader is told how many events arrived, politely and not for each."""
    assert filled.attribute("#announcements", "aria-live") == "polite"
    filled.script(
        """window.said = [];
        new MutationObserver(() => said.push(document.getElementById("announcements").textContent))
            .observe(document.getElementById("announcements"), {childList: true});"""
    )
    for number in range(20):
        send(collector, *numbered(1, first=number))
    filled.wait(lambda: filled.script("return said") != [], timeout=30)
    said = filled.script("return said")
    assert len(said) == 1
    assert said[0].endswith("new events")


def test_pause_says_what_it_does(filled):
    """The button has its state and what it does as its name, which begins with what is seen."""
    name = "return document.getElementById('pause').getAttribute('aria-label')"
    for expected in ("Live: pause", "Paused: resume", "Live: pause"):
        filled.wait(lambda expected=expected: filled.script(name) == expected)
        assert expected.startswith(filled.text("#pause"))
        filled.click("#pause")
