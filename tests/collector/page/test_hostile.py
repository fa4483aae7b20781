"""What an attacker writes into events is only ever text on the page."""

import pytest
from support.browser import event_text, send, send_body

pytestmark = pytest.mark.browser
pytest_plugins = ["support.browser"]

MARKUP = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<svg onload=alert(1)><iframe src='http://evil.example.com/'></iframe>",
    "</bdi></div><base href='http://evil.example.com/'><meta http-equiv=refresh content='0;url=/'>",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} javascript:alert(1)",
    "<style>*{background:url(http://evil.example.com/)}</style>",
    "<template><link rel=stylesheet href=http://evil.example.com/></template>",
)
FIELDS = ("summary", "severity", "category", "source", "hostname", "processname", "processid")
DANGEROUS = (
    "script[src^='http'], img:not(.brand img), iframe, base, meta[http-equiv], object, embed"
)


def hostile_event(text):
    event = dict.fromkeys(FIELDS, text)
    return {**event, "tags": [text], "details": {text: text, "list": [text, {text: [text]}]}}


def test_markup_is_only_text(page, collector):
    """Scripts and markup, in every field and name, make no element, no dialog and no request."""
    send(collector, *map(hostile_event, MARKUP))
    for text in MARKUP:
        send_body(collector, text)  # which is no JSON
    page.open()
    page.requested()  # of the tests before
    page.complaints()
    page.wait(lambda: len(page.rows()) == 2 * len(MARKUP))
    page.wait(lambda: page.facets("tag"))
    for index in range(len(MARKUP) * 2):
        page.click_row(index)
        page.wait(lambda index=index: page.text("#event h2") == f"Event {2 * len(MARKUP) - index}")
    for text in MARKUP:
        assert text in page.script("return document.body.textContent") or text in "".join(
            page.facets("tag")
        )
    assert page.script("return window.hacked ?? null") is None
    assert page.script("return document.querySelectorAll(arguments[0]).length", DANGEROUS) == 0
    assert page.script("return document.scripts.length") == 1
    assert [url for url in page.requested() if not url.startswith(collector.base_url)] == []
    assert page.complaints() == []


def test_filter_with_markup_is_only_text(page, collector):
    """So are values that are selected, and come in by the address."""
    send(collector, hostile_event(MARKUP[1]))
    page.open("?text=%3Cimg%20src=x%20onerror=%22window.hacked=1%22%3E&tag=%3Cb%3Ex%3C/b%3E")
    assert "<b>x</b>" in page.text("#chosen")
    assert page.script("return document.querySelectorAll('#chosen img, #chosen b').length") == 0


def test_control_characters_are_shown(page, collector):
    """What cannot be seen is shown as its escape, marked so that it is not taken for text."""
    send(collector, {"summary": "a\x00b\x1b[31mc\nd\x7fe\u200bf\ue000"})
    page.open()
    assert page.rows() == ["a\\u0000b\\u001b[31mc\\nd\\u007fe\\u200bf\ue000"]
    marks = page.texts(".row:not([hidden]) .mark")
    assert marks == ["\\u0000", "\\u001b", "\\n", "\\u007f", "\\u200b"]


def test_blank_letters_are_shown(page, collector):
    """So are letters and signs that are blank, by which two names could look the same."""
    send(collector, {"summary": "ad\u3164min\u115f\u2800\u034f\U0001d173 \u2764\ufe0f"})
    page.open()
    assert page.rows() == ["ad\\u3164min\\u115f\\u2800\\u034f\\ud834\\udd73 \u2764\ufe0f"]


def test_direction_of_text_is_isolated(page, collector):
    """Overrides have no effect but are shown, and foreign scripts do not turn their neighbours."""
    send(
        collector,
        {"summary": "\u202euser\u202c \u05d0\u05d1\u05d2 123", "hostname": "\u05d0\u05d1"},
    )
    page.open()
    assert "\\u202euser\\u202c" in page.rows()[0]
    kinds = page.script(
        """return [".source", ".summary", ".severity", ".tag"].map((selector) =>
        getComputedStyle(document.querySelector(`.row:not([hidden]) ${selector}`)).unicodeBidi)"""
    )
    assert kinds == ["isolate"] * 4


def test_halves_of_surrogate_pairs(page, collector):
    """Text that is not Unicode is shown, too."""
    send(collector, event_text({"summary": "x"}).replace('"x"', r'"half \ud800 of \udfff a pair"'))
    page.open()
    assert page.rows() == ["half \\ud800 of \\udfff a pair"]


def test_text_of_nothing_visible(page, collector):
    """100,000 characters that cannot be seen are not 100,000 elements."""
    send(collector, {"details": {"text": "\x01" * 100_000}})
    page.open()
    page.open_row()
    page.click("#event .cell .more")
    page.wait(lambda: len(page.text("#event .compare")) > 600_000)
    assert page.script("return document.querySelectorAll('#event *').length") < 2000


def test_many_values_are_not_many_elements(page, collector):
    """Thousands of tags and sources are a few at the side, and more when they are asked for."""
    send(collector, *({"tags": [f"tag{number}"], "source": f"s{number}"} for number in range(999)))
    page.open()
    page.wait(lambda: len(page.facets("tag")) == 8)
    page.click(".group:has(#facet-tag) .more")
    page.wait(lambda: 8 < len(page.facets("tag")) <= 200)


def test_policy_allows_nothing_inline(page, collector):
    """The browser itself would refuse scripts and styles that are written into the page."""
    page.open()
    page.complaints()
    page.script(
        """const script = document.createElement("script");
        script.textContent = "window.hacked = 1";
        document.body.append(script);
        document.body.setAttribute("style", "color: red");
        const image = document.createElement("img");
        image.src = "http://evil.example.com/x.png";
        document.body.append(image);"""
    )
    page.wait(lambda: page.complaints() != [])
    assert page.script("return window.hacked ?? null") is None
    assert page.script("return getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
