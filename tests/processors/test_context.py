"""Processors add what MozDef expects in each event, and keep what the event has."""

import pickle

import pytest

from structlog_mozdef import (
    MozDefRenderer,
    Redactor,
    SequenceAdder,
    TagAdder,
    TimestampAdder,
    add_timestamp,
)


def test_tags_are_added_once():
    """Tags that an event already has are not repeated, and stay first."""
    adder = TagAdder("a", "b", "a")
    assert adder(None, "info", {"tags": ["c", "b"]})["tags"] == ["c", "b", "a"]


def test_tags_of_an_event_are_its_own():
    """Changing the tags of one event changes no other."""
    adder = TagAdder("a")
    adder(None, "info", {})["tags"].append("b")
    assert adder(None, "info", {})["tags"] == ["a"]


def test_given_tags_are_not_changed():
    """The list that the caller gave stays as it was."""
    given = ["c"]
    TagAdder("a")(None, "info", {"tags": given})
    assert given == ["c"]


@pytest.mark.parametrize("tags", [None, "c", 5, ("c",), {"c"}])
def test_any_tags_are_added_to(tags):
    """Whatever tags an event has, the others are added."""
    assert TagAdder("a")(None, "info", {"tags": tags})["tags"][-1] == "a"


@pytest.mark.parametrize(
    "processor",
    [
        MozDefRenderer("a", "b"),
        TagAdder("a"),
        Redactor(),
        SequenceAdder(),
        TimestampAdder(),
        add_timestamp,
    ],
    ids=["renderer", "tags", "redactor", "sequence", "TimestampAdder", "add_timestamp"],
)
def test_processors_can_be_pickled(processor):
    """Processors survive a pickle: a process pool may pass the configuration to its workers."""
    assert repr(pickle.loads(pickle.dumps(processor))) == repr(processor)
