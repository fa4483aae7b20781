"""The sender's own work makes no events, and its log records wait for nobody who waits for it."""

from __future__ import annotations

import pytest
from support.receivers import OK, Receiver, answer
from support.running import dead_url, run


def accepted(case: str, url: str) -> list[str]:
    return run("feedback", case, url, timeout=30).stdout.split()


def test_debug_records_of_the_http_library_are_no_events():
    """With the root logger at DEBUG one log call makes one event, and flush and exit end."""
    with Receiver() as receiver:
        assert accepted("one_sink", receiver.url) == ["1"]


def test_two_sinks_do_not_keep_each_other_busy():
    """With two sinks at the root logger one log call makes one event in each."""
    with Receiver() as receiver:
        assert accepted("two_sinks", receiver.url) == ["1", "1"]


@pytest.mark.parametrize("status", [404, 500, None])
def test_failures_are_no_events(status):
    """The warnings about a server that answers 404 or 500, or is down, make no events."""
    if status is None:
        assert accepted("failures", dead_url()) == ["1"]
        return
    with Receiver(lambda request: answer(status)) as receiver:
        assert accepted("failures", receiver.url) == ["1"]


def test_warnings_while_sending_are_no_events():
    """Python warnings that sending causes make no events where they are captured."""
    assert accepted("captured_warnings", dead_url()) == ["5"]


def test_a_log_call_that_waits_does_not_hold_up_the_sender():
    """With block a log call waits inside of its handler, and the sender's records pass it."""
    with Receiver() as receiver:
        assert accepted("blocked_handler", receiver.url) == ["200"]


def test_a_log_call_that_waits_while_a_404_is_reported():
    """With block the warning about a 404 does not wait for the log call that waits for room."""
    answers = iter([answer(404)] * 4)
    with Receiver(lambda request: next(answers, OK)) as receiver:
        assert accepted("blocked_handler", receiver.url) == ["200"]


def test_logging_is_configured_while_the_sender_warns():
    """`dictConfig` in a loop, log calls and the sender's warnings do not lock each other."""
    assert accepted("reconfigured", dead_url()) == ["True"]
