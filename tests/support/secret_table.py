"""What a `Redactor` makes of the shapes in `secret_shapes`, and the table that documents it.

``PYTHONPATH=tests python -m support.secret_table`` writes the table into docs/redaction.rst.
"""

from pathlib import Path

from support.harmless_lines import HARMLESS, HARMLESS_NAMES
from support.secret_shapes import NAMES, STRUCTURES, TEXTS
from support.secret_values import SECRET, secret_in

from structlog_mozdef import MozDefRenderer, Redactor

PAGE = Path(__file__).parents[2] / "docs" / "redaction.rst"
_WIDTHS = (34, 5, 5, 62)
# What is known from the event before must not let a secret through.
_REDACTOR = Redactor()


def redacted(value, name="field"):
    _REDACTOR(None, "info", {name: 1})
    return _REDACTOR(None, "info", {name: value})[name]


def missed():
    """Return the shapes that get through: what the table calls them -> shapes."""
    renderer = MozDefRenderer()
    found = {"names of fields": [name for name in NAMES if redacted(SECRET, name) == SECRET]}
    for section, texts in TEXTS.items():
        found[section] = [text for text in texts if secret_in(text) in redacted(text)]
    found["objects, lists, bytes, exceptions"] = [
        repr(value)
        for value in STRUCTURES
        if SECRET.encode() in renderer(None, "info", {"details": redacted(value)})
    ]
    return found


def tried():
    """Return how many shapes there are: what the table calls them -> number."""
    return {
        "names of fields": len(NAMES),
        **{section: len(texts) for section, texts in TEXTS.items()},
        "objects, lists, bytes, exceptions": len(STRUCTURES),
    }


def touched():
    """Return the harmless texts and names whose values are replaced."""
    return [
        *(text for text in HARMLESS if redacted(text) != text),
        *(name for name in HARMLESS_NAMES if redacted(SECRET, name) != SECRET),
    ]


def table():
    """Return the table of docs/redaction.rst."""
    counts = tried()
    rule = "  ".join("=" * width for width in _WIDTHS)
    rows = [("shapes of secrets", "tried", "found", "not found, for example")]
    for section, shapes in missed().items():
        example = ", ".join(f"``{shape.splitlines()[0]}``" for shape in shapes[:1])
        number = counts[section]
        rows.append((section, str(number), str(number - len(shapes)), example))
    kept = touched()
    number = len(HARMLESS) + len(HARMLESS_NAMES)
    rows.append(
        (
            "harmless lines and names",
            str(number),
            str(len(kept)),
            ", ".join(f"``{text}``" for text in kept[:1]),
        )
    )
    lines = ["  ".join(map(str.ljust, row, _WIDTHS)).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule]) + "\n"


def written():
    """Return the table that the page has."""
    return PAGE.read_text().partition(".. the table\n\n")[2].partition("\n\n")[0] + "\n"


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().replace(written(), table()))
