"""Takes the pictures of the collector's page for the documents: ``screenshots.py FOLDER``.

``make screenshots`` runs it. It plays the traffic of ``demo --serve`` for half a minute.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.browser import Page, running_chromium

from structlog_mozdef.collector import running_collector

TRAFFIC = """
import sys
from structlog_mozdef.cli.demo_traffic import main
main(sys.argv[1], pace=0.5, scenes=13)
"""
PICTURES = (("page", "light"), ("event", "light"), ("event", "dark"))
SIZE = (1280, 760)
# The script of the old kind posts this one, of which MozDef stores less than was sent.
CHANGED = "Backup started"


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with running_collector() as collector, running_chromium() as driver:
        subprocess.run([sys.executable, "-c", TRAFFIC, collector.url], check=True)
        page = Page(driver, collector)
        page.size(*SIZE, scale=1.5)
        for name, scheme in PICTURES:
            page.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
            page.open()
            if name == "event":
                numbers = [row.number for row in collector.rows() if CHANGED in row.raw]
                page.open(f"#event={numbers[-1]}")
                page.wait(lambda: page.texts("#event .note"))
            page.wait(lambda: page.texts("#filters .facet"))
            page.wait(lambda: page.attribute("#histogram .bar-info", "d"))
            page.wait(lambda: "nothing missing" in page.text("#streams"))
            save(page, folder / f"{name}-{scheme}.png")


def save(page: Page, path: Path) -> None:
    page.wait(lambda: page.script("return document.fonts.status") == "loaded")
    picture = page.command("Page.captureScreenshot", format="png")["data"]
    path.write_bytes(base64.b64decode(picture))
    print(f"{path}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
