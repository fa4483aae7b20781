"""The reference pages have what the code has: no more, and no less."""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

import structlog

import structlog_mozdef as mozdef
from structlog_mozdef.buffers.base import LOSS_REASONS, error_reason
from structlog_mozdef.rendering.fields import FIELDS
from structlog_mozdef.testing import capture_events

ROOT = Path(__file__).parents[2]
SOURCES = "".join(
    path.read_text("utf-8") for path in sorted((ROOT / "structlog_mozdef").rglob("*.py"))
)


def page(name):
    return (ROOT / "docs" / f"{name}.rst").read_text("utf-8")


def first_cells(text, heading):
    """What stands in double backticks in the first column of the table with this heading."""
    table = text[re.search(rf"^{heading}  ", text, re.MULTILINE).start() :]
    border = re.search(r"^=+", table, re.MULTILINE)
    _, body, *_ = re.split(r"^=+(?: +=+)+$", table, flags=re.MULTILINE)
    cells = [line[: len(border[0])] for line in body.splitlines()]
    return [name for cell in cells for name in re.findall(r"``(.+?)``", cell)]


def test_every_extra_is_documented():
    """The table has the extras of the package but those of its own development."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = {*setup["options.extras_require"]} - {"bench", "docs", "examples", "lint", "test"}
    assert {*first_cells(page("installation"), "extra")} == extras


def test_fields_are_those_of_the_renderer():
    """Each name of the table leads where it says."""
    text = page("reference/fields")
    with capture_events() as events:
        try:
            raise LookupError("gone")
        except LookupError:
            structlog.get_logger("shop").error(
                "Order failed",
                category="orders",
                tags=["a"],
                order=7,
                details={"order": 8, "place": "x"},
                exc_info=True,
                stack_info=True,
            )
    (event,) = events
    assert {*event} >= {*FIELDS}  # and what MozDef adds
    documented = text[: text.index("Details that")]
    assert all(f"``{name}``" in documented for name in FIELDS)
    details = event["details"]
    assert (event["summary"], event["category"]) == ("Order failed", "orders")
    assert (event["severity"], event["source"], event["tags"]) == ("ERROR", "shop", ["a"])
    assert {*details["exception"]} == {"type", "message", "stack"}
    assert details["error"] is True
    assert "stack" in details
    assert (details["place"], {details["order"], details["order_2"]}) == ("x", {7, 8})


def test_details_that_are_documented_exist():
    """The package writes each detail of the table somewhere."""
    names = first_cells(page("reference/fields"), "detail")
    assert len(names) > 10
    assert [name for name in names if f'"{name}"' not in SOURCES] == []


def test_severities():
    """The sentence has MozDef's severities, in their order."""
    words = re.search(r"The severities are (.*)\.", page("reference/fields"))[1]
    assert tuple(words.replace(" and ", ", ").split(", ")) == mozdef.SEVERITIES


def test_every_reason_of_loss_is_documented():
    """The table has the constants of the code, and an example of an error that is named."""
    reasons = first_cells(page("reference/losses"), "reason")
    assert {*reasons} == {*LOSS_REASONS, error_reason(MemoryError())}


def warnings():
    """The fixed parts of each message that the package logs, as the code has them."""
    for path in sorted((ROOT / "structlog_mozdef").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            of = ast.unparse(node.func)
            if not re.search(
                r"own_log\S*\.warn\w*$|_?warnings?\.(add|count)$|\._warn$|ions\.add$", of
            ):
                continue
            for argument in node.args[-1:]:
                for part in ast.walk(argument):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield " ".join(part.value.split())


def test_every_warning_is_documented():
    """Each message of a warning is in the page, but for what differs from one to the next."""
    text = " ".join(page("reference/log_messages").split())
    found = {part for part in warnings() if len(part) > 11}
    assert len(found) > 20
    assert {part for part in found if part not in text} == set()


def test_every_thread_is_documented():
    """The table has the names of all threads that the package starts."""
    names = re.findall(r"\bname=f?\"([\w-]*mozdef-[\w-]*)\"", SOURCES)
    assert {*first_cells(page("reference/threads"), "name")} == {*names}
    assert len(names) == len(re.findall(r"\bThread\(", SOURCES))


def test_every_public_name_is_documented():
    """The page of the API has all that can be imported from the package."""
    found = re.findall(
        r"^\.\. auto\w+:: structlog_mozdef\.(\w+)$", page("reference/api"), re.MULTILINE
    )
    assert {*found} - {"testing"} == {*mozdef.__all__} - {"__version__"}
