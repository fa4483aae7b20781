"""What a dispatcher does with every kind of answer, on a clock without waiting."""

import logging

import pytest
from support.dispatching import Drive, fast_error, refused_connection, rejected, server_error

from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.exceptions import Rejected, TransportError
from structlog_mozdef.transports.base import SendResult


def numbers(*values):
    return [b"%d" % value for value in values]


def failing_at_first(times, error):
    """Answers with *error* so many times, and with success from then on."""
    left = iter(range(times))
    return lambda events: error() if next(left, None) is not None else None


def test_nothing_waits():
    """A dispatcher with an empty buffer makes no attempt and has no next one."""
    drive = Drive()
    assert (drive.step(), drive.attempts) == (None, [])


def test_batches_keep_the_order():
    """Events go in batches of the given size, oldest first, one after the other."""
    drive = Drive(events=7, batch_events=3).run()
    assert drive.attempts == [numbers(0, 1, 2), numbers(3, 4, 5), numbers(6)]


def test_batches_respect_the_size_in_bytes():
    """No batch is larger than its limit in bytes, but for a single event that is."""
    drive = Drive(batch_bytes=10)
    drive.put(b"a" * 6, b"b" * 4, b"c", b"d" * 20)
    assert drive.run().sizes() == [2, 1, 1]


def test_success_is_counted():
    """Delivered events leave the buffer and are counted as delivered."""
    counts = Drive(events=5).run().buffer.counts()
    assert (counts.delivered, counts.buffered) == (5, 0)


# Payloads that are blamed.


def blame(*culprits):
    return lambda events: rejected() if set(events) & set(culprits) else None


@pytest.mark.parametrize("culprit", range(8))
def test_blamed_event_becomes_a_dead_letter(culprit):
    """The event that the server blames is found, wherever it stands, as a dead letter."""
    drive = Drive(blame(b"%d" % culprit), events=8).run()
    assert drive.dead() == numbers(culprit)


@pytest.mark.parametrize("culprit", range(8))
def test_blamed_event_takes_no_other_along(culprit):
    """All events but the blamed one are delivered once and in order."""
    drive = Drive(blame(b"%d" % culprit), events=8).run()
    assert drive.destination.accepted == [b"%d" % n for n in range(8) if n != culprit]


def test_blamed_batch_is_halved():
    """A batch that is blamed is halved until the culprit stands alone, and grows again."""
    drive = Drive(blame(b"0"), events=16, batch_events=8).run()
    assert drive.sizes() == [8, 4, 2, 1, 1, 2, 4, 8]


def test_dead_letter_has_a_reason():
    """The reason of a dead letter is what the server said."""
    drive = Drive(blame(b"1"), events=3).run()
    assert drive.buffer.dead_letters()[0].reason == "HTTP 400"


def test_halving_needs_no_waiting():
    """A server that answers is not waited for."""
    assert Drive(blame(b"5"), events=8).run().waits == []


def test_all_blamed():
    """A queue full of culprits ends: each becomes a dead letter of its own."""
    drive = Drive(lambda events: rejected(), events=20).run()
    assert drive.dead() == [b"%d" % n for n in range(20)]


def test_attempts_to_find_one_culprit_are_few():
    """One culprit among 1000 costs tens of attempts, not hundreds."""
    drive = Drive(blame(b"700"), events=1000, batch_events=1000).run()
    assert len(drive.attempts) < 50


def test_rejected_events_become_dead_letters():
    """Single events that the answer names as rejected become dead letters with their reasons."""
    drive = Drive(lambda events: SendResult(rejected={1: "HTTP 400 mapper"}), events=3)
    drive.step()
    assert drive.buffer.dead_letters() == [(b"1", "HTTP 400 mapper")]


# Partial success.


def again_once(again, *, rejected_at=(), error=None):
    """Asks for the events at *again* once, rejects those at *rejected_at*, accepts the others."""
    answers = iter([SendResult(dict.fromkeys(rejected_at, "no"), again, error)])
    return lambda events: next(answers, None)


@pytest.mark.parametrize(
    "again", [[0], [4], [3, 4], [1, 2], [0, 4], [1, 3], [0, 1, 2, 3, 4], [0, 2, 4]]
)
def test_partial_success_repeats_nothing(again):
    """What was accepted is not sent again; what was not is sent until it is."""
    drive = Drive(again_once(again), events=5).run()
    assert sorted(drive.destination.accepted) == numbers(0, 1, 2, 3, 4)


@pytest.mark.parametrize("again", [[3, 4], [1, 3], [0, 4]])
def test_partial_success_keeps_the_order_of_the_rest(again):
    """Events that are asked for again come in their order, before newer ones."""
    drive = Drive(again_once(again), events=8, batch_events=5).run()
    assert drive.destination.accepted[5 - len(again) :] == numbers(*again, 5, 6, 7)


