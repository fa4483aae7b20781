"""One event, opened: sent beside stored, and each difference with its reason where it happens."""

import json

import pytest
from support.browser import event_text, numbered, send, send_body

pytestmark = pytest.mark.browser
pytest_plugins = ["support.browser"]


def open_first(page, collector, *events):
    send(collector, *events)
    page.open()
    page.open_row()


def lines(page):
    """The lines of the comparison: (state, as sent, as stored)."""
    return page.script(
        """return [...document.querySelectorAll(".compare .line")].map((line) =>
        [line.dataset.state, ...[...line.children].map((cell) => cell.textContent)])"""
    )


def test_stored_event(page, collector):
    """Equal values stand side by side, and what MozDef adds stands on its side only."""
    open_first(page, collector, {"summary": "hello"})
    assert "Stored" in page.text("#event .facts")
    shown = lines(page)
    assert ["same", 'summary: "hello"', 'summary: "hello"'] in shown
    assert any(state == "added" and "mozdefhostname" in stored for state, _, stored in shown)
    assert page.texts("#event .note") == []


def test_reason_stands_below_its_line(page, collector):
    """A value that MozDef would change is shown with both values, and why below it."""
    open_first(page, collector, {"tags": "vpn"})
    (note,) = page.texts("#event .note")
    (difference,) = collector.differences()
    assert difference.kind in note
    assert difference.reason in note
    before = page.script(
        "return document.querySelector('#event .note').previousElementSibling.textContent"
    )
    assert before.startswith("tags")


def test_renamed_field_stands_beside_its_new_name(page, collector):
    """A field that is stored under another name is one line with both names."""
    open_first(page, collector, {"eventsource": "x"} | {"process_id": 12, "Severity": "ERROR"})
    renamed = [line for line in lines(page) if line[0] == "noted" and line[1] and line[2]]
    kinds = {entry.kind for entry in collector.differences()}
    assert ("renamed" in kinds) == bool(renamed)


def test_dropped_event(page, collector):
    """Of an event that MozDef loses there is nothing beside it, but the reason."""
    open_first(page, collector, {"timestamp": "no time"})
    assert "MozDef loses it" in page.text("#event .facts")
    assert "Nothing is stored" in page.text("#event .heads")
    (difference,) = collector.differences()
    assert difference.reason in page.text("#event .reasons")
    assert difference.reason in page.text("#event .note")


def test_what_is_no_json(page, collector):
    """A body that cannot be read is shown as it came."""
    send_body(collector, "{this is no JSON")
    page.open()
    page.open_row()
    assert "{this is no JSON" in page.text("#event .unparsed")


def test_numbers_keep_their_digits(page, collector):
    """Integers that JavaScript would round, and names that are there twice, are shown as sent."""
    text = event_text({"summary": "x"})[:-1] + ', "n": 12345678901234567890, "n": 1e3}'
    open_first(page, collector, text)
    sent = [line[1] for line in lines(page)]
    assert "n: 12345678901234567890" in sent
    assert "n: 1e3" in sent


def test_copy_as_json(page, collector):
    """The whole event, or one side of it, gets into the clipboard as JSON."""
    page.command("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    open_first(page, collector, {"summary": "hello"})
    buttons = {"Copy as JSON": "sent", "Copy what is sent": "summary"}
    for name, field in buttons.items():
        page.click(f'#event [aria-label="{name}"]')
        page.wait(lambda name=name: page.text(f'#event [aria-label="{name}"]') == "Copied")
        copied = page.driver.execute_async_script(
            "navigator.clipboard.readText().then(arguments[0])"
        )
        assert field in json.loads(copied)


def test_link_opens_the_event(page, collector):
    """The address with the number of the event opens it, in this window or another one."""
    page.command("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    send(collector, *numbered(3))
    page.open()
    page.open_row(1)
    assert page.hash == "#event=2"
    page.click('#event [aria-label="Copy link"]')
    page.wait(lambda: page.text('#event [aria-label="Copy link"]') == "Copied")
    link = page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    page.driver.get("about:blank")
    page.driver.get(link)
    page.wait(lambda: page.text("#event .headline .summary") == "Event 2")


def test_link_to_an_event_that_is_gone(page, collector):
    """An event that is not stored any more is said to be so."""
    send(collector, *numbered(1))
    page.open("#event=999")
    page.wait(lambda: "not stored any more" in page.text("#event"))
    page.click("#event .close")
    assert not page.shown("#event")


def test_reload_keeps_the_event_open(page, collector):
    """The open event stands in the address."""
    open_first(page, collector, *numbered(2))
    page.reload()
    page.wait(lambda: page.text("#event .headline .summary") == "Event 2")


def test_steps_to_the_neighbours(page, collector):
    """The buttons of the open event go to the older and the newer one."""
    open_first(page, collector, *numbered(3))
    page.click('#event [aria-label^="Older"]')
    page.wait(lambda: page.text("#event .headline .summary") == "Event 2")
    page.click('#event [aria-label^="Newer"]')
    page.wait(lambda: page.text("#event .headline .summary") == "Event 3")


def test_long_text_is_cut(page, collector):
    """Of 100,000 characters the first ones are shown, and all when they are asked for."""
    open_first(page, collector, {"details": {"text": "x" * 100_000}})
    assert len(page.text("#event .compare")) < 10_000
    page.click("#event .compare .cell .more")
    page.wait(lambda: len(page.text("#event .compare")) > 100_000)


def test_many_lines_are_shown_in_parts(page, collector):
    """An event of thousands of lines is shown from its beginning, and further when asked."""
    open_first(page, collector, {"details": {f"n{number}": number for number in range(2000)}})
    assert len(lines(page)) == 400
    page.click("#event .compare > .more")
    page.wait(lambda: len(lines(page)) == 800)


@pytest.mark.parametrize("depth", [200, 100_000])
def test_deep_event(page, collector, depth):
    """An event that is nested deeper than any stack is shown, and can be copied."""
    page.command("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    event = event_text({"summary": "deep"})[:-1]
    send_body(collector, f'{event}, "deep": {"[" * depth}1{"]" * depth}}}')
    page.open()
    page.open_row()
    assert 'summary: "deep"' in [line[1] for line in lines(page)]
    page.click('#event [aria-label="Copy as JSON"]')
    page.wait(lambda: page.text('#event [aria-label="Copy as JSON"]') == "Copied")
