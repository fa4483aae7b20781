"""Comments mean to tools what they mean to readers."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What type checkers, and ast.parse(type_comments=True), read as the type of a variable.
TYPE_COMMENT = re.compile(r"#\s*type:(?!\s*ignore\[)")


FOLDERS = ["structlog_mozdef", "tests", "benchmarks", "docs"]


def python_files():
    yield from ROOT.glob("*.py")
    for folder in FOLDERS:
        yield from (ROOT / folder).rglob("*.py")


def test_no_comment_looks_like_a_type_comment():
    """No comment begins with "type:", as a wrapped sentence may, unless it is "ignore[...]"."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if TYPE_COMMENT.search(line)
    ]
    assert found == []
