"""What is selected on the page: by values, words, findings and time; the address keeps it."""

import json
from urllib.parse import parse_qs

import pytest
import requests
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from support.browser import numbered, send

pytestmark = pytest.mark.browser
pytest_plugins = ["support.browser"]

LISTS = {
    "severity": ("severity", "ERROR"),
    "category": ("category", "network"),
    "source": ("source", "openvpn"),
    "tag": ("tags", ["night"]),
    "hostname": ("hostname", "vpn1.example.com"),
}


@pytest.mark.parametrize("name", LISTS)
def test_filter_by_a_value(page, collector, name):
    """Each list at the side selects by its values, which it has with their numbers."""
    field, value = LISTS[name]
    chosen = value[0] if isinstance(value, list) else value
    send(collector, {"summary": "one"}, {"summary": "other", field: value}, {"summary": "third"})
    page.open()
    page.facet(name, chosen)
    page.wait(lambda: page.rows() == ["other"])
    assert parse_qs(page.query[1:]) == {name: [chosen]}
    page.wait(
        lambda: sorted(page.facets(name).values()) == ["1", "2"]
    )  # the others are still there
    page.facet(name, chosen)
    page.wait(lambda: len(page.rows()) == 3)
    assert page.query == ""


def test_two_values_of_a_list_mean_either(page, collector):
    """Of one list an event needs one of the values; of two lists one of each."""
    for severity in ("INFO", "WARNING", "ERROR"):
        send(collector, {"summary": severity, "severity": severity})
    send(collector, {"summary": "elsewhere", "severity": "ERROR", "category": "network"})
    page.open()
    page.facet("severity", "ERROR")
    page.facet("severity", "WARNING")
    page.wait(lambda: page.rows() == ["elsewhere", "ERROR", "WARNING"])
    page.facet("category", "network")
    page.wait(lambda: page.rows() == ["elsewhere"])


def test_search_for_words(page, collector):
    """What is typed is searched for in summaries and details."""
    send(
        collector,
        {"summary": "Log-in failed", "details": {"username": "mallory"}},
        {"summary": "User logged in"},
    )
    page.open()
    page.press("/")
    page.type("#text", "mallory")
    page.wait(lambda: page.rows() == ["Log-in failed"])
    assert page.query == "?text=mallory"
    page.escape()
    page.wait(lambda: len(page.rows()) == 2)


def test_only_what_mozdef_would_change(page, collector):
    """One switch leaves what would be dropped, renamed or mangled."""
    send(collector, {"summary": "fine"}, {"summary": "lost", "timestamp": "no time"})
    page.open()
    page.click("#flag-differing")
    page.wait(lambda: page.rows() == ["lost"])
    assert page.query == "?differing=true"


def test_only_what_is_not_stored(page, collector):
    """Another one leaves what the sender believes to be stored, and is not."""
    send(collector, {"summary": "fine"}, {"summary": "lost", "timestamp": "no time"})
    send(collector, {"summary": "changed", "severity": ["a", "list"]})
    page.open()
    page.click("#flag-lost")
    page.wait(lambda: page.rows() == ["lost"])


def test_filters_hold_for_what_arrives(page, collector):
    """An event that arrives is shown if the filters select it."""
    send(collector, {"summary": "old", "severity": "ERROR"})
    page.open("?severity=ERROR")
    send(collector, {"summary": "not me"}, {"summary": "me", "severity": "ERROR"})
    page.wait(lambda: page.rows() == ["me", "old"])


def test_reload_keeps_the_filters(page, collector):
    """The address has them all, so that a reload and a bookmark show the same."""
    send(collector, {"summary": "one"}, {"summary": "two words", "severity": "ERROR"})
    page.open("?severity=ERROR&tag=vpn&text=words")
    for _ in range(2):
        assert page.rows() == ["two words"]
        assert len(page.texts("#chosen .chip")) == 3
        assert page.script("return document.getElementById('text').value") == "words"
        page.reload()


def test_filters_can_be_taken_away(page, collector):
    """What is selected stands above the list, and goes one by one or at once."""
    send(collector, {"summary": "one"}, {"summary": "two", "severity": "ERROR"})
    page.open("?severity=ERROR&tag=vpn&differing=true")
    assert page.shown("#empty")
    page.click("#chosen .chip:nth-child(3)")
    page.wait(lambda: page.rows() == ["two"])
    page.click("#chosen .more")
    page.wait(lambda: len(page.rows()) == 2)
    assert page.query == ""


