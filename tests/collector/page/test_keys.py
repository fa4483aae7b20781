"""The keyboard on the page."""

import pytest
from selenium.webdriver.common.keys import Keys
from support.browser import numbered, send

pytestmark = pytest.mark.browser
pytest_plugins = ["support.browser"]


@pytest.fixture
def five(page, collector):
    send(collector, *numbered(5))
    return page.open()


def active(page):
    return page.text(".row.active .summary")


def opened(page):
    return page.text("#event .headline .summary")


def test_moving_and_opening(five):
    """J and k move, Enter opens, and Escape closes and goes back to the list."""
    five.press("j")
    five.wait(lambda: active(five) == "Event 5")
    five.press("j", "j", "k")
    five.wait(lambda: active(five) == "Event 4")
    five.press(Keys.ENTER)
    five.wait(lambda: opened(five) == "Event 4")
    assert five.focused("#event .body")
    five.press("j")
    five.wait(lambda: opened(five) == "Event 3")
    five.escape()
    assert not five.shown("#event")
    assert five.focused("#list")
    assert active(five) == "Event 3"


def test_open_event_is_scrolled_by_keys(page, collector):
    """What is opened with Enter can be read to its end by keys, and the next one as well."""
    send(collector, *({"details": {f"n{line}": line for line in range(200)}} for _ in range(2)))
    page.open()
    page.press("j", Keys.ENTER)
    for number in (2, 1):
        page.wait(lambda number=number: page.text("#event h2") == f"Event {number}")
        page.press(Keys.END)
        page.wait(
            lambda: page.script("return document.querySelector('#event .body').scrollTop") > 1000
        )
        page.press("j")


def test_buttons_of_the_event_keep_the_focus(five):
    """Who goes on with a button of the open event can press it again."""
    five.open_row()
    five.script("document.querySelector('#event [aria-label^=Older]').focus()")
    for number in (4, 3):
        five.press(Keys.ENTER)
        five.wait(lambda number=number: opened(five) == f"Event {number}")
        assert five.focused("#event [aria-label^=Older]")


def test_arrows_in_the_list(five):
    """The list is one stop of the Tab key, and the arrows move in it."""
    five.script("document.getElementById('list').focus()")
    five.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    five.wait(lambda: active(five) == "Event 4")
    described = five.attribute("#list", "aria-activedescendant")
    assert five.text(f"#{described} .summary") == "Event 4"


def test_keys_bring_the_row_into_view(page, collector):
    """Whoever goes on with the keys never leaves the window."""
    send(collector, *numbered(300))
    page.open()
    for _ in range(30):
        page.press("j")
    page.wait(lambda: active(page) == "Event 271")
    box = page.script(
        """const row = document.querySelector(".row.active").getBoundingClientRect();
        const list = document.getElementById("list").getBoundingClientRect();
        return row.top >= list.top - 1 && row.bottom <= list.bottom + 1"""
    )
    assert box


def test_search_is_a_key_away(five):
    """A slash goes to the search, in which keys are letters, and Escape leaves it."""
    five.press("/")
    assert five.focused("#text")
    five.press("j", "?")
    assert five.script("return document.getElementById('text').value") == "j?"
    five.wait(lambda: five.query == "?text=j%3F")
    five.escape()
    assert five.focused("#list")
    five.wait(lambda: five.query == "" and len(five.rows()) == 5)


def test_space_pauses(five):
    """The space bar pauses and resumes; on a button it presses the button."""
    five.press(Keys.SPACE)
    assert five.state == "paused"
    five.press(Keys.SPACE)
    five.wait(lambda: five.state == "live")
    five.script("document.getElementById('help').focus()")
    five.press(Keys.SPACE)
    assert five.shown("#help-dialog")
    assert five.state == "live"


def test_differences_are_a_key_away(five):
    """D switches to what MozDef would change, and back."""
    five.press("d")
    five.wait(lambda: five.query == "?differing=true")
    five.press("d")
    five.wait(lambda: five.query == "")


def test_help_lists_the_keys(five):
    """A question mark opens the list of keys; in it, keys do nothing else, and Escape closes it."""
    five.press("?")
    assert five.shown("#help-dialog")
    assert {"j ↓", "Enter", "/", "Space", "Esc"} <= set(five.texts("#keys dt"))
    five.press("j", "d")
    five.escape()
    five.wait(lambda: not five.shown("#help-dialog"))
    assert (active(five), five.query) == (None, "")


def test_keys_can_be_switched_off(five):
    """Single keys can be switched off, which a reload keeps; others still work."""
    five.click("#help")
    five.click("#keys-on")
    five.escape()
    five.reload()
    five.press("j", "d")
    assert (active(five), five.query) == (None, "")
    five.open_row()
    five.escape()
    assert not five.shown("#event")


def test_keys_with_modifiers_are_the_browsers(five):
    """What belongs to the browser, such as Ctrl-D, is left to it."""
    five.script(
        """document.dispatchEvent(new KeyboardEvent("keydown", {key: "d", ctrlKey: true}));"""
    )
    assert five.query == ""
