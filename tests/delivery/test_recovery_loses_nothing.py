"""After an outage of MozDef's broker nothing is lost, however many processes its server has."""

from __future__ import annotations

import random

import pytest
from support.dispatching import Drive, server_error

from structlog_mozdef.transports.http import HTTPTransport

PROBES = HTTPTransport("http://127.0.0.1/events").recovery_probes
HOLE_SECONDS = 3.0


class Server:
    """Processes of one MozDef, of which a request reaches any.

    While the broker is down each request fails after 12 s. Afterwards each process loses what it
    accepts in the 3 s that begin with its own first event.
    """

    def __init__(self, processes: int, chance: random.Random) -> None:
        self.processes = processes
        self.chance = chance
        self.first_event: dict[int, float] = {}
        self.stored: set[bytes] = set()
        self.is_down = False
        self.drive: Drive | None = None

    def recover(self) -> None:
        self.is_down = False
        self.first_event.clear()

    def __call__(self, events: list[bytes]) -> object:
        if self.is_down:
            return server_error(12.0)
        process = self.chance.randrange(self.processes)
        now = self.drive.now
        if now - self.first_event.setdefault(process, now) >= HOLE_SECONDS:
            self.stored.update(events)
        return None


def lost(processes: int, seed: int, recovery_probes: int = PROBES) -> int:
    """Events that the server said 200 to and lost, in an outage in the middle of 6,000."""
    chance = random.Random(seed)
    server = Server(processes, chance)
    drive = Drive(server, batch_events=200, recovery_probes=recovery_probes, chance=chance.random)
    server.drive = drive
    for process in range(processes):  # they have been up for long
        server.first_event[process] = -HOLE_SECONDS
    events = [b"%d" % number for number in range(6000)]
    drive.put(*events[:2000])
    drive.run()
    server.is_down = True
    drive.put(*events[2000:4000])
    drive.run(seconds=chance.uniform(1, 300))
    server.recover()
    drive.put(*events[4000:])
    drive.run(most_steps=5000, most_at_once=1000)
    assert (len(drive.buffer), drive.dead()) == (0, [])
    return len(set(events) - server.stored)


@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_nothing_is_lost(processes):
    """In fifty outages each, every event is stored, with the probes that HTTP has by default."""
    assert [lost(processes, seed) for seed in range(50)] == [0] * 50


def test_the_simulation_can_tell():
    """With three probes, events that reach a process without one are lost."""
    assert sum(lost(4, seed, recovery_probes=3) for seed in range(50)) > 0