@pytest.mark.parametrize(
    ("again", "rejected_at"), [([1, 2], [0]), ([1, 3], [0, 4]), ([0], [1, 2]), ([2], [1, 3])]
)
def test_partial_success_with_rejections(again, rejected_at):
    """Rejected events of a partly accepted batch become dead letters, once."""
    drive = Drive(again_once(again, rejected_at=rejected_at), events=5).run()
    assert drive.dead() == numbers(*rejected_at)


def test_partial_success_waits():
    """A destination that asks for some events again is given time."""
    drive = Drive(again_once([1]), events=2)
    assert drive.step() == 0.5


def test_scattered_rest_can_scatter_again():
    """Events that are asked for again and again, in any pattern, all arrive once."""
    answers = iter(
        [SendResult(retry=(1, 3, 4, 7)), SendResult(retry=(0, 2)), SendResult(retry=(1,))]
    )
    drive = Drive(lambda events: next(answers, None), events=8).run()
    assert sorted(drive.destination.accepted) == numbers(*range(8))


def test_part_of_a_scattered_rest_can_scatter():
    """What is behind the part of a rest that was sent is not forgotten."""
    answers = iter([SendResult(retry=(1, 3, 5, 7)), rejected(), SendResult(retry=(0,))])
    drive = Drive(lambda events: next(answers, None), events=8).run()
    assert sorted(drive.destination.accepted) == numbers(*range(8))


def test_scattered_rest_is_halved():
    """A rest that is blamed is halved as a batch is."""
    answers = iter([SendResult(retry=(1, 3, 5))])
    drive = Drive(lambda events: next(answers, None) or blame(b"3")(events), events=6).run()
    assert (drive.dead(), sorted(drive.destination.accepted)) == ([b"3"], numbers(0, 1, 2, 4, 5))


def test_partial_error_counts():
    """The time that the error of a partly accepted batch asks for is kept."""
    error = TransportError("HTTP 429", retry_after=20.0)
    drive = Drive(again_once([1, 2], error=error), events=3, chance=lambda: 0.0)
    assert drive.step() == 20


# Outages.


def test_outage_is_waited_out():
    """However long nothing listens, every event is delivered once, in order."""
    drive = Drive(failing_at_first(500, refused_connection), events=10).run()
    assert drive.destination.accepted == numbers(*range(10))


def test_waits_grow():
    """The waits of an outage grow to a minute."""
    drive = Drive(lambda events: refused_connection(), events=1, chance=lambda: 0.999)
    drive.steps(9)
    assert [round(wait) for wait in drive.waits] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_waits_begin_again_after_success():
    """After a success the next failure is waited for as the first one is."""
    answers = iter([refused_connection()] * 6 + [None, refused_connection()])
    drive = Drive(lambda events: next(answers, None), events=3, batch_events=1)
    drive.run()
    assert drive.waits[-1] == 0.5


def test_refused_connection_needs_no_probe():
    """A server that could not be reached has lost nothing: the batch goes as it is."""
    drive = Drive(failing_at_first(1, refused_connection), events=4).run()
    assert drive.sizes() == [4, 4]


def test_attempt_before_its_time_is_none():
    """A step that comes too early makes no attempt, and says how long to wait."""
    drive = Drive(lambda events: refused_connection(), events=1)
    wait = drive.step()
    drive.now += wait / 2
    assert (drive.step(), len(drive.attempts)) == (pytest.approx(wait / 2), 1)


@pytest.mark.parametrize("last_error", ["HTTP 500"])
def test_last_error_is_kept_until_success(last_error):
    """The last error is known while deliveries fail, and gone when they succeed."""
    drive = Drive(failing_at_first(1, server_error), events=1)
    drive.step()
    during = drive.dispatcher.last_error
    drive.run()
    assert (during, drive.dispatcher.last_error) == (last_error, None)


def test_failed_attempts_are_counted():
    """Each attempt that failed is counted once."""
    drive = Drive(failing_at_first(6, refused_connection), events=1).run()
    assert drive.dispatcher.failed_attempts == 6


def test_retry_after_is_honoured():
    """The next attempt comes no earlier than the server asked for."""
    error = TransportError("HTTP 503", retry_after=120.0, ambiguous=True)
    drive = Drive(lambda events: error, events=1, chance=lambda: 0.0)
    assert drive.step() == 120


def test_retry_now_ends_a_wait():
    """A flush makes the next attempt at once."""
    drive = Drive(failing_at_first(1, refused_connection), events=1)
    drive.step()
    drive.dispatcher.retry_now()
    drive.step()
    assert drive.destination.accepted == [b"0"]


