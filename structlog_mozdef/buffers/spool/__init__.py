"""Events that wait on disk: what `Spool.append` was given survives ``kill -9``.

Constraints
    A log call returns only when its event is in the operating system's hands: one ``write(2)``,
    nothing else. Any number of processes share a folder, fork and die at any point. Anybody can
    read what waits with ``ls``, ``tail`` and ``jq``. Disk and memory are bounded. Damage costs the
    damaged events and no others, and nothing is lost without being counted.

Layout
    ::

        FOLDER/                             0700, of this user
          1790000000000-4711-5f0c.../       one stream, of one process: begun (ms), pid, random
            stream.json                     format, destination (without credentials), process,
                                            machine
            position                        the ack offset
            0000000001.ndjson               segments, in order
            0000000002.ndjson
          dead-letters.ndjson               of all processes

Format
    A segment is NDJSON: one MozDef event a line, as it goes on the wire. ``position`` is one line
    of fixed length, ``SEGMENT OFFSET CHECKSUM``: everything before is settled. ``stream.json``
    carries the number of the format, 1; a stream of a later format is left alone.

Life
    A stream appears atomically: made under a temporary name, locked (``flock`` on the subfolder
    itself), renamed. The lock ends with the process that holds it, however that dies. The owner
    appends to the last segment with ``O_APPEND`` and begins another when it is full. The ack offset
    is written after each delivered batch; a segment is removed once it is drained, after the ack
    offset has left it. Nothing that was written is ever undone.

Recovery
    There is one way. Any living sink on the folder adopts streams whose lock is free, and delivers
    them beside its own, each in its own order; the lock makes it the only one. A crash repeats at
    most the batch that was in flight. An ack offset that is missing or makes no sense means the
    beginning. Each adopted line is read as JSON: one that is torn or damaged goes to the dead
    letters, with the reason. What is no regular file of this user is never opened to be written,
    and what cannot be removed is renamed to ``....aside``. What cannot be read is named in a
    warning and skipped.

    A process recovers from itself in the same way. Whatever happens in the middle of an append (a
    short write, an error of the disk, an exception of a signal handler, a file that was removed
    or cut off, a descriptor that was closed), the writer finishes the stream and writes to
    another one; the old one is read to its end, and what was not counted is counted then. So a
    process has a queue of sources, oldest first, and appends to the last. A signal handler that
    logs in the middle of an append writes to a stream of its own.

    While the disk accepts no events (full, quota, gone), the segments of the last stream are held
    in memory, bounded. Once the disk accepts events again, they are written to it.

    A forked child closes all of its parent's streams, and begins one with its first event.

Bounds
    1/16 of ``max_bytes`` is for dead letters, or as much as ``max_dead_letter_bytes`` says, the
    rest for streams. Where several processes share the folder, each leaves another 1/16 to what the
    others may have written since it measured theirs. A dead letter that finds no room is counted as
    dropped.

Machines
    Locks hold on one machine. On a network file system that is mounted on several, give each a
    folder of its own. A stream notes which machine wrote it; another machine leaves it alone while
    there are signs of life, which a living process gives every 15 seconds.

Power loss
    ``kill -9`` loses nothing; only a crash of the machine can lose what the disk has not yet seen:
    ``sync="interval"``: the last second; ``"always"``: nothing; ``"never"``: what the kernel keeps
    back, usually 30 s. The names of new streams and segments are synchronised with their content.
    A thread of its own does it, so that a sender that waits for an answer does not delay it.

Why files and not SQLite
    450 bytes, one event after the other: one transaction each took 12 to 21 us in SQLite (WAL,
    autocommit), a ``write(2)`` 1.6 us; ``benchmarks/spool_blocks.py`` repeats the measurement.
    Batching the transactions (3.2 us) would leave a window in which a crash loses events, the
    writer would wait for the reader's lock, and a SQLite connection must not be carried across a
    fork.
"""

from __future__ import annotations

from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.buffers.accounting import Loss
from structlog_mozdef.buffers.spool.adoption import Adoption
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.options import SpoolOptions, SpoolTimings
from structlog_mozdef.buffers.spool.reader import SpoolBatch, SpoolReader
from structlog_mozdef.buffers.spool.writer import SpoolWriter

__all__ = ["Spool", "SpoolOptions", "SpoolTimings"]


class Spool:
    """A bounded FIFO on disk; the module says what it guarantees, and how.

    Args:
        folder: shared with the spools of other processes, and with those of this one.
        options: see there.
        own_log: says what happened to the disk.
    """

    def __init__(
        self, folder: SpoolFolder, options: SpoolOptions, own_log: RateLimitedLogger
    ) -> None:
        self.rescan_interval = options.timings.rescan_interval
        self._ledger = SpoolLedger(folder, options, own_log)
        self._writer = SpoolWriter(self._ledger)
        self._adoption = Adoption(self._ledger)
        self._reader = SpoolReader(self._ledger, self._writer, self._adoption)
        # See `structlog_mozdef.buffers.base.Buffer`.
        syncs = options.sync == "always"
        self.append = self._writer.append_and_sync if syncs else self._writer.append
        self.drop = self._ledger.count_refused
        self.ack = self._reader.ack
        self.reject, self.requeue = self._ledger.reject, self._writer.append_requeued
        self.dead_letters = self._ledger.dead_letters
        self.dropped, self.losses = self._ledger.drops.counts, self._ledger.drops.losses
        self.volatile_count = self._ledger.held_count
        self.size_bytes, self.counts = self._ledger.size, self._ledger.counts
        self.appended_count = self._ledger.appended_count
        self.settled_count = self._ledger.settled_count
        #: Do at once what the maintenance thread does once a second.
        self.maintain = self._writer.maintenance.work
        #: Close all files and locks, and change nothing on disk: as if the process had died.
        self.abandon = self._writer.abandon

    @property
    def durable(self) -> bool:
        """Whether all that waits outlives the process."""
        return not self.volatile_count()

    def __len__(self) -> int:
        return self._ledger.waiting()

    # Delivery: in the sender's thread.

    def adopt_orphans(self) -> bool:
        has_room = self._reader.remove_drained()
        others_wait = self._adoption.adopt_orphans(has_room=has_room)
        self._ledger.warnings.flush()
        return others_wait

    def is_adopting(self) -> bool:
        return self._adoption.is_adopting

    def peek(self, max_events: int, max_bytes: int) -> SpoolBatch:
        try:
            return self._reader.peek(max_events, max_bytes)
        finally:
            self._ledger.warnings.flush()

    def report_loss(self, reason: str, loss: Loss, event: bytes) -> bool:
        has_room = self._writer.append_if_room(event)
        if has_room:
            self._ledger.drops.mark_reported(reason, loss)
        return has_room

    # The end.

    def is_interrupted(self) -> bool:
        return bool(self._ledger.lock._is_owned())  # noqa: SLF001 - as Condition does

    def close(self) -> None:
        """Close all files and locks; the next `append` opens new ones."""
        self._reader.void()
        self._reader.remove_drained()
        self._adoption.release_all()
        self._writer.close()
        self._ledger.warnings.flush(at_once=True)

    def close_after_fork(self) -> None:
        self.abandon()
        self._ledger.folder.close_streams()
