"""Events that wait on disk: an event whose `Spool.append` has returned survives ``kill -9``.

Before this package is `structlog_mozdef.sink`, which appends rendered events; after it
`structlog_mozdef.delivery`, which peeks batches, and acks them once they are delivered.

Files
    ``writer`` appends, to a ``stream`` with its segments, or to the ``holding`` in memory while the
    disk fails; to the reader both are a ``source``. ``reader`` reads batches, settles them and
    adopts orphans. ``folder`` finds, creates and locks streams; ``format`` knows all bytes on disk;
    ``safe_files`` opens files that somebody may have tampered with. ``ledger`` counts; ``damage``
    keeps rejected events and damaged lines, ``dead_letters`` is their file; ``maintenance`` works
    once a second. ``inspect`` is the read-only view for the command line; ``timings`` holds the
    waits.

Constraints
    A log call returns only when its event is in the operating system's hands: one ``write(2)``,
    nothing else. Any number of processes share a folder, fork and die at any point. The events can
    be read with ``ls``, ``tail`` and ``jq``. Disk and memory are bounded. Damage costs the damaged
    events and no others, and nothing is lost without being counted.

Layout
    ::

        FOLDER/                             0700, of this user
          1790000000000-4711-5f0c.../       one stream, of one process: begun (ms), pid, random
            stream.json                     metadata: format, destination without credentials, pid
            position                        the ack offset
            0000000001.ndjson               segments, in order
            0000000002.ndjson
          dead-letters.ndjson               of all processes

Format
    A segment is NDJSON: one MozDef event a line, as it goes on the wire. ``position`` is one line
    of fixed length, ``SEGMENT OFFSET CHECKSUM``: everything before is settled. ``stream.json``
    carries the number of the format, 1; a stream of a later format is left alone.

Life
    A stream appears atomically: created under a temporary name, locked (``flock`` on the subfolder
    itself), renamed. The lock ends with the process that holds it, however that dies. The owner
    appends to the last segment with ``O_APPEND`` and begins another when it is full. The ack offset
    is written after each delivered batch; a drained segment is removed after the ack offset has
    left it. The rest of a short write is cut off again, back to the last complete line.

Recovery
    Any living sink on the folder adopts streams whose lock is free, and delivers them together
    with its own, each in its own order; the lock makes it the only one. A crash repeats at most the
    batch that was in flight. An ack offset that is missing or makes no sense means the beginning.
    Each adopted line is parsed as JSON: a damaged one becomes a dead letter, with the reason.
    Only regular files of this user are ever opened to be written. A file or folder that cannot be
    removed is quarantined: renamed to ``....aside``.

    A forked child closes all streams of its parent, and begins one with its first event.

    While the disk cannot be written (full, quota, gone), events wait in memory, bounded, and are
    written in order as soon as possible. The maintenance thread warns of it, and reports its end.

Ends
    ============================  ============================================================
    `Spool.close`                 removes drained streams, writes ack offsets, leaves the rest
                                  for adoption; the next `append` begins a stream
    `Spool.abandon`               closes files and locks, changes nothing on disk: like a crash
    `Spool.close_after_fork`      the same in a forked child, for descriptors in transit as well
    ``SpoolFolder.close``         closes the folder itself, when nobody can use the sink again
    ``Stream.close, .abandon``    the same two, for one stream
    ``Stream.remove``             for a drained one: removes it from the disk
    ============================  ============================================================

Bounds
    15/16 of ``max_bytes`` are for streams, the rest for dead letters. If several processes share
    the folder, each leaves another 1/16 to events that the others may have written since it
    measured the folder.

Power loss
    ``kill -9`` loses nothing; only a crash of the machine can lose events that are not yet on the
    disk. ``sync="interval"``: the last second; ``"always"``: none; ``"never"``: as many as the
    kernel keeps back, usually 30 s. The names of new streams and segments are synchronised with
    their content. A thread of its own does it, so that a sender that waits for an answer does not
    delay it.

Why files and not SQLite
    450 bytes, one event after the other: one transaction each took 12 to 21 us in SQLite (WAL,
    autocommit), a ``write(2)`` 1.6 us; ``benchmarks/spool_blocks.py`` repeats the measurement.
    Batching the transactions (3.2 us) would leave a window in which a crash loses events, the
    writer would wait for the reader's lock, and a SQLite connection must not be carried across a
    fork.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.accounting import Loss
from structlog_mozdef.buffers.base import Batch, Counts, DeadLetter, SyncMode, WhenFull
from structlog_mozdef.buffers.spool.damage import DamageLog
from structlog_mozdef.buffers.spool.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.maintenance import DeferredWarnings
from structlog_mozdef.buffers.spool.reader import SpoolBatch, SpoolReader
from structlog_mozdef.buffers.spool.timings import SpoolTimings
from structlog_mozdef.buffers.spool.writer import SpoolWriter

__all__ = ["Spool", "SpoolTimings"]

_MAX_SEGMENT_BYTES = 8 * 1024 * 1024
_TIMINGS = SpoolTimings()


class Spool:
    """A bounded FIFO on disk; the docstring of the package says what it guarantees, and how.

    Args:
        folder: may be shared with other spools, of this process and of others.
        max_events: maximum of waiting events of this process.
        max_bytes: maximum of the folder. More than 30 processes that begin at the same moment
            can exceed it by a few percent.
        when_full: as for `MemoryBuffer`; "drop_oldest" drops the oldest segment of this process
            that is not being sent.
        sync: when events are forced to the disk; see "Power loss".
        own_log: for warnings about the disk and the folder.
        segment_bytes: size of a complete segment; an eighth of *max_bytes* if that is less.
        timings: how long it waits before it tries again.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        *,
        max_events: int,
        max_bytes: int,
        when_full: WhenFull,
        sync: SyncMode,
        own_log: RateLimitedLogger,
        segment_bytes: int = _MAX_SEGMENT_BYTES,
        timings: SpoolTimings = _TIMINGS,
    ) -> None:
        self.rescan_interval = timings.rescan_interval
        self._folder = folder
        share = max_bytes // 16
        # Re-entrant: a signal handler or __del__ may log in the middle of an append.
        self._lock = threading.RLock()
        self._ledger = SpoolLedger()
        self._deferred_warnings = DeferredWarnings(own_log)
        self._damage_log = DamageLog(
            folder,
            self._ledger,
            self._deferred_warnings,
            self._lock,
            DeadLetterFile(folder, share, syncs=sync != "never"),
        )
        self._writer = SpoolWriter(
            folder,
            self._ledger,
            self._damage_log,
            self._deferred_warnings,
            self._lock,
            max_events=max_events,
            max_bytes=max_bytes - share,
            reserve_bytes=share,
            when_full=when_full,
            sync=sync,
            segment_bytes=segment_bytes,
            timings=timings,
        )
        self._reader = SpoolReader(
            folder,
            self._ledger,
            self._damage_log,
            self._deferred_warnings,
            self._lock,
            holding=self._writer.holding,
            own_streams=self._writer.streams,
            rescan_interval=timings.rescan_interval,
        )
        #: See `structlog_mozdef.buffers.base.Buffer`.
        self.append: Callable[[bytes], int] = (
            self._writer.append_and_sync if sync == "always" else self._writer.append
        )

    @property
    def durable(self) -> bool:
        """Whether all waiting events outlive the process."""
        return not self._writer.holding.held

    def drop(self, reason: str) -> None:
        with self._lock:
            self._ledger.drop(reason)

    # Delivery: in the sender's thread.

    def adopt_orphans(self) -> bool:
        self._reader.remove_drained(self._writer.removed_streams)
        others_wait = self._reader.adopt_orphans()
        self._deferred_warnings.flush()
        return others_wait

    def peek(self, max_events: int, max_bytes: int) -> SpoolBatch:
        try:
            return self._reader.peek(max_events, max_bytes)
        finally:
            self._deferred_warnings.flush()

    def ack(self, batch: Batch) -> None:
        self._reader.ack(batch)

    def reject(self, event: bytes, reason: str) -> None:
        self._damage_log.reject(event, reason)
        self._deferred_warnings.flush()

    def requeue(self, event: bytes) -> None:
        with self._lock:
            self._writer.requeue(event)

    def dead_letters(self) -> list[DeadLetter]:
        return self._damage_log.dead_letters()

    # Numbers.

    def __len__(self) -> int:
        return self._ledger.waiting()

    def size_bytes(self) -> int:
        with self._lock:
            size = self._writer.holding.bytes + self._reader.size()
            size += sum(stream.size() for stream in self._writer.streams())
            return max(size, 0)

    def appended_count(self) -> int:
        return self._ledger.appended

    def settled_count(self) -> int:
        return self._ledger.settled_count()

    def counts(self) -> Counts:
        with self._lock:
            return self._ledger.counts(self.size_bytes(), self._reader.adopted_since)

    def dropped(self) -> dict[str, int]:
        return self._ledger.drops.counts()

    def losses(self) -> dict[str, Loss]:
        if self._ledger.drops.all_reported():
            return {}
        with self._lock:
            return self._ledger.drops.losses()

    def report_loss(self, reason: str, loss: Loss, event: bytes) -> bool:
        with self._lock:
            if not self._writer.can_write(len(event) + 1):
                return False
            self.append(event)
            self._ledger.drops.mark_reported(reason, loss)
            return True

    # The end.

    def close(self) -> None:
        with self._lock:
            self._reader.close()
            self._writer.prepare_close()
        self._writer.maintenance.stop()
        with self._lock:
            self._reader.remove_drained(self._writer.removed_streams)
            self._writer.close()
        self._deferred_warnings.flush()

    def maintain(self) -> None:
        """Do now what the maintenance thread does once a second."""
        self._writer.maintenance.work()

    def abandon(self) -> None:
        """Close all files and locks, and change nothing on disk, as a crash would."""
        self._writer.abandon()
        self._reader.abandon()

    def close_after_fork(self) -> None:
        self.abandon()
        self._folder.close_streams_after_fork()