def test_retry_now_does_not_overrule_the_server():
    """A flush does not cut short the time that a server asked for."""
    drive = Drive(lambda events: TransportError("HTTP 429", retry_after=9.0), events=1)
    drive.step()
    drive.dispatcher.retry_now()
    drive.step()
    assert len(drive.attempts) == 1


def test_final_attempt_overrules_everything():
    """At the end of the process what is left is tried once, though the server asked to wait."""
    answers = iter([TransportError("HTTP 503", retry_after=99.0, ambiguous=True)])
    drive = Drive(lambda events: next(answers, None), events=5)
    drive.step()
    drive.dispatcher.final_attempt()
    drive.step()
    assert drive.attempts[1:] == [numbers(*range(5))]


# What only a person can change.


def test_settings_error_keeps_everything():
    """A wrong setting costs no event: when it is right, all are delivered."""
    wrong = lambda: TransportError("HTTP 401", retryable=False)  # noqa: E731
    drive = Drive(failing_at_first(50, wrong), events=10).run()
    assert drive.destination.accepted == numbers(*range(10))


def test_settings_error_is_retried_slowly():
    """A wrong setting is tried again after half a minute to a minute."""
    drive = Drive(lambda events: TransportError("HTTP 404", retryable=False), events=1)
    assert drive.step() == 45


def test_settings_error_is_reported_once_a_minute(caplog):
    """A wrong setting is reported, and not with every attempt."""
    drive = Drive(lambda events: TransportError("HTTP 404", retryable=False), events=1)
    with caplog.at_level(logging.WARNING, "structlog_mozdef"):
        drive.steps(20)
    assert [record.getMessage() for record in caplog.records] == [
        "scripted: HTTP 404; 1 event waits, the next attempt is in 45.0 s"
    ]


# Recovery after answers that prove nothing.


def test_recovery_probes_first():
    """After a slow 5xx the first events go alone, three of them, then the batch with them."""
    drive = Drive(failing_at_first(1, server_error), events=4).run()
    assert drive.attempts == [
        numbers(0, 1, 2, 3),
        numbers(0),
        numbers(1),
        numbers(2),
        numbers(0, 1, 2, 3),
    ]


def test_one_event_can_be_every_probe():
    """Where fewer events wait than probes are needed, they are sent as probes again."""
    drive = Drive(failing_at_first(1, server_error), events=2, recovery_probes=5).run()
    assert drive.attempts[1:6] == [numbers(0), numbers(1), numbers(0), numbers(1), numbers(0)]


def test_probes_use_several_connections():
    """A transport that can is asked for another connection with every fourth probe."""
    drive = Drive(failing_at_first(1, server_error), events=4, recovery_probes=20)
    drive.run()
    assert drive.destination.reconnects == 5


def test_a_short_outage_needs_one_probe():
    """Where requests fail at once, and not for long, nothing that follows is lost."""
    drive = Drive(failing_at_first(1, fast_error), events=4, recovery_probes=20).run()
    assert (drive.sizes(), drive.waits) == ([4, 1, 2, 2], [0.5])


def test_a_long_outage_is_like_a_slow_one():
    """Where nothing passes for more than three seconds, all probes and the pause follow."""
    drive = Drive(failing_at_first(4, fast_error), events=4).run()
    assert (drive.sizes()[:8], drive.waits[-1]) == ([4, *[1] * 6, 1], 5.0)


def test_recovery_pauses_before_the_batch():
    """Between the last probe and the batch are five seconds."""
    drive = Drive(failing_at_first(1, server_error), events=4).run()
    assert drive.waits == [0.5, 5.0]


def test_recovery_pause_is_binding():
    """A flush does not cut the pause short: what goes too early is lost."""
    drive = Drive(failing_at_first(1, server_error), events=4)
    drive.steps(1)
    drive.now += 1
    for _ in range(3):
        drive.step()
    drive.dispatcher.retry_now()
    drive.step()
    assert len(drive.attempts) == 4


def test_later_outage_is_judged_again():
    """A batch that fails long after a recovery is not halved: it is one more outage."""
    answers = iter([server_error(), *[None] * 4, server_error()])
    drive = Drive(lambda events: next(answers, None), events=4).run()
    drive.put(*numbers(4, 5, 6, 7))
    assert drive.run().sizes()[5:] == [4, 1, 1, 1, 4]


def test_probes_begin_again_after_a_failure_among_them():
    """A probe that fails starts the recovery from its beginning."""
    answers = iter([server_error(), None, server_error()])
    drive = Drive(lambda events: next(answers, None), events=4).run()
    assert drive.sizes()[:6] == [4, 1, 1, 1, 1, 1]


def test_probes_are_repeated_never_lost():
    """What a recovering server accepts and loses is sent again with its batch."""
    drive = Drive(failing_at_first(1, server_error), events=4).run()
    assert drive.destination.accepted[3:] == numbers(0, 1, 2, 3)


