"""One event that a server cannot digest never blocks the others."""

import itertools

import pytest
from support.dispatching import Drive, refused_connection, server_error

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
    return drive.run()


def poisonous(events):
    return [index for index, event in enumerate(events) if event.startswith(POISON)]


def chokes(events):
    """A server with 500 forevery request that holds poison."""
    return server_error() if poisonous(events) else None


def chokes_singly(events):
    """A server that accepts one event a request: it stores what comes before the poison."""
    first = next(iter(poisonous(events)), None)
    if first == 0:
        return server_error()
    return first and SendResult(retry=range(first, len(events)), error=server_error())


def chokes_per_item(events):
    """A server that answers for each event, and always with 500 for the poison."""
    again = poisonous(events)
    return SendResult(retry=again, error=server_error()) if again else None


servers = pytest.mark.parametrize("server", [chokes, chokes_singly, chokes_per_item])
positions = pytest.mark.parametrize(("length", "position"), [(2, 0), (2, 1), (9, 4), (300, 171)])
batches = pytest.mark.parametrize("batch_events", [1, 2, 100])
probes = pytest.mark.parametrize("recovery_probes", [0, 1, 3])


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


@servers
@positions
def test_poison_does_not_change_the_order(server, length, position):
    """First arrivals keep their order, but for single probes from behind the poison."""
    drive = run_with_poison(server, length, position)
    stored = [int(event) for event in drive.destination.stored()]
    early = [b for a, b in itertools.pairwise(stored) if b < a]
    assert len(early) <= 1


@servers
@positions
def test_poison_costs_bounded_time(server, length, position):
    """Finding the poison needs a minute or two, not an hour."""
    drive = run_with_poison(server, length, position, chance=lambda: 0.999)
    assert drive.now - 1000.0 < 150


@servers
@positions
def test_poison_costs_bounded_attempts(server, length, position):
    """Finding the poison needs tens of attempts."""
    assert len(run_with_poison(server, length, position).attempts) < 100


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
    drive.run(seconds=60)
    drive.put(b"4", b"5")
    drive.run(most_steps=5000)
    assert (drive.dead(), drive.destination.stored()) == (poisons, [b"1", b"2", b"3", b"4", b"5"])


@servers
def test_time_for_many_poisons_is_linear(server):
    """A row of poisonous events costs a minute or two for each at most."""
    drive = Drive(server, batch_events=10, chance=lambda: 0.999)
    drive.put(*(b"poison%d" % number for number in range(40)), b"1", b"2")
    drive.run(seconds=3600)
    drive.put(b"3", b"4")
    drive.run(most_steps=5000)
    assert drive.now - 1000.0 < 3600 + 40 * 90


@servers
def test_poison_alone_is_kept(server):
    """An event that fails with nothing to compare it with is retried, for days."""
    drive = Drive(server)
    drive.put(POISON)
    drive.run(seconds=2 * 86_400, most_steps=20_000)
    assert (drive.dead(), len(drive.buffer)) == ([], 1)


@servers
def test_poison_alone_is_found_when_others_come(server):
    """An event that failed alone is called poison once others pass."""
    drive = Drive(server)
    drive.put(POISON)
    drive.run(seconds=3600)
    drive.put(b"1", b"2")
    drive.run(seconds=600)
    assert (drive.dead(), drive.destination.stored()) == ([POISON], [b"1", b"2"])


def test_every_retry_is_preceded_by_a_recovery():
    """After each 500 there is a pause: if it was an outage, what comes too early is lost."""
    times = []
    drive = Drive()

    def answer(events):
        times.append((drive.now, len(events), POISON in events))
        return chokes(events)

    drive.destination.answer = answer
    drive.put(*queue_with_poison(64, 20))
    drive.run()
    gaps = [
        later[0] - earlier[0]
        for index, earlier in enumerate(times)
        for later in times[index + 1 :]
        if earlier[2] and later[1] > 1
    ]
    assert min(gaps) >= 5


def test_poison_needs_a_witness_right_after():
    """An event that fails alone while the next attempt fails as well is not suspected."""
    fails_next = False

    def answer(events):
        nonlocal fails_next
        fails, fails_next = fails_next or b"0" in events, not fails_next and b"0" in events
        return server_error() if fails else None

    drive = Drive(answer)
    drive.put(b"0", b"1")
    drive.run(seconds=3600)
    assert drive.dead() == []


def test_reason_says_what_happened():
    """The reason of such a dead letter names the evidence and the answer."""
    drive = Drive(chokes)
    drive.put(POISON, b"1")
    drive.run()
    assert drive.buffer.dead_letters()[0].reason == (
        "it failed alone 3 times while others passed: HTTP 500"
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
    """What one event had against it is not held against the next one."""
    failures = {b"0": 5, b"1": 4}

    def answer(events):
        if not failures.get(events[0]):
            return None
        failures[events[0]] -= 1
        return server_error()

    drive = Drive(answer, events=5)
    drive.run()
    assert (drive.dead(), set(failures.values())) == ([], {0})


def test_nobody_is_taken_for_another():
    """Where other events come in front at the last moment, none of them is blamed."""
    drive = Drive(chokes)
    drive.put(POISON, b"1", b"2")
    for _ in range(100):
        wait = drive.step()
        drive.now += wait or 0.0
        if wait == 0 and drive.attempts[-1] == [POISON] and drive.dispatcher.evidence.strikes == 2:
            drive.buffer._in_flight.reverse()
    assert set(drive.dead()) <= {POISON}
