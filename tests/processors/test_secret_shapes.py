"""Most shapes of secrets are found, and hardly any harmless line is touched."""

import concurrent.futures
import importlib.util
import itertools

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
from structlog_mozdef.processors.secret_hints import has_hint, hint_finder
from structlog_mozdef.processors.secret_names import bare, is_secret_name
from structlog_mozdef.processors.secret_texts import redact_text

MOST_MISSED = 0.05
MOST_TOUCHED = 0.02


# What is known from the event before must not let a secret through.
KNOWING = Redactor()


def redacted(value, name="field"):
    KNOWING(None, "info", {name: 1})
    return KNOWING(None, "info", {name: value})[name]


def is_secret(name):
    return is_secret_name(bare(name))


def missed_texts():
    return {
        section: [text for text in texts if secret_in(text) in redacted(text)]
        for section, texts in TEXTS.items()
    }


def missed_structures():
    renderer = MozDefRenderer()
    return [
        value
        for value in STRUCTURES * 2
        if SECRET.encode() in renderer(None, "info", KNOWING(None, "info", {"field": value}))
    ]


def missed_names():
    return [name for name in NAMES if redacted(SECRET, name) == SECRET]


def touched():
    return [text for text in HARMLESS if redacted(text) != text]


def touched_names():
    return [name for name in HARMLESS_NAMES if redacted(SECRET, name) != SECRET]


def test_shapes_are_found():
    """Of more than 200 shapes of secrets, at most one in twenty gets through."""
    missed = [*itertools.chain(*missed_texts().values()), *missed_structures(), *missed_names()]
    tried = sum(map(len, TEXTS.values())) + len(STRUCTURES) + len(NAMES)
    assert tried >= 200
    assert len(missed) <= MOST_MISSED * tried, missed


@pytest.mark.parametrize("look", [has_hint, hint_finder()], ids=["alone", "hyperscan"])
def test_what_is_found_has_a_hint(look):
    """Each text in which a secret is found has a hint, whatever looks for it."""
    found = [
        text for text in itertools.chain(*TEXTS.values()) if redact_text(text, is_secret) != text
    ]
    assert [text for text in found if not look(text)] == []


def test_hints_are_found_by_hyperscan():
    """The tests have hyperscan, where there is one: both looks are tried."""
    assert (hint_finder() is has_hint) == (importlib.util.find_spec("hyperscan") is None)


def test_scans_of_several_threads():
    """Threads that look at the same time do not disturb each other."""
    harmless = "a b " * 20_000
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(hint_finder(), [harmless] * 200))


def test_harmless_lines_are_kept():
    """Of 200 harmless lines, at most one in fifty is touched."""
    assert len(HARMLESS) >= 200
    assert len(touched()) <= MOST_TOUCHED * len(HARMLESS), touched()


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_harmless_name_is_kept(name):
    """A name that only looks like that of a secret, or that tells something about one, is kept."""
    assert redacted("value", name) == "value"
