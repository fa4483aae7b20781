"""Events that wait on disk: what `Spool.append` has taken survives ``kill -9``.

Constraints
    A log call returns only when its event is in the operating system's hands: one ``write(2)``,
    nothing else. Any number of processes share a folder, fork and die at any point. Anybody can
    read what waits with ``ls``, ``tail`` and ``jq``. Disk and memory are bounded. Damage costs the
    damaged events and no others, and nothing is lost without being counted.

Layout
    ::

        FOLDER/                             0700, of this user
          1790000000000-4711-5f0c.../       one stream, of one process: begun (ms), pid, random
            stream.json                     format, destination (without credentials), process
            position                        the acknowledged position
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
    appends to the last segment with ``O_APPEND`` and begins another when it is full. The position
    is written after each delivered batch; a segment is removed once it is drained, after the
    position has left it. A short write is cut off again, back to the last whole line.

Recovery
    Any living sink on the folder adopts streams whose lock is free, and delivers them beside its
    own, each in its own order; the lock makes it the only one. A crash repeats at most the batch
    that was in flight. A position that is missing or makes no sense means the beginning. Each
    adopted line is read as JSON: one that is torn or damaged goes to the dead letters, with the
    reason. What is no regular file of this user is never opened to be written, and what cannot be
    removed is renamed to ``....aside``.

    A forked child forgets all of its parent's streams, and begins one with its first event.

    While the disk refuses to write (full, quota, gone), events wait in memory, bounded, and are
    written in order as soon as it can be done. The housekeeper says so, and when it is over.

Bounds
    15/16 of ``max_bytes`` are for streams, the rest for dead letters. Where several processes
    share the folder, each leaves another 1/16 to what the others may have written since it looked.

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

import errno
import os
import threading
import time

from structlog_mozdef.buffers.base import FULL, Batch, Counts, DeadLetter, SyncMode, WhenFull
from structlog_mozdef.buffers.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.drops import Loss
from structlog_mozdef.buffers.housekeeper import Housekeeper
from structlog_mozdef.buffers.overflow import Overflow
from structlog_mozdef.buffers.spool_books import MARK_MASK, Books
from structlog_mozdef.buffers.spool_folder import SpoolFolder
from structlog_mozdef.buffers.spool_lines import LINE_LIMIT_BYTES
from structlog_mozdef.buffers.spool_reader import ADOPT_INTERVAL, SpoolBatch, SpoolReader
from structlog_mozdef.buffers.spool_source import Source
from structlog_mozdef.buffers.spool_stream import Stream
from structlog_mozdef.reporting import Reporter

_LARGEST_SEGMENT_BYTES = 8 * 1024 * 1024
# While the disk refuses, or the spool is full, it is tried again after so many seconds.
_DISK_RETRY = 1.0
_FULL_RETRY = 0.05
# What the other files of a stream take.
_STREAM_BYTES = 512


class Spool:
    """A bounded FIFO on disk; the module says what it guarantees, and how.

    Args:
        folder: shared with the spools of other processes, and with those of this one.
        max_events: of this process that may wait.
        max_bytes: of the whole folder. More than 30 processes that begin at the same moment can
            exceed it by a few percent.
        when_full: as for `MemoryBuffer`; "drop_oldest" drops the oldest segment of this process
            that is not being sent.
        sync: when events are forced to the disk; see "Power loss".
        reporter: says what happened to the disk.
    """

    look_again = ADOPT_INTERVAL

    def __init__(
        self,
        folder: SpoolFolder,
        *,
        max_events: int,
        max_bytes: int,
        when_full: WhenFull,
        sync: SyncMode,
        reporter: Reporter,
    ) -> None:
        self._folder = folder
        self._max_events = max_events
        letter_bytes = max_bytes // 16
        self._max_bytes = max_bytes - letter_bytes
        self._reserve = max_bytes // 16
        self._largest_line = min(self._max_bytes - self._reserve - _STREAM_BYTES, LINE_LIMIT_BYTES)
        self._when_full = when_full
        self._syncs = sync != "never"
        self._syncs_always = sync == "always"
        self._segment_bytes = max(min(max_bytes // 8, _LARGEST_SEGMENT_BYTES), 1)
        self._segment_events = max(max_events // 8, 1)
        # Re-entrant: a signal handler or __del__ may log in the middle of an append.
        self._lock = threading.RLock()
        self._appending = False

        self._books = Books()
        self._stream: Stream | None = None
        # Streams of this process that somebody removed while they held events.
        self._left_behind: list[Stream] = []
        self._overflow = Overflow(max_bytes)
        # Bytes that can be written, and the backlog that can be reached, before `_make_room` has
        # to look again.
        self._room = 0
        self._careful_from = 0
        self._segment_room = 0
        self._lines_before_segment = 0
        self._full_until = 0.0
        self._disk_retry_at = 0.0
        self._trouble: str | None = None
        self._has_new_names = False
        self._housekeeper = Housekeeper(self._keep_house, sync == "interval", reporter)
        self._reader = SpoolReader(
            folder,
            self._books,
            reporter,
            self._lock,
            dead_letter_file=DeadLetterFile(folder, letter_bytes, syncs=self._syncs),
            overflow=self._overflow,
            own_streams=self._own_streams,
        )

    @property
    def durable(self) -> bool:
        """Whether all that waits outlives the process."""
        return not self._overflow.held

    # Appending: in the threads that log.

    def append(self, event: bytes) -> int:
        line = event + b"\n"
        size = len(line)
        with self._lock:
            books = self._books
            backlog = books.taken - books.left
            if (
                self._room < size
                or backlog >= self._careful_from
                or self._appending
                or self._trouble is not None
            ):
                return self._append_with_care(line)
            self._appending = True
            try:
                self._room -= size
                self._write(line, backlog)
            except OSError as error:
                return self._hold(line, error)
            finally:
                self._appending = False
            return backlog + 1

    def _write(self, line: bytes, backlog: int) -> None:
        stream = self._stream
        if stream is None:
            raise FileNotFoundError(errno.ENOENT, "there is no stream to write to")
        stream.write(line)
        if self._syncs_always:
            self._sync(stream.write_fd)
        books = self._books
        if not backlog or not books.taken & MARK_MASK:
            books.mark()
        books.taken += 1

    def _count(self, backlog: int) -> None:
        books = self._books
        if not backlog or not books.taken & MARK_MASK:
            books.mark()
        books.taken += 1

    def _append_with_care(self, line: bytes) -> int:
        """Append where the quick way does not do."""
        if self._appending:
            return self._append_inside(line)
        self._appending = True
        try:
            if self._is_full_of_events():
                return self._refuse(len(line))
            self._write_overflow()
            if self._trouble is not None:
                return self._hold(line, None)
            if not self._make_room(len(line)):
                return self._refuse(len(line))
            self._room -= len(line)
            self._write(line, self._backlog())
        except OSError as error:
            return self._hold(line, error)
        finally:
            self._appending = False
        return self._backlog()

    def _append_inside(self, line: bytes) -> int:
        """Append in the middle of an append of this very thread, which may have written a part.

        A signal handler or ``__del__`` logs; its line begins behind a line end.
        """
        if self._trouble is not None:
            return self._hold(line, None)
        try:
            self._write(b"\n" + line, self._backlog())
        except OSError as error:
            return self._hold(line, error)
        return self._backlog()

    def _is_full_of_events(self) -> bool:
        if self._backlog() < self._max_events:
            return False
        stream = self._stream
        if self._when_full != "drop_oldest" or stream is None:
            return True
        if self._drop_oldest_segment(stream):
            return False
        if self._lines_in_segment():
            self._begin_segment(stream)
        return not self._drop_oldest_segment(stream)

    def _has_room(self, size: int) -> bool:
        if self._trouble is not None or self._backlog() >= self._max_events:
            return False
        self._appending = True
        try:
            return self._room >= size or self._make_room(size)
        except OSError:
            return False
        finally:
            self._appending = False

    def _refuse(self, size: int) -> int:
        if size > self._largest_line:
            self.drop("larger than the spool takes")
        elif self._when_full == "block":
            return FULL
        else:
            self.drop("spool full")
        return self._backlog()

    def drop(self, reason: str) -> None:
        with self._lock:
            self._books.drop(reason)

    def _hold(self, line: bytes, error: OSError | None) -> int:
        """The disk refuses: hold *line* in memory, and try the disk again in a while."""
        if error is not None:
            self._disk_failed(error)
        if len(line) > self._largest_line:
            self.drop("larger than the spool takes")
        elif self._overflow.append(line):
            self._count(self._backlog())
        elif self._when_full == "block":
            return FULL
        else:
            self.drop("disk refused to write")
        return self._backlog()

    def _disk_failed(self, error: OSError) -> None:
        self._room = 0
        if self._lines_in_segment():
            self._segment_room = 0  # it may be this file that must not grow
        self._disk_retry_at = time.monotonic() + _DISK_RETRY
        self._trouble = error.strerror or type(error).__name__
        self._housekeeper.start()
        self._housekeeper.say(
            "spool disk",
            f"the spool {self._folder.path} cannot be written: {self._trouble}; events wait in"
            " memory until it can",
        )

    def _write_overflow(self) -> None:
        """Write what is held in memory, if the disk lets us again."""
        if self._trouble is None or time.monotonic() < self._disk_retry_at:
            return
        try:
            if not self._overflow.held:
                self._write_held(b"\n")  # a blank line is no event, but tells how the disk is
            self._overflow.write_out(self._write_held)
        except OSError as error:
            self._disk_failed(error)
        else:
            self._disk_recovered()

    def _disk_recovered(self) -> None:
        self._trouble = None
        self._housekeeper.say(
            "spool disk recovered", f"the spool {self._folder.path} can be written again"
        )

    def _write_held(self, line: bytes) -> Source:
        if self._room < len(line) and not self._make_room(len(line)):
            raise OSError(errno.ENOSPC, "the spool is full")
        self._room -= len(line)
        stream = self._stream
        assert stream is not None  # noqa: S101 - `_make_room` has made it
        stream.write(line)
        if self._syncs_always:
            self._sync(stream.write_fd)
        return stream

    def _make_room(self, size: int) -> bool:
        """Look at all that `append` does not look at each time; False where the spool is full.

        Raises:
            OSError: the disk refuses.
        """
        if size > self._largest_line or time.monotonic() < self._full_until:
            return False
        if self._stream is not None and self._stream.is_gone():
            self._abandon_stream()
        if self._stream is None:
            self._stream = self._new_stream()
        if self._segment_room <= 0 or self._lines_in_segment() >= self._segment_events:
            self._begin_segment(self._stream)
        available, quantum = self._available()
        while available < size and self._when_full == "drop_oldest":
            if not self._drop_oldest_segment(self._stream):
                break
            available, quantum = self._available()
        if available < size:
            self._full_until = time.monotonic() + _FULL_RETRY
            return False
        self._room = max(size, min(available, quantum, self._segment_room, LINE_LIMIT_BYTES))
        self._segment_room -= self._room
        self._careful_from = min(self._max_events, self._backlog() + self._segment_events)
        return True

    def _available(self) -> tuple[int, int]:
        """The bytes that may be written, and how many of them before the next look.

        The other streams may have grown since they were looked at, each by its own share.
        """
        usage = self._folder.usage()
        reserve = self._reserve if usage.streams > 1 else 0
        return self._max_bytes - usage.bytes - reserve, self._reserve // (4 * usage.streams)

    def _new_stream(self) -> Stream:
        stream = Stream(
            self._folder, self._folder.create_stream(), self._lock, self._reader, adopted=False
        )
        self._segment_room = 0
        self._housekeeper.start()
        return stream

    def _lines_in_segment(self) -> int:
        return self._lines_written() - self._lines_before_segment

    def _lines_written(self) -> int:
        return self._books.taken - self._overflow.held - self._overflow.sent

    def _begin_segment(self, stream: Stream) -> None:
        number, fd = stream.create_segment()
        books, overflow = self._books, self._overflow
        # Nothing is called from here to the end of the paragraph, so that no signal handler logs
        # in between: what is counted is what stands in each segment.
        before, stream.write_fd = stream.write_fd, fd
        lines = books.taken - overflow.held - overflow.sent
        sequence = books.taken - overflow.held
        lines_before, self._lines_before_segment = self._lines_before_segment, lines

        stream.note_segment(number, sequence, before, lines - lines_before)
        if before >= 0:
            self._housekeeper.sync_and_close(before)
        self._room = 0
        self._segment_room = self._segment_bytes
        if self._syncs_always:
            self._sync(stream.place.fd)
            self._sync(self._folder.fd)
        self._has_new_names = True

    def _sync(self, fd: int) -> None:
        try:
            os.fdatasync(fd)
        except OSError as error:  # the event is written, and the kernel has it
            self._housekeeper.say(
                "spool sync",
                f"the spool {self._folder.path} cannot be synchronised: {error.strerror}",
            )

    def _drop_oldest_segment(self, stream: Stream) -> bool:
        dropped = stream.drop_oldest_segment()
        if dropped is None:
            return False
        self._books.lose(*dropped, "spool full")
        return True

    def _abandon_stream(self) -> None:
        """Somebody has removed our stream: read it to its end, and write to another."""
        stream, self._stream = self._stream, None
        if stream is not None:
            before = self._overflow.held + sum(other.waiting for other in self._left_behind)
            stream.waiting = self._backlog() - before
            self._left_behind.append(stream)
            self._room = 0
            self._housekeeper.say(
                "spool removed", f"somebody removed a stream from the spool {self._folder.path}"
            )

    # Once a second: in the housekeeper's thread.

    def _keep_house(self) -> list[int]:
        """Notice a removed stream, try a disk that refused.

        Returns:
            Descriptors to synchronise and close.
        """
        with self._lock:
            if self._appending:
                return []
            self._appending = True
            try:
                if self._stream is not None and self._stream.is_gone():
                    self._abandon_stream()
                self._write_overflow()
                return self._descriptors_to_sync()
            finally:
                self._appending = False

    def _descriptors_to_sync(self) -> list[int]:
        stream = self._stream
        if stream is None or stream.write_fd < 0 or not self._syncs or self._syncs_always:
            return []
        wanted = [stream.write_fd]
        if self._has_new_names:
            wanted += [stream.place.fd, self._folder.fd]
        fds: list[int] = []
        try:
            fds += map(os.dup, wanted)
        except OSError:
            for fd in fds:
                os.close(fd)
            raise
        self._has_new_names = False
        return fds

    # Delivery: in the sender's thread.

    def _own_streams(self) -> list[Stream]:
        stream = self._stream
        return [*self._left_behind] if stream is None else [*self._left_behind, stream]

    def gather(self) -> bool:
        self._reader.remove_drained(self._left_behind)
        return self._reader.gather()

    def peek(self, max_events: int, max_bytes: int) -> SpoolBatch:
        return self._reader.peek(max_events, max_bytes)

    def ack(self, batch: Batch) -> None:
        self._reader.ack(batch)

    def reject(self, event: bytes, reason: str) -> None:
        self._reader.reject(event, reason)

    def dead_letters(self) -> list[DeadLetter]:
        return self._reader.dead_letters()

    # Numbers.

    def _backlog(self) -> int:
        return self._books.taken - self._books.left

    def __len__(self) -> int:
        return self._books.waiting()

    def size_bytes(self) -> int:
        with self._lock:
            size = self._overflow.bytes + self._reader.size()
            size += sum(stream.size() for stream in self._own_streams())
            return max(size, 0)

    def position(self) -> int:
        return self._books.taken

    def settled(self) -> int:
        return self._books.settled()

    def counts(self) -> Counts:
        with self._lock:
            return self._books.counts(self.size_bytes(), self._reader.adopted_since)

    def losses(self) -> dict[str, Loss]:
        with self._lock:
            return self._books.drops.losses()

    def tell_loss(self, reason: str, loss: Loss, event: bytes) -> bool:
        with self._lock:
            if self._appending or not self._has_room(len(event) + 1):
                return False
            self.append(event)
            self._books.drops.tell(reason, loss)
            return True

    # The end.

    def close(self) -> None:
        with self._lock:
            self._reader.let_go()
            self._overflow.untake()
            self._disk_retry_at = 0.0
        self._housekeeper.stop()
        with self._lock:
            self._reader.remove_drained(self._left_behind)
            for removed in self._left_behind:
                self._books.lose(removed.waiting, self._books.settled(), "spool removed")
                removed.release()
            self._left_behind.clear()
            stream, self._stream = self._stream, None
            self._room = 0
            if stream is None:
                pass
            elif self._backlog() == self._overflow.held and stream.is_exhausted():
                stream.remove()
            else:
                # Whoever adopts it counts its events anew. We go on to count them as waiting,
                # until we adopt them again ourselves.
                self._books.release(stream.name, self._backlog() - self._overflow.held)
                stream.release()

    def forget(self) -> None:
        for stream in self._own_streams():
            stream.release()
        self._reader.forget()
        self._housekeeper.forget()
        self._folder.forget_streams()
