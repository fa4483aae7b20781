"""The plots can be read: on a light and on a dark page, at the width of a README."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.browser import running_chromium

from benchmarks.plots import COLOURS, FOLDER

ROOT = Path(__file__).parents[2]
PLOTS = sorted(FOLDER.glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
# The narrowest page that shows them is the documentation site, whose text is 736 pixels wide.
WIDTH = 736
SMALLEST = 11


@pytest.fixture(params=PLOTS, ids=lambda path: path.stem)
def plot(request):
    return request.param.read_text("utf-8")


def test_all_of_them_are_shown():
    """Each plot is in RESULTS.rst, and each image there is a plot."""
    results = (FOLDER.parent / "RESULTS.rst").read_text("utf-8")
    shown = re.findall(r"^\.\. image:: plots/(.*)$", results, re.MULTILINE)
    assert sorted(shown) == [path.name for path in PLOTS]


def test_well_formed(plot):
    """A plot is XML with texts as texts, and needs nothing from elsewhere."""
    root = ET.fromstring(plot)
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f".//{SVG}text")) > 5
    links = [value for element in root.iter() for name, value in element.items() if "href" in name]
    assert [link for link in links if not link.startswith("#")] == []
    assert "@import" not in plot
    assert re.findall(r"url\((?!#)", plot) == []


def test_colours_of_both_schemes(plot):
    """All colours have a name, whose value depends on the colour scheme; there is a background."""
    style = plot[plot.index("<style") : plot.index("</style>")]
    assert "@media (prefers-color-scheme: dark)" in style
    for name, (light, dark) in COLOURS.items():
        assert f"--{name}: {light}" in style
        assert f"--{name}: {dark}" in style
    drawn = plot.replace(style, "")
    assert re.findall(r"(?:fill|stroke):(?! *(?:none|var\(--))[^;\"]+", drawn) == []
    assert "fill: var(--paper)" in drawn


def test_text_is_large_enough(plot):
    """The smallest text is 11 pixels high where the plot is shown narrowest."""
    width = float(ET.fromstring(plot).get("viewBox").split()[2])
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:[^;\"]*?([\d.]+)px", plot)]
    assert sizes
    assert min(sizes) * WIDTH / width >= SMALLEST


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "muted", "ours", "loss"])
def test_contrast(name, scheme):
    """Text has the contrast to the background that WCAG's level AA asks for."""
    light, dark = sorted(
        (luminance(COLOURS[each][scheme]) for each in (name, "paper")), reverse=True
    )
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.fixture(scope="module")
def chromium():
    with running_chromium() as driver:
        yield driver


@pytest.mark.browser
@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("chosen", ["auto", "light", "dark"])
def test_the_site_shows_the_scheme_that_is_chosen(chromium, tmp_path, system, chosen):
    """On the site a plot follows the switch of the page, and the system where it says "auto"."""
    expected = COLOURS["paper"][(system if chosen == "auto" else chosen) == "dark"]
    style, image = ROOT / "docs" / "_static" / "plots.css", FOLDER / "log_call.svg"
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": system}]},
    )
    look = "style='display: block; width: 300px; min-height: 50px'"
    pictures = []
    for content in (
        f"<img src='{image.as_uri()}' {look}>",
        f"<div {look.replace('display', f'background: {expected}; display')}></div>",
    ):
        page = tmp_path / "page.html"
        page.write_text(
            f"<!doctype html><link rel=stylesheet href='{style.as_uri()}'>"
            f"<body data-theme={chosen} style='margin: 0'>{content}"
        )
        chromium.get(page.as_uri())
        corner = {"x": 2, "y": 2, "width": 2, "height": 2, "scale": 1}
        picture = chromium.execute_cdp_cmd("Page.captureScreenshot", {"clip": corner})
        pictures.append(picture["data"])
    assert pictures[0] == pictures[1]
