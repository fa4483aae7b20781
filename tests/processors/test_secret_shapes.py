"""Most shapes of secrets are found, and hardly any harmless line is touched."""

import pytest
from support.secret_shapes import (
    HARMLESS,
    HARMLESS_NAMES,
    NAMES,
    SECRET,
    STRUCTURES,
    TEXTS,
    secret_in,
)

from structlog_mozdef import MozDefRenderer, Redactor

MOST_MISSED = 0.05
MOST_TOUCHED = 0.02


def redacted(value, name="field"):
    return Redactor()(None, "info", {name: value})[name]


def missed_texts():
    return {
        section: [text for text in texts if secret_in(text) in redacted(text)]
        for section, texts in TEXTS.items()
    }


def missed_structures():
    redactor, renderer = Redactor(), MozDefRenderer()
    return [
        value
        for value in STRUCTURES
        if SECRET.encode() in renderer(None, "info", redactor(None, "info", {"field": value}))
    ]


def missed_names():
    return [name for name in NAMES if redacted(SECRET, name) == SECRET]


def touched():
    return [text for text in HARMLESS if redacted(text) != text]


def touched_names():
    return [name for name in HARMLESS_NAMES if redacted(SECRET, name) != SECRET]


def test_shapes_are_found():
    """Of more than 200 shapes of secrets, at most one in twenty gets through."""
    missed = [*sum(missed_texts().values(), []), *missed_structures(), *missed_names()]
    tried = sum(map(len, TEXTS.values())) + len(STRUCTURES) + len(NAMES)
    assert tried >= 200
    assert len(missed) <= MOST_MISSED * tried, missed


def test_harmless_lines_are_kept():
    """Of 200 harmless lines, at most one in fifty is touched."""
    assert len(HARMLESS) >= 200
    assert len(touched()) <= MOST_TOUCHED * len(HARMLESS), touched()


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_harmless_name_is_kept(name):
    """A name that only looks like that of a secret, or that tells something about one, is kept."""
    assert redacted("value", name) == "value"
