"""One event that a server cannot digest never blocks the others, and no other is taken for it."""

import itertools
import random

import pytest
from support.dispatching import Drive, fast_error, refused_connection, rejected, server_error

from structlog_mozdef.delivery.quarantine import STRIKES
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import SendResult

POISON = b"poison"


def queue_with_poison(length, position):
    events = [b"%d" % number for number in range(length)]
    events[position] = POISON
    return events


def run_with_poison(server, length, position, **options):
    """Deliver a queue with poison; events come in later as well, as they do in life."""
    drive = Drive(server, **options)
    drive.put(*queue_with_poison(length, position))
    drive.run(seconds=30)
    drive.put(b"%d" % length, b"%d" % (length + 1))
    return drive.run(most_steps=5000)


def poisonous(events):
    return [index for index, event in enumerate(events) if event.startswith(POISON)]


def chokes(events):
    """A server with 500 for every request that holds poison, at once."""
    return fast_error() if poisonous(events) else None


def chokes_slowly(events):
    """A server that works on poison for 10 s before it gives up."""
    return server_error() if poisonous(events) else None


def chokes_singly(events):
    """A server that accepts one event a request: it stores what comes before the poison."""
    first = next(iter(poisonous(events)), None)
    if first == 0:
        return fast_error()
    return first and SendResult(retry=range(first, len(events)), error=fast_error())


def chokes_per_item(events):
    """A server that answers for each event, and always with 500 for the poison."""
    again = poisonous(events)
    return SendResult(retry=again, error=fast_error()) if again else None


fast_servers = [chokes, chokes_singly, chokes_per_item]
quickly = pytest.mark.parametrize("server", fast_servers)
servers = pytest.mark.parametrize("server", [*fast_servers, chokes_slowly])
positions = pytest.mark.parametrize(("length", "position"), [(2, 0), (2, 1), (9, 4), (300, 171)])
batches = pytest.mark.parametrize("batch_events", [1, 2, 100])
probes = pytest.mark.parametrize("recovery_probes", [0, 1, 3, 20])


@servers
@positions
@batches
@probes
def test_poison_becomes_a_dead_letter(server, length, position, batch_events, recovery_probes):
    """The event that always gets 500 ends as the only dead letter; all others arrive."""
    drive = run_with_poison(
        server, length, position, batch_events=batch_events, recovery_probes=recovery_probes
    )
    expected = {b"%d" % number for number in range(length + 2) if number != position}
    assert (drive.dead(), set(drive.destination.stored())) == ([POISON], expected)


@quickly
@positions
def test_poison_does_not_change_the_order(server, length, position):
    """First arrivals keep their order, but for a single probe from behind the poison."""
    drive = run_with_poison(server, length, position)
    stored = [int(event) for event in drive.destination.stored()]
    early = [b for a, b in itertools.pairwise(stored) if b < a]
    assert len(early) <= 1


@quickly
@positions
def test_poison_holds_up_nobody(server, length, position):
    """The others are delivered within seconds, while the poison is still suspected."""
    drive = Drive(server, chance=lambda: 0.999)
    drive.put(*queue_with_poison(length, position))
    drive.run(seconds=12)
    assert (len(drive.destination.stored()), len(drive.buffer)) == (length - 1, 1)


@quickly
@positions
def test_poison_is_found_within_a_minute(server, length, position):
    """Enough evidence against the poison is gathered within a minute."""
    drive = run_with_poison(server, length, position, chance=lambda: 0.999)
    assert 30 < drive.now - 1000.0 < 60


@positions
def test_slow_poison_costs_bounded_time(length, position):
    """An event that a server works on for 10 s each time is found within minutes."""
    drive = run_with_poison(chokes_slowly, length, position, chance=lambda: 0.999)
    assert drive.now - 1000.0 < 60 * 8


@servers
@positions
def test_poison_costs_bounded_attempts(server, length, position):
    """Finding the poison needs tens of attempts."""
    assert len(run_with_poison(server, length, position).attempts) < 100


def test_poison_costs_few_repeats():
    """What is sent once more as a witness is a dozen events at most."""
    drive = run_with_poison(chokes, 300, 171)
    accepted = drive.destination.accepted
    assert len(accepted) - len(set(accepted)) <= 12


def test_poison_in_batches_of_one_by_size():
    """Poison is found where batches hold one event each because events are large."""
    drive = Drive(chokes, batch_bytes=1)
    drive.put(POISON, b"1", b"2")
    drive.run()
    assert (drive.dead(), drive.destination.stored()) == ([POISON], [b"1", b"2"])


