"""Random failures in any order against a model of a receiver: nothing is lost or stuck."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.dispatching import Drive, fast_error, refused_connection, rejected, server_error

from structlog_mozdef.delivery.quarantine import STRIKES
from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import SendResult

ERRORS = {
    "500": server_error,
    "500 at once": fast_error,
    "no connection": refused_connection,
    "busy": lambda: TransportError("HTTP 429", retry_after=3.0),
    "unauthorized": lambda: TransportError("HTTP 401", retryable=False),
    "foreign": lambda: RuntimeError("a fault of the transport"),
}
FAULTS = ["accept", "timeout after storing", "head only", "scattered", *ERRORS]


class Receiver:
    """Follows a script of faults; behind its end it only minds the events.

    Events that begin with ``reject`` are blamed with 400; those with ``choke`` get 500.
    """

    def __init__(self, faults):
        self.faults = list(faults)
        self.stored = []
        self.failed_alone = Counter()

    def __call__(self, events):
        fault = self.faults.pop(0) if self.faults else "accept"
        result = self.judge(fault, events)
        if len(events) == 1 and getattr(result, "ambiguous", False):
            self.failed_alone[events[0]] += 1
        return result

    def judge(self, fault, events):
        if fault in ERRORS:
            return ERRORS[fault]()
        if any(event.startswith(b"reject") for event in events):
            return rejected()
        if any(event.startswith(b"choke slowly") for event in events):
            return server_error()
        if any(event.startswith(b"choke") for event in events):
            return fast_error()
        count = len(events)
        if fault == "head only":
            count = len(events) // 2
        accepted = events[::2] if fault == "scattered" else events[:count]
        self.stored += accepted
        if fault == "timeout after storing":
            return TransportError("no answer", ambiguous=True)
        again = [index for index, event in enumerate(events) if event not in accepted]
        return SendResult(retry=again, error=server_error()) if again else None


kinds = st.lists(
    st.sampled_from(["good"] * 6 + ["reject", "choke", "choke slowly"]), min_size=1, max_size=25
)
faults = st.lists(st.sampled_from(FAULTS), max_size=40)
options = {
    "kinds": kinds,
    "faults": faults,
    "batch_events": st.sampled_from([1, 2, 3, 8, 100]),
    "recovery_probes": st.sampled_from([0, 1, 3]),
    # (Chance as a list of its own would be all zeros for a start: a jitter that never waits.)
    "random": st.integers(0, 2**32).map(Random),
}


def deliver(kinds, faults, batch_events, recovery_probes, random):
    receiver = Receiver(faults)
    drive = Drive(
        receiver,
        batch_events=batch_events,
        recovery_probes=recovery_probes,
        chance=random.random,
    )
    events = [f"{kind}{number}".encode() for number, kind in enumerate(kinds)]
    for event in events:
        drive.put(event)
        if random.random() < 0.3:
            drive.steps(random.randrange(4))
    drive.run(seconds=3600, most_steps=10_000)
    # Life goes on: what is left alone with poison is delivered beside newer events.
    for number in range(2):
        drive.put(b"later%d" % number)
    drive.run(most_steps=5000)
    return drive, receiver, events


@settings(max_examples=400, deadline=None)
@given(**options)
def test_every_event_is_delivered_or_a_dead_letter(**drawn):
    """When the faults are over, each good event has arrived, and each bad one is a dead letter."""
    drive, receiver, events = deliver(**drawn)
    dead = set(drive.dead())
    missing = {event for event in events if event not in receiver.stored} - dead
    bad = {event for event in events if not event.startswith(b"good")}
    assert (missing, bad - dead) == (set(), set())


@settings(max_examples=200, deadline=None)
@given(**options)
def test_only_what_failed_alone_is_called_poison(**drawn):
    """A good event is a dead letter only where it failed alone time after time, others passing."""
    drive, receiver, _ = deliver(**drawn)
    innocent = {event for event in drive.dead() if event.startswith((b"good", b"later"))}
    assert all(receiver.failed_alone[event] >= STRIKES for event in innocent)


@settings(max_examples=200, deadline=None)
@given(
    kinds=kinds,
    errors=st.lists(st.sampled_from(["no connection", "busy", "unauthorized", "accept"])),
    batch_events=options["batch_events"],
    random=options["random"],
)
def test_order_is_kept_where_nothing_is_ambiguous(kinds, errors, batch_events, random):
    """Failures before anything is stored repeat nothing and change no order."""
    kinds = [kind for kind in kinds if not kind.startswith("choke")]
    _, receiver, events = deliver(kinds, errors, batch_events, 3, random)
    good = [event for event in events if event.startswith(b"good")]
    assert receiver.stored == [*good, b"later0", b"later1"]