def test_refused_connection_during_recovery_keeps_the_probes():
    """Probes still come first when the server was away in between."""
    answers = iter([server_error(), refused_connection()])
    drive = Drive(lambda events: next(answers, None), events=4).run()
    assert drive.sizes() == [4, 1, 1, 1, 1, 4]


def test_blamed_probe_becomes_a_dead_letter():
    """A probe that is blamed becomes a dead letter, and the next event is the probe."""
    answers = iter([server_error()])
    drive = Drive(lambda events: next(answers, None) or blame(b"0")(events), events=4).run()
    assert (drive.dead(), drive.destination.stored()) == ([b"0"], numbers(1, 2, 3))


def test_transport_without_probes():
    """A transport that needs no probes is given the batch again at once after the wait."""
    drive = Drive(failing_at_first(1, server_error), events=4, recovery_probes=0).run()
    assert (drive.sizes(), drive.waits) == ([4, 4], [0.5])


@pytest.mark.parametrize("recovery_probes", [0, 1, 3])
@pytest.mark.parametrize("events", [1, 2, 5, 300])
@pytest.mark.parametrize("failures", [1, 2, 7, 50, 500])
def test_total_outage_loses_nothing(recovery_probes, events, failures):
    """A server that answers 500 to everything for any time costs no event."""
    drive = Drive(
        failing_at_first(failures, server_error), events=events, recovery_probes=recovery_probes
    ).run()
    assert (drive.dead(), set(drive.destination.stored())) == ([], set(numbers(*range(events))))


@pytest.mark.parametrize("failures", [1, 2, 7, 50, 500])
def test_total_outage_keeps_the_order(failures):
    """After an outage the events arrive in order, but for a few that came first as probes."""
    drive = Drive(failing_at_first(failures, server_error), events=300).run()
    stored = [int(event) for event in drive.destination.stored()]
    assert stored[3:] == sorted(stored[3:])


@pytest.mark.parametrize("up", [1, 2, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("down", [1, 2, 3, 5])
def test_flapping_server_dead_letters_nothing(up, down):
    """A server that comes and goes, foreverybody alike, has no event called poison."""
    script = ([True] * up + [False] * down) * 200
    answers = iter(script)
    drive = Drive(lambda events: None if next(answers, True) else server_error(), events=40)
    drive.run(most_steps=5000)
    assert drive.dead() == []


# Transports of others.


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), KeyError("x"), OSError(5, "x"), MemoryError()]
)
def test_foreign_exceptions_are_survived(error):
    """A transport that raises anything else is waited for as in an outage."""
    answers = iter([error])
    drive = Drive(lambda events: next(answers, None), events=2).run()
    assert drive.destination.accepted == numbers(0, 1)


def test_foreign_exceptions_are_named_without_their_text():
    """What a foreign exception says, which may be secret, does not become the last error."""
    drive = Drive(lambda events: RuntimeError("password"), events=1)
    drive.step()
    assert drive.dispatcher.last_error == "unexpected RuntimeError in the transport"


def test_forgotten_result_is_no_success():
    """A transport that returns something else than a Delivery has not delivered."""
    drive = Drive(lambda events: "ok", events=1)
    drive.step()
    assert (len(drive.buffer), drive.dispatcher.last_error) == (
        1,
        "the transport returned str instead of a SendResult",
    )


def test_rejected_is_a_transport_error():
    """Who catches TransportError catches Rejected."""
    assert issubclass(Rejected, TransportError)


def test_policy_of_the_user_counts():
    """The waits follow the policy that was given."""
    policy = RetryPolicy(wait_initial=10, wait_max=10)
    drive = Drive(lambda events: refused_connection(), events=1, retry=policy)
    assert drive.step() == 5


@pytest.mark.parametrize(
    ("waits_for", "expected"),
    [(None, "no answer yet (for 4 s)"), ("an alarm", "an alarm (for 4 s)")],
)
def test_an_attempt_that_takes_long_is_a_problem(waits_for, expected):
    """What an attempt waits for is known from 3 s on, and no more once it has succeeded."""
    seen = []

    def answer(events):
        for seconds in (0, 2, 2):
            drive.spend(seconds)
            seen.append(drive.dispatcher.problem)

    drive = Drive(answer, events=1)
    drive.destination.waits_for = waits_for
    drive.run()
    assert (seen, drive.dispatcher.problem) == ([None, None, expected], None)


def test_a_failure_is_a_problem_until_the_next_success():
    """While a later attempt is under way the problem is why the one before it failed."""
    drive = Drive(lambda events: refused_connection(), events=1)
    drive.steps(2)
    assert drive.dispatcher.problem == drive.dispatcher.last_error