def test_bad_filter_is_explained(page, collector):
    """What the collector says about a filter that it does not accept is shown."""
    send(collector, {"summary": "one"})
    page.driver.get(f"{collector.base_url}/?since=yesterday")
    page.wait(lambda: "since is 'yesterday'" in (page.text("#toast") or ""))


def test_back_goes_to_the_event_before(page, collector):
    """The browser's button leaves an open event, and the filters stay."""
    send(collector, {"summary": "one", "severity": "ERROR"})
    page.open("?severity=ERROR")
    page.open_row()
    page.driver.back()
    page.wait(lambda: not page.shown("#event"))
    assert (page.rows(), page.query) == (["one"], "?severity=ERROR")


def test_histogram_counts_by_severity(page, collector):
    """The picture over time has a description with the numbers, and a shape for each severity."""
    send(collector, *numbered(3), {"severity": "ERROR"}, {"severity": "my own"})
    page.open()
    page.wait(lambda: "5 events from" in page.attribute("#histogram svg", "aria-label"))
    label = page.attribute("#histogram svg", "aria-label")
    for part in ("INFO 3", "ERROR 1", "MY OWN 1"):
        assert part in label
    shapes = page.script(
        "return [...document.querySelectorAll('#histogram path')]"
        ".filter((path) => path.getAttribute('d')).map((path) => path.getAttribute('class'))"
    )
    assert shapes == ["bar-error", "bar-info", "bar-other"]


def test_brush_selects_a_time(page, collector):
    """Dragging over the histogram selects what arrived then."""
    send(collector, *numbered(2))
    page.open("?since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z")
    page.wait(lambda: "2 events" in page.attribute("#histogram svg", "aria-label"))
    svg = page.driver.find_element(By.CSS_SELECTOR, "#histogram svg")
    width = svg.size["width"]
    actions = ActionChains(page.driver, duration=0)
    actions.move_to_element_with_offset(svg, -width // 2 + 20, 0).click_and_hold()
    actions.move_by_offset(50, 0).release().perform()
    page.wait(lambda: page.shown("#empty"))  # years in which nothing arrived
    query = parse_qs(page.query[1:])
    assert "2020" <= query["since"][0] < query["until"][0] < "2030"
    page.click("#chosen .chip")
    page.wait(lambda: len(page.rows()) == 2)
    page.wait(lambda: "2 events" in page.attribute("#histogram svg", "aria-label"))


def test_time_can_be_typed(page, collector):
    """Who cannot drag types the time into two fields."""
    send(collector, *numbered(2))
    page.open()
    page.script(
        """const field = document.querySelector(".times input");
        field.value = "2050-01-01T00:00:07";
        field.dispatchEvent(new Event("change"));"""
    )
    page.wait(lambda: page.shown("#empty"))
    assert parse_qs(page.query[1:]) == {"since": ["2050-01-01T00:00:07Z"]}
    page.click("#chosen .chip")
    page.wait(lambda: len(page.rows()) == 2)
    assert page.script("return document.querySelector('.times input').value") == ""


def test_click_on_a_bar_selects_its_time(page, collector):
    """A click selects one bar of the histogram."""
    send(collector, *numbered(2))
    page.open("?since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z")
    page.wait(lambda: "2 events" in page.attribute("#histogram svg", "aria-label"))
    bar = page.script(
        """const box = document.querySelector("#histogram .bar-info").getBBox();
        const svg = document.querySelector("#histogram svg").getBoundingClientRect();
        return Math.round(svg.left + box.x + box.width / 2) + 1"""
    )
    top = page.script("return document.querySelector('#histogram svg').getBoundingClientRect().top")
    actions = ActionChains(page.driver, duration=0)
    actions.w3c_actions.pointer_action.move_to_location(bar, int(top) + 30).click()
    actions.perform()
    page.wait(lambda: "2020" not in page.query)
    assert len(page.rows()) == 2


def test_download_has_what_the_filters_select(page, collector):
    """The link's file has one JSON object on a line, of the selected events only."""
    send(collector, {"summary": "one"}, {"summary": "two", "severity": "ERROR"})
    page.open("?severity=ERROR")
    assert page.attribute("#download", "download") == "events.ndjson"
    address = page.script("return document.getElementById('download').href")
    (line,) = requests.get(address, timeout=10).text.splitlines()
    assert json.loads(line)["stored"]["summary"] == "two"


def test_download_saves_a_file(page, collector, tmp_path):
    """A click saves the file."""
    send(collector, *numbered(3))
    page.open()
    page.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("#download")
    file = tmp_path / "events.ndjson"
    page.wait(lambda: len(file.read_text().splitlines()) == 3 if file.exists() else False)