@pytest.mark.parametrize("count", [2, 5, 40])
@servers
def test_many_poisons_in_a_row(server, count):
    """Several poisonous events, one after the other, are all found."""
    poisons = [b"poison%d" % number for number in range(count)]
    drive = Drive(server, batch_events=10)
    drive.put(*poisons, b"1", b"2", b"3")
    drive.run(most_steps=5000, most_at_once=1000)
    assert set(drive.dead()) == set(poisons)
    assert set(drive.destination.stored()) == {b"1", b"2", b"3"}


@quickly
def test_three_of_three_thousand(server):
    """With three poisonous events among 3,000 the others arrive at once, in their order."""
    events = [b"%d" % number for number in range(3000)]
    for index in (17, 1500, 2999):
        events[index] = b"poison%d" % index
    drive = Drive(server, batch_events=1000)
    drive.put(*events)
    drive.run(seconds=8, most_steps=5000)
    good = [event for event in events if not event.startswith(POISON)]
    late = set(good) - set(drive.destination.stored())
    drive.run(most_steps=5000)
    assert (late, len(drive.dead()), drive.now < 1090) == (set(), 3, True)


def test_a_hundred_of_ten_thousand():
    """With a hundred poisonous events among 10,000 the others arrive within a minute."""
    events = [b"%d" % number for number in range(10_000)]
    for index in random.Random(1).sample(range(10_000), 100):
        events[index] = b"poison%d" % index
    drive = Drive(chokes, batch_events=1000)
    drive.put(*events)
    drive.run(seconds=50, most_steps=20_000, most_at_once=1000)
    stored = drive.destination.stored()
    drive.run(most_steps=20_000, most_at_once=1000)
    assert (len(stored), len(drive.dead())) == (9900, 100)


@servers
def test_poison_alone_is_kept(server):
    """An event that fails with nothing to compare it with is retried, for days."""
    drive = Drive(server)
    drive.put(POISON)
    drive.run(seconds=2 * 86_400, most_steps=20_000)
    assert (drive.dead(), len(drive.buffer)) == ([], 1)


@pytest.mark.parametrize("recovery_probes", [0, 3, 100])
def test_poison_and_what_is_rejected_cost_few_attempts(recovery_probes):
    """Where nothing but poison waits, and an event that is rejected, attempts become rare."""

    def answer(events):
        if b"bad" in events:
            return rejected()
        return chokes(events)

    drive = Drive(answer, recovery_probes=recovery_probes)
    drive.put(POISON + b" 1", POISON + b" 2", b"bad")
    drive.run(seconds=3600, most_steps=100_000)
    attempts = len(drive.attempts)
    drive.put(b"good 1", b"good 2")
    drive.run()
    assert (attempts < 3000, {*drive.destination.stored()}) == (True, {b"good 1", b"good 2"})


@servers
def test_poison_alone_is_found_when_others_come(server):
    """An event that failed alone is called poison once others pass."""
    drive = Drive(server)
    drive.put(POISON)
    drive.run(seconds=3600)
    drive.put(b"1", b"2")
    drive.run(seconds=900)
    assert (drive.dead(), drive.destination.stored()) == ([POISON], [b"1", b"2"])


def test_slow_failures_are_followed_by_a_recovery():
    """After each slow 500 there is a pause: if it was an outage, what comes too early is lost."""
    times = []
    drive = Drive()

    def answer(events):
        times.append((drive.now, len(events), POISON in events))
        return chokes_slowly(events)

    drive.destination.answer = answer
    drive.put(*queue_with_poison(64, 20))
    drive.run()
    gaps = [
        later[0] - earlier[0]
        for index, earlier in enumerate(times)
        for later in times[index + 1 :]
        if earlier[2] and later[1] > 1
    ]
    assert min(gaps) >= 15


def test_poison_needs_a_witness_right_after():
    """An event that fails alone while the next attempt fails as well is not suspected."""
    failed = False

    def answer(events):
        nonlocal failed
        fails, failed = failed or b"0" in events, b"0" in events
        return fast_error() if fails else None

    drive = Drive(answer)
    drive.put(b"0", b"1", b"2")
    drive.run(seconds=3600, most_steps=20_000)
    assert drive.dead() == []


def test_reason_says_what_happened():
    """The reason of such a dead letter names the evidence and the answer."""
    drive = Drive(chokes)
    drive.put(POISON, b"1")
    drive.run()
    assert drive.buffer.dead_letters()[0].reason == (
        f"it failed alone {STRIKES} times while others passed: HTTP 500"
    )


