"""Numbers agree with their nouns and verbs: 1 event waits, and 2 events wait."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import structlog_mozdef
from structlog_mozdef.process.standard_error import count_of

ROOT = Path(structlog_mozdef.__file__).parent
# A number that is written before a plural, where `count_of` does not choose the form. Constants
# are more than one.
NUMBER_AND_PLURAL = re.compile(
    r"f\".*\{(?![A-Z_]+[:}])[^{}\"]+\} (more |such |dead )*"
    r"(events|lines|streams|files|calls|times|records|letters|warnings|processes|names|patterns)\b"
)


@pytest.mark.parametrize(
    ("number", "noun", "verb", "words"),
    [
        (0, "event", "", "0 events"),
        (1, "event", "", "1 event"),
        (1234, "event", "", "1,234 events"),
        (1, "event", "wait", "1 event waits"),
        (2, "event", "wait", "2 events wait"),
        (1, "dead letter", "are", "1 dead letter is"),
        (0, "event", "were", "0 events were"),
        (1, "event", "were", "1 event was"),
    ],
)
def test_numbers_agree(number, noun, verb, words):
    """The noun and the verb have the form that the number needs."""
    assert count_of(number, noun, verb) == words


def test_nobody_writes_a_plural_by_hand():
    """Numbers stand before a plural only where they are surely more than one."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in ROOT.rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if NUMBER_AND_PLURAL.search(line) and "else f" not in line
    ]
    # The last one follows a check that there is more than one.
    assert [line.partition(":")[0] for line in found] == ["testing/events.py"], found
