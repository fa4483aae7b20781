"""A real browser, Debian's Chromium, and what tests do with the collector's page in it."""

from __future__ import annotations

import contextlib
import json
import shutil
from datetime import UTC, datetime

import pytest
import requests
from selenium import webdriver
from selenium.common.exceptions import JavascriptException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from support.running import wait_for

OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which root needs
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--force-color-profile=srgb",
)
WIDE = (1440, 900)
NARROW = (390, 800)


@pytest.fixture(scope="module")
def chromium():
    """A browser for all tests of a module."""
    with running_chromium() as driver:
        yield driver


@pytest.fixture
def page(chromium, collector):
    """The page of a new collector, in a window of 1440 x 900 pixels."""
    page = Page(chromium, collector)
    page.size(*WIDE)
    yield page
    page.driver.get("about:blank")  # which closes its connections
    page.driver.execute_cdp_cmd("Storage.clearDataForOrigin", page.origin_data())


@contextlib.contextmanager
def running_chromium():
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    assert all(programs), "Chromium or its driver is missing; sh .ci/servers installs them"
    options = webdriver.ChromeOptions()
    for option in OPTIONS:
        options.add_argument(option)
    options.binary_location = programs[0]
    # An open dialog would be an error of the next command, which names it.
    options.unhandled_prompt_behavior = "ignore"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(programs[1]))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page, as somebody sees and uses it."""

    def __init__(self, driver, collector):
        self.driver = driver
        self.collector = collector

    def open(self, query=""):
        """Load the page, and wait until it has its events and follows."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.collector.base_url}/{query}")
        self.wait(lambda: self.state == "live" and (self.rows() or self.shown("#empty")))
        return self

    def reload(self):
        self.driver.refresh()
        self.wait(lambda: self.state == "live" and (self.rows() or self.shown("#empty")))

    # -- what is there

    @property
    def state(self):
        return self.attribute("#pause", "data-state")

    def rows(self):
        """The summaries of the rows that are elements now, from the top."""
        return self.script(
            """return [...document.querySelectorAll(".row:not([hidden])")]
            .sort((a, b) => a.dataset.index - b.dataset.index)
            .map((row) => row.querySelector(".summary").textContent)"""
        )

    def row(self, index=0):
        """The text of a row."""
        return self.text(f'.row[data-index="{index}"]:not([hidden])')

    def text(self, selector):
        return self.script(
            "return document.querySelector(arguments[0])?.textContent ?? null", selector
        )

    def texts(self, selector):
        return self.script(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)",
            selector,
        )

    def attribute(self, selector, name):
        return self.script(
            "return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? null",
            selector,
            name,
        )

    def shown(self, selector):
        return self.script(
            "return document.querySelector(arguments[0])?.checkVisibility() ?? false", selector
        )

    def focused(self, selector):
        return self.script(
            "return document.activeElement === document.querySelector(arguments[0])", selector
        )

    @property
    def query(self):
        return self.script("return location.search")

    @property
    def hash(self):
        return self.script("return location.hash")

    def totals(self):
        names = self.texts("#totals dt")
        return dict(zip(names, self.texts("#totals dd"), strict=True))

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    # -- what one does

    def click(self, selector):
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def click_row(self, index=0):
        selector = f'.row[data-index="{index}"]:not([hidden])'
        self.wait(lambda: self.shown(selector))  # a frame may draw it later
        self.click(selector)

    def type(self, selector, text):
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(text)

    def press(self, *keys):
        """Press keys wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def escape(self):
        self.press(Keys.ESCAPE)

    def scroll(self, rows):
        """Scroll the list, and wait until that is drawn."""
        self.driver.execute_async_script(
            """const [rows, done] = arguments;
            document.getElementById("list").scrollTop += rows * 30;
            requestAnimationFrame(() => requestAnimationFrame(done));""",
            rows,
        )

    def facet(self, name, value):
        """Switch a value of a filter at the side."""
        self.wait(lambda: value in self.facets(name))
        self.script(
            """[...document.querySelectorAll(`ul[aria-labelledby="facet-${arguments[0]}"] button`)]
            .find((button) => button.dataset.value === arguments[1]).click()""",
            name,
            value,
        )

    def facets(self, name):
        """The values of a filter, with their numbers."""
        return self.script(
            """return Object.fromEntries(
            [...document.querySelectorAll(`ul[aria-labelledby="facet-${arguments[0]}"] button`)]
            .map((button) => [button.dataset.value, button.lastElementChild.textContent]))""",
            name,
        )

    def open_row(self, index=0):
        """Click a row, and wait for its event."""
        self.click_row(index)
        self.wait(lambda: self.shown("#event .event-bar"))

    # -- the browser

    def wait(self, condition, timeout=20):
        """Wait until a condition is true; what fails meanwhile is tried again."""

        def holds():
            try:
                return condition()
            except (JavascriptException, WebDriverException, TypeError):
                return False

        assert wait_for(holds, timeout), f"not within {timeout} s: {self.snapshot()}"

    def snapshot(self):
        return self.driver.find_element(By.TAG_NAME, "body").text[:1500]

    def size(self, width, height, scale=1):
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def prefer(self, **features):
        """Set media features, such as ``prefers_color_scheme="dark"``."""
        chosen = [
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()
        ]
        self.command("Emulation.setEmulatedMedia", features=chosen)

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def origin_data(self):
        return {"origin": self.collector.base_url, "storageTypes": "local_storage"}

    def complaints(self):
        """What the browser has complained about since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self):
        """The addresses that the browser has asked for since the last call."""
        messages = (
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        )
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]


def send(collector, *events):
    """Let the collector receive events, in this order."""
    lines = "".join(f'{{"index": {{}}}}\n{event_text(event)}\n' for event in events)
    answer = requests.post(collector.bulk_url, data=lines.encode("utf-8", "surrogatepass"))
    assert answer.status_code == 200


def send_body(collector, body):
    """Let the collector receive what may be no event, whatever it answers."""
    requests.post(collector.url, data=body.encode())


def event_text(event):
    return event if isinstance(event, str) else json.dumps(complete(event))


def complete(event):
    """Return an event with what MozDef expects of one."""
    return {
        "timestamp": datetime.now(UTC).isoformat(),
        "hostname": "web1.example.com",
        "processname": "accounts",
        "processid": "4711",
        "severity": "INFO",
        "category": "authentication",
        "source": "accounts",
        "summary": "User logged in",
        "tags": ["vpn"],
        "details": {"username": "kang"},
        **event,
    }


def numbered(count, first=1, **fields):
    return [{"summary": f"Event {number}", **fields} for number in range(first, first + count)]