@pytest.mark.parametrize(
    "error",
    [
        refused_connection(),
        TransportError("HTTP 429"),
        TransportError("HTTP 403", retryable=False),
    ],
)
def test_only_ambiguous_failures_make_poison(error):
    """An event that meets busy servers or wrong settings is kept, whatever passes meanwhile."""
    drive = Drive(lambda events: error if POISON in events else None)
    drive.put(POISON, b"1", b"2")
    drive.run(seconds=86_400, most_steps=20_000)
    assert (drive.dead(), len(drive.buffer)) == ([], 3)


def test_strikes_end_with_success():
    """An event that passes in the end is delivered, and no other pays for it."""
    failures = {b"0": 7, b"1": 6}

    def answer(events):
        if not failures.get(events[0]):
            return None
        failures[events[0]] -= 1
        return fast_error()

    drive = Drive(answer, events=5)
    drive.run()
    assert (drive.dead(), set(failures.values())) == ([], {0})


@pytest.mark.parametrize(("broken", "count"), [(0.1, 5000), (0.3, 5000), (0.5, 5000), (0.7, 500)])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("recovery_probes", [3, 20])
def test_one_broken_server_behind_a_balancer(broken, count, seed, recovery_probes):
    """Where a part of all requests fails, whichever event, everything arrives."""
    chance = random.Random(seed).random
    drive = Drive(
        lambda events: fast_error() if chance() < broken else None,
        events=count,
        batch_events=1000,
        recovery_probes=recovery_probes,
        chance=chance,
    )
    drive.run(most_steps=20_000)
    assert (drive.dead(), len(drive.destination.stored())) == ([], count)


@pytest.mark.parametrize("servers_in_turn", [2, 3])
def test_a_balancer_that_takes_turns(servers_in_turn):
    """A balancer that asks a broken server every second or third time costs repeats only."""
    turns = itertools.count()
    drive = Drive(
        lambda events: fast_error() if next(turns) % servers_in_turn == 0 else None,
        batch_events=100,
    )
    for number in range(600):
        drive.put(b"%d" % number)
        drive.pass_time(0.25)
        drive.run(seconds=1)
    drive.run()
    assert (drive.dead(), len(drive.destination.stored())) == ([], 600)


def test_an_event_that_brings_the_server_down():
    """Where the server has to be started again after each attempt, the others still arrive."""
    down_until = 0.0
    drive = Drive()

    def answer(events):
        nonlocal down_until
        if drive.now < down_until:
            return refused_connection()
        if POISON in events:
            down_until = drive.now + 3.0
            return fast_error()
        return None

    drive.destination.answer = answer
    drive.put(*queue_with_poison(300, 171))
    drive.run(seconds=120)
    assert (len(drive.destination.stored()), drive.dead()) == (299, [])


def test_an_outage_changes_no_order():
    """Where everything fails at once, quickly, for a while, events arrive in their order."""
    down = False
    drive = Drive(lambda events: fast_error() if down else None, batch_events=100)
    for number in range(5000):
        if number % 500 == 250:
            down = True
            drive.run(seconds=20)
            down = False
        drive.put(b"%d" % number)
        if number % 10 == 0:
            drive.run(seconds=0.1)
    drive.run(most_steps=5000)
    stored = [int(event) for event in drive.destination.stored()]
    early = [b for a, b in itertools.pairwise(stored) if b < a]
    assert (drive.dead(), len(stored), len(early) <= 10) == ([], 5000, True)


def test_an_outage_costs_few_attempts():
    """The first minute of an outage costs some twenty attempts."""
    drive = Drive(lambda events: None, events=1000, batch_events=100).run()
    drive.destination.answer = lambda events: fast_error()
    drive.put(*(b"later %d" % number for number in range(1000)))
    before = len(drive.attempts)
    drive.run(seconds=60)
    assert len(drive.attempts) - before < 20


@quickly
def test_new_events_pass_while_suspects_wait(server):
    """An event that comes while a suspect is not due is sent at once."""
    drive = Drive(server, events=1).run()
    drive.put(b"1", POISON, b"2")
    while not drive.dispatcher.none_is_due:
        drive.steps(1)
    drive.put(b"3")
    drive.run(seconds=0.1)
    assert b"3" in drive.destination.accepted


def test_suspects_that_nobody_knows_any_more():
    """Suspects that were dropped from the buffer are forgotten with it."""
    drive = Drive(chokes)
    drive.put(POISON, b"1")
    drive.run(seconds=10)
    drive.destination.answer = lambda events: None
    drive.run()
    assert (len(drive.buffer), POISON in drive.dispatcher.suspects) == (0, False)
