"""Most shapes of secrets are found, and hardly any harmless line is touched."""

import concurrent.futures
import importlib.util
import itertools

import pytest
from support.secret_shapes import HARMLESS, HARMLESS_NAMES, SECRET, STRUCTURES, TEXTS
from support.secret_table import missed, redacted, table, touched, tried, written

from structlog_mozdef import MozDefRenderer, Redactor
from structlog_mozdef.processors.secret_hints import has_hint, hint_finder
from structlog_mozdef.processors.secret_names import bare, is_secret_name
from structlog_mozdef.processors.secret_texts import redact_text

MOST_MISSED = 0.05
MOST_TOUCHED = 0.02


def is_secret(name):
    return is_secret_name(bare(name))


def test_shapes_are_found():
    """Of more than 200 shapes of secrets, at most one in twenty gets through."""
    shapes = list(itertools.chain(*missed().values()))
    number = sum(tried().values())
    assert number >= 200
    assert len(shapes) <= MOST_MISSED * number, shapes


def test_harmless_lines_are_kept():
    """Of 200 harmless lines, at most one in fifty is touched."""
    assert len(HARMLESS) >= 200
    assert len(touched()) <= MOST_TOUCHED * len(HARMLESS), touched()


def test_table_in_the_documents_is_true():
    """The page on redaction says what was tried and found; see `secret_table` to write it."""
    assert written() == table()


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_harmless_name_is_kept(name):
    """A name that only looks like that of a secret, or that tells something about one, is kept."""
    assert redacted("value", name) == "value"


@pytest.mark.parametrize("value", STRUCTURES, ids=repr)
def test_secret_is_found_again(value):
    """A second event with the same names is searched as the first was."""
    redactor = Redactor()
    for _ in range(3):
        event = redactor(None, "info", {"field": value})
        assert SECRET.encode() not in MozDefRenderer()(None, "info", event)


@pytest.mark.parametrize("look", [has_hint, hint_finder()], ids=["alone", "hyperscan"])
def test_what_is_found_has_a_hint(look):
    """Each text in which a secret is found has a hint, whatever looks for it."""
    texts = itertools.chain(*TEXTS.values())
    found = [text for text in texts if redact_text(text, is_secret) != text]
    assert [text for text in found if not look(text)] == []


def test_hints_are_found_by_hyperscan():
    """The tests have hyperscan, where there is one: both looks are tried."""
    assert (hint_finder() is has_hint) == (importlib.util.find_spec("hyperscan") is None)


def test_scans_of_several_threads():
    """Threads that look at the same time do not disturb each other."""
    harmless = "a b " * 20_000
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(hint_finder(), [harmless] * 200))
