"""A spool does what plain lists would do, whatever processes, disks and people do to it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.handmade_spools import AT_ONCE, spool_on

from structlog_mozdef.buffers.base import Counts
from structlog_mozdef.buffers.spool import Spool

NO_LIMIT = resource.RLIM_INFINITY


@pytest.mark.slow
def test_it_behaves_like_lists():
    """All that was appended comes out, in order, and only what was in flight comes twice."""
    run_state_machine_as_test(
        Model,
        settings=settings(
            max_examples=int(os.environ.get("SPOOL_EXAMPLES", "120")),
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


pick = st.integers(0, 5)


class Model(RuleBasedStateMachine):
    """Up to three processes on one folder; each life of a stream numbers its events."""

    def __init__(self):
        super().__init__()
        self.path = Path(tempfile.mkdtemp()) / "spool"
        self.spools: list[Spool] = []
        self.lives: dict[Spool, int] = {}
        self.life_of: dict[bytes, int] = {}
        self.life = 0
        self.number = 0
        self.disk_fails = False
        self.flips = 0
        self.appended: list[bytes] = []
        self.accepted: Counter[Spool] = Counter()
        self.counts: dict[Spool, Counts] = {}
        self.deliveries: list[bytes] = []  # and rejections
        self.may_repeat: Counter[bytes] = Counter()
        self.may_be_lost: set[bytes] = set()
        self.rejected: Counter[bytes] = Counter()
        self.open()

    # The disk, and what is on it.

    @contextlib.contextmanager
    def disk(self):
        """Everything is done on a disk that may not let files grow."""
        if self.disk_fails:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, NO_LIMIT))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (NO_LIMIT, NO_LIMIT))

    def orphans(self):
        found = []
        for stream in sorted(path for path in self.path.iterdir() if path.is_dir()):
            fd = os.open(stream, os.O_RDONLY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(stream)
            except BlockingIOError:
                pass
            finally:
                os.close(fd)
        return found

    def lines(self, stream):
        files = sorted(stream.glob("*.ndjson"))
        return [
            line
            for file in files
            for line in file.read_bytes().splitlines(True)
            if line[-1:] == b"\n"
        ]

    # What processes do.

    @precondition(lambda self: len(self.spools) < 3)
    @rule()
    def open(self):
        spool = spool_on(self.path, segment_bytes=300, timings=AT_ONCE)
        self.spools.append(spool)
        self.begin_life(spool)

    def begin_life(self, spool):
        self.life += 1
        self.lives[spool] = self.life

    def spool(self, index):
        return self.spools[index % len(self.spools)]

    @rule(index=pick, size=st.integers(0, 200), count=st.integers(1, 5))
    def append(self, index, size, count):
        spool = self.spool(index)
        for _ in range(count):
            self.number += 1
            encoded = json.dumps({"n": self.number, "pad": "x" * size}).encode()
            self.life_of[encoded] = self.lives[spool]
            with self.disk():
                spool.append(encoded)
            self.accepted[spool] += 1
            self.appended.append(encoded)

    @rule(index=pick, max_events=st.integers(1, 12), max_bytes=st.integers(1, 900), share=pick)
    def send(self, index, max_events, max_bytes, share):
        spool = self.spool(index)
        with self.disk():
            batch = spool.peek(max_events, max_bytes)
            assert bool(batch.events) == bool(len(spool))
            # What was given out stays; events of others may follow.
            again = spool.peek(max_events, max_bytes)
            assert again.events[: len(batch.events)] == batch.events
            batch = batch.first(len(batch.events) * share // 5)
            self.deliveries += batch.events
            spool.ack(batch)

    @rule(index=pick)
    def reject(self, index):
        spool = self.spool(index)
        if self.disk_fails:
            return  # the letter itself could not be written
        events = spool.peek(3, 10_000).events
        if events:
            spool.reject(events[0], "HTTP 400")
            self.agree()
            spool.ack(spool.peek(3, 10_000).first(1))
            self.rejected[events[0]] += 1
            self.deliveries.append(events[0])

    @rule(index=pick)
    def adopt_orphans(self, index):
        with self.disk():
            self.spool(index).adopt_orphans()

    @rule(index=pick)
    def maintain(self, index):
        with self.disk():
            self.spool(index).maintain()

    @rule(index=pick, sends=st.booleans())
    def crash(self, index, sends):
        """The kernel closes what a dead process had open."""
        spool = self.spool(index)
        if sends:
            with self.disk():
                events = spool.peek(5, 2000).events
            self.deliveries += events
            self.may_repeat.update(events)
        if self.disk_fails:
            self.may_repeat.update(self.appended)  # no ack offset could be written
        self.may_be_lost.update(self.only_in_memory(spool))
        self.abandon(spool)
        if not self.spools:
            self.open()

    def abandon(self, spool):
        spool.abandon()
        self.spools.remove(spool)
        del self.lives[spool]

    def only_in_memory(self, spool):
        """The events of this life that are not on disk, and were not delivered."""
        if spool.durable:
            return []
        elsewhere = {line[:-1] for stream in self.path.iterdir() for line in self.lines(stream)}
        elsewhere.update(self.deliveries)
        life = self.lives[spool]
        return [
            event
            for event in self.appended
            if self.life_of[event] == life and event not in elsewhere
        ]

    @rule(index=pick)
    def close(self, index):
        """A closed spool can be used again."""
        spool = self.spool(index)
        if self.disk_fails:
            self.may_repeat.update(self.appended)
        with self.disk():
            spool.close()
        # An event in memory belongs to the stream that it will be written to.
        held = self.only_in_memory(spool)
        self.give_lives_to_orphans()
        self.begin_life(spool)
        self.life_of.update(dict.fromkeys(held, self.life))

    def give_lives_to_orphans(self):
        """After an error of the disk a process has several streams; others may share them."""
        for stream in self.orphans():
            self.life += 1
            lines = [line[:-1] for line in self.lines(stream)]
            self.life_of.update(dict.fromkeys(lines, self.life))

    @rule()
    def fail(self):
        self.disk_fails = True

    @rule()
    def recover(self):
        self.disk_fails = False

    # What happens to orphans.

    @rule(
        index=pick,
        damage=st.sampled_from(["torn", "zeroed", "flipped", "empty lines", "removed", "garbage"]),
        where=st.integers(0, 5000),
    )
    def damage(self, index, damage, where):
        orphans = self.orphans()
        if not orphans:
            return
        stream = orphans[index % len(orphans)]
        before = Counter(self.lines(stream))
        segments = sorted(stream.glob("*.ndjson"))
        if not segments:
            return
        segment = segments[-1] if damage in ("torn", "zeroed") else segments[where % len(segments)]
        content = bytearray(segment.read_bytes())
        at = where % (len(content) + 1)
        if damage == "torn":
            del content[at:]
        elif damage == "zeroed":
            content[at:] = bytes(len(content) - at)
        elif damage == "flipped" and at < len(content):
            content[at] ^= 1 << where % 8
            self.flips += 1
        elif damage == "empty lines":
            content[0:0] = b"\n\n"
            content += b"\n"
        elif damage == "garbage":
            content += os.urandom(20) + b"\n"
        if damage == "removed":
            segment.unlink()
        else:
            segment.write_bytes(content)
        lost = before - Counter(self.lines(stream))
        self.may_be_lost.update(line[:-1] for line in lost)
        # Where the ack offset does not fit any more, reading begins again.
        self.may_repeat.update(line[:-1] for line in before)

    @rule(index=pick, text=st.sampled_from([b"", b"nonsense", b"0000000001 00000", None]))
    def damage_ack_offset(self, index, text):
        orphans = self.orphans()
        if orphans:
            stream = orphans[index % len(orphans)]
            self.may_repeat.update(line[:-1] for line in self.lines(stream))
            ack_offset = stream / "position"
            if text is None:
                ack_offset.unlink(missing_ok=True)
            else:
                ack_offset.write_bytes(text)

    @rule(index=pick, text=st.sampled_from([b"", b"{", b"[1]", b'{"format": "x"}', None]))
    def damage_metadata(self, index, text):
        orphans = self.orphans()
        if orphans:
            metadata = orphans[index % len(orphans)] / "stream.json"
            if text is None:
                metadata.unlink(missing_ok=True)
            else:
                metadata.write_bytes(text)

    # What always holds.

    @invariant()
    def agree(self):
        for spool in self.spools:
            counts = spool.counts()
            parts = counts.delivered + counts.dead_lettered + sum(counts.dropped.values())
            parts += counts.buffered + counts.released
            assert counts.accepted + counts.adopted == parts
            assert counts.accepted == self.accepted[spool]
            before, self.counts[spool] = self.counts.get(spool, counts), counts
            for name in ("accepted", "adopted", "delivered", "dead_lettered"):
                assert getattr(before, name) <= getattr(counts, name), name
            for reason, events in before.dropped.items():
                assert events <= counts.dropped[reason]
            assert spool.settled_count() <= spool.appended_count()
            assert min(len(spool), spool.size_bytes(), counts.buffered) >= 0

    def teardown(self):
        try:
            self.disk_fails = False
            self.drain()
            self.check()
        finally:
            for spool in list(self.spools):
                self.abandon(spool)
            shutil.rmtree(self.path.parent)

    def drain(self):
        for spool in self.spools:
            for _ in range(1000):
                spool.maintain()
                spool.adopt_orphans()
                batch = spool.peek(7, 500)
                self.deliveries += batch.events
                spool.ack(batch)
                if not len(spool) and not self.orphans():
                    break
            assert not len(spool)
        for spool in self.spools:
            spool.adopt_orphans()  # what it left to others is delivered by now
            assert spool.settled_count() == spool.appended_count()
            spool.close()
        assert [path for path in self.path.iterdir() if path.is_dir()] == []

    def check(self):
        appended = set(self.appended)
        ours = [event for event in self.deliveries if event in appended]
        times = Counter(ours)
        missing = appended - times.keys() - self.may_be_lost
        assert not missing
        for event, count in times.items():
            assert count <= 1 + self.may_repeat[event], event
        # A flipped bit can leave a line JSON all the same.
        assert len(set(self.deliveries) - appended) <= self.flips
        order: dict[int, list[int]] = {}
        for event in dict.fromkeys(ours):
            order.setdefault(self.life_of[event], []).append(json.loads(event)["n"])
        assert all(numbers == sorted(numbers) for numbers in order.values())
        letters = self.path / "dead-letters.ndjson"
        if self.rejected:
            kept = [json.loads(line) for line in letters.read_bytes().splitlines()]
            events = Counter(json.dumps(each["event"]).encode() for each in kept if "event" in each)
            assert not self.rejected - events
