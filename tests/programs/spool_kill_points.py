"""A process that uses a spool, killed at every call of one system function; and who comes after.

Arguments: the function, and a folder. For each call of it, and before, after and (for writes) in
the middle of it, prints a line of JSON: what was appended, sent, and found afterwards.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, __file__.rpartition("/programs/")[0])

from support.handmade_spools import spool_on

from structlog_mozdef import _flock

BATCH = 3
real_write = os.write


def make(folder):
    # More events in a segment than a batch has.
    return spool_on(folder, max_bytes=1_000_000, sync="always", segment_bytes=120)


class Journal:
    """What happened, in the hands of the operating system at once."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, kind, *events):
        lines = [f"{kind} {event.decode()}\n" for event in events]
        real_write(self.fd, "".join(lines).encode())


def send(journal, events):
    journal.note("sent", *events)


def use(spool, journal, name):
    for number in range(10):
        event = b'{"n": "%s %d"}' % (name, number)
        spool.append(event)
        journal.note("appended", event)
        if number % 2:
            spool.adopt_orphans()
            deliver(spool, journal, rejects=number == 5)
    spool.close()


def deliver(spool, journal, *, rejects=False):
    batch = spool.peek(BATCH, 1000)
    events = list(batch.events)
    if rejects and events:
        spool.reject(events[0], "HTTP 400")
        del events[0]
    globals()["send"](journal, events)
    spool.ack(batch)
    return bool(batch.events)


def kill_at(owner, name, nth, when):
    real = getattr(owner, name)
    calls = 0

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def function(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls != nth:
            return real(*arguments, **options)
        if when == "half":
            real(arguments[0], arguments[1][: len(arguments[1]) // 2], *arguments[2:])
        if when == "after":
            with contextlib.suppress(OSError):
                real(*arguments, **options)
        return die()

    setattr(owner, name, function)


def in_child(function):
    """Run *function* in a child; whether it came to its end."""
    child = os.fork()
    if not child:
        try:
            function()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
    return not os.WIFSIGNALED(status)


def try_point(folder, owner, name, nth, when):
    """Whether the program has that many calls; and what was found."""
    journal = folder.with_suffix(".journal")

    def leave_orphan():
        spool = make(folder)
        for number in range(4):
            event = b'{"n": "orphan %d"}' % number
            spool.append(event)
            Journal(journal).note("appended", event)
        os.kill(os.getpid(), signal.SIGKILL)

    def live():
        log = Journal(journal)
        spool = make(folder)
        kill_at(owner, name, nth, when)
        use(spool, log, b"own")

    def recover():
        spool = make(folder)
        log = Journal(journal.with_suffix(".recovered"))
        while True:
            spool.adopt_orphans()
            if not len(spool) and not any(path.is_dir() for path in folder.glob("1*")):
                break
            deliver(spool, log)
        spool.close()

    in_child(leave_orphan)
    completed = in_child(live)
    in_child(recover)
    lines = journal.read_text().splitlines()
    recovered = journal.with_suffix(".recovered").read_text().splitlines()
    letters = folder / "dead-letters.ndjson"
    found = {
        "point": f"{when} {name} {nth}",
        "appended": [line[9:] for line in lines if line.startswith("appended")],
        "sent": [line[5:] for line in lines if line.startswith("sent")],
        "recovered": [line[5:] for line in recovered],
        "letters": letters.read_text().splitlines() if letters.exists() else [],
        "left": [path.name for path in folder.glob("1*")],
    }
    print(json.dumps(found))
    return not completed


def main(name, folder):
    owner = {"flock": fcntl, "send": sys.modules[__name__]}.get(name, os)
    assert _flock.fcntl is fcntl
    whens = ["before", "after"] + (["half"] if name in ("write", "pwrite") else [])
    for when in whens:
        nth = 1
        while try_point(Path(folder) / f"{when}{nth}", owner, name, nth, when):
            nth += 1
        assert nth > 1, f"{name} is never called"


main(*sys.argv[1:])
