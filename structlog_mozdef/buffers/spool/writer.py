"""The side of a spool that log calls see: appending events, whatever happens meanwhile.

The stream that is written to lies in one slot. An append takes it out, and puts it back once it is
through. So an append that is cut short, by an error of the disk or an exception of a signal
handler, leaves the slot empty, and that stream is written to no more: it is read to its end like
the stream of a dead process, and what was not counted is counted then. A signal handler or
``__del__`` that logs in the middle of an append finds the slot empty as well, and writes to a
stream of its own. The next append takes that, and the interrupted one is let go.
"""

from __future__ import annotations

import errno
import os
import time
from typing import cast

from structlog_mozdef._fsync import sync_data
from structlog_mozdef.buffers.base import (
    BUFFER_FULL,
    DISK_ERROR,
    FULL,
    LARGER_THAN_BUFFER,
    SPOOL_REMOVED,
    SyncMode,
    WhenFull,
)
from structlog_mozdef.buffers.spool.capacity import STREAM_BYTES, Capacity
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import LINE_LIMIT_BYTES, StreamName
from structlog_mozdef.buffers.spool.holding import MAX_BYTES, Holding
from structlog_mozdef.buffers.spool.ledger import DeferredWarnings, SpoolLedger, SpoolLock
from structlog_mozdef.buffers.spool.maintenance import MaintenanceThread
from structlog_mozdef.buffers.spool.safe_files import (
    Descriptor,
    ignored_errors,
    is_foreign,
    write_all,
)
from structlog_mozdef.buffers.spool.source import MARK_MASK
from structlog_mozdef.buffers.spool.stream import Stream
from structlog_mozdef.buffers.spool.timings import SpoolTimings

# So many own streams keep their descriptors; those between the oldest and the latest are released,
# and locked again when it is their turn.
_MOST_OPEN = 8
# Seconds between two signs of life for other machines.
_TOUCH_INTERVAL = 15.0


class _NoStream:
    """Lies in the slot while there is no stream, or an append is under way."""

    credit = fd = -1


_NO_STREAM: Stream = cast("Stream", _NoStream())


class SpoolWriter:
    """Writes the events of this process to streams of its own.

    Args:
        folder, max_events, when_full, sync, segment_bytes, timings: see
            `structlog_mozdef.buffers.spool.Spool`.
        ledger, warnings, lock: of the spool.
        max_bytes: of the whole folder, without its dead letters.
        reserve_bytes: left to what other processes may have written since they were looked at.

    Attributes:
        capacity: what may be written.
        maintenance: works once a second.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        ledger: SpoolLedger,
        warnings: DeferredWarnings,
        lock: SpoolLock,
        *,
        max_events: int,
        max_bytes: int,
        reserve_bytes: int,
        when_full: WhenFull,
        sync: SyncMode,
        segment_bytes: int,
        timings: SpoolTimings,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._warnings = warnings
        self._lock = lock
        self._acquire, self._release = lock.acquire, lock.release
        self._max_events = max_events
        self._holding_bytes = min(max_bytes, MAX_BYTES)
        self._largest_line = min(max_bytes - reserve_bytes - STREAM_BYTES, LINE_LIMIT_BYTES)
        self._when_full = when_full
        self._sync = sync
        self._segment_bytes = max(min(max_bytes // 8, segment_bytes), 1)
        self._segment_events = max(max_events // 8, 1)
        self._timings = timings
        self.capacity = Capacity(folder, max_bytes, reserve_bytes, lock)
        self.maintenance = MaintenanceThread(
            self._maintain, sync == "interval", warnings, timings.maintenance_interval
        )
        self._slot: Stream = _NO_STREAM
        self._writer_id = os.urandom(8).hex()
        self._last_begun = 0
        self._full_until = 0.0
        #: Why the disk refuses; None while it does not.
        self.disk_error: str | None = None
        self._retry_at = 0.0
        self._has_new_names = False
        self._touched_at = 0.0

    # Appending: in the threads that log.

    def append(self, event: bytes) -> int:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        line = event + b"\n"
        size = len(line)
        try:
            # Not by `SpoolLock.call`, which costs a lot beside what has to be done.
            self._acquire()
            stream = self._slot
            self._slot = _NO_STREAM
            credit = stream.credit - size
            try:
                if credit >= 0 and os.write(stream.fd, line) == size:
                    stream.credit = credit
                    stream.appended = appended = stream.appended + 1
                    backlog = appended - stream.offset
                    if appended >= stream.next_look:
                        self._look_safely(stream, appended, backlog)
                    if self._slot is _NO_STREAM:
                        self._slot = stream
                else:
                    # Where the disk accepted a part of the line only, the stream ends with it.
                    backlog = self._append_slowly(line, _NO_STREAM if credit >= 0 else stream)
            except OSError as error:
                if is_foreign(error):
                    raise
                backlog = self._write_or_hold(line, _NO_STREAM)
        except BaseException:  # of a signal handler, or no memory or stack is left
            try:
                self._release()
            except RuntimeError:
                pass  # a handler raised while this waited for the lock
            raise
        self._release()
        return backlog

    def append_and_sync(self, event: bytes) -> int:
        """`append`, and force the event to the disk."""
        return self._lock.call(self._append_now, event + b"\n")

    def append_requeued(self, event: bytes) -> None:
        """Append an event that is in flight at the end, whatever the bounds."""
        self._lock.call(self._requeue, event + b"\n")

    def _requeue(self, line: bytes) -> None:
        self._write_or_hold(line, self._take_slot(), bounded=False)
        self._ledger.requeued()

    def _append_now(self, line: bytes) -> int:
        return self._append_slowly(line, self._take_slot())

    def _take_slot(self) -> Stream:
        stream, self._slot = self._slot, _NO_STREAM
        return stream

    def _look_safely(self, stream: Stream, appended: int, backlog: int) -> None:
        try:
            self._look(stream, appended, backlog)
        except (MemoryError, RecursionError):
            pass  # the event is appended; the next one comes here again

    def _look(self, stream: Stream, appended: int, backlog: int) -> None:
        """Do what is not done for each event."""
        if backlog == 1 or not (appended - 1) & MARK_MASK:
            stream.marks.add(appended - 1)
        left = min(self._max_events - backlog, self._segment_events - stream.events_in_segment())
        if left <= 0:
            stream.stop_writing()  # the next append looks at everything
        stream.next_look = appended + max(min(left, MARK_MASK + 1 - (appended & MARK_MASK)), 1)

    # Where the quick way does not do. The stream is not in the slot, and the lock is held.

    def _append_slowly(self, line: bytes, stream: Stream) -> int:
        """Append *line* to *stream*, if that is one, or to another."""
        self._put_back(stream)
        self.let_go_of_interrupted()
        stream = self._take_slot()
        if self._ledger.own_waiting() >= self._max_events and not self._drop_oldest_events(stream):
            self._put_back(stream)
            return self._refuse(len(line))
        if self.disk_error is not None:
            self._try_disk()
            stream = self._take_slot()
        return self._write_or_hold(line, stream)

    def _write_or_hold(self, line: bytes, stream: Stream, *, bounded: bool = True) -> int:
        """Append *line* to *stream*; where that fails to another; where that fails in memory."""
        while self.disk_error is None:
            try:
                if self._write(line, stream, bounded=bounded):
                    return self._ledger.own_waiting()
                return self._refuse(len(line))
            except OSError as error:
                if is_foreign(error):
                    raise
                if stream is _NO_STREAM:
                    self._disk_failed(error)
                stream = _NO_STREAM
        return self._hold(line, bounded=bounded)

    def _write(self, line: bytes, stream: Stream, *, bounded: bool = True) -> bool:
        """Write and count *line*, and put the stream into the slot; False where there is no room.

        Raises:
            OSError: the disk refuses; *line* was not written whole.
        """
        if bounded and not self._has_credit(stream, len(line)):
            stream, has_credit = self._get_credit(stream, len(line))
            if not has_credit:
                self._put_back(stream)
                return False
        elif stream is _NO_STREAM:
            stream = self._new_stream()
            self._begin_segment(stream)
        if not bounded:
            stream.granted += len(line)
            stream.credit += len(line)
        try:
            write_all(stream.fd, line)
        except OSError:
            self._remove_if_empty(stream)
            raise
        if self._sync == "always":
            self._sync_now(stream.fd)
        stream.credit -= len(line)
        stream.appended += 1
        backlog = self._ledger.own_waiting()
        stream.offset = stream.appended - backlog
        self._look(stream, stream.appended, backlog)
        self._put_back(stream)
        return True

    @staticmethod
    def _has_credit(stream: Stream, size: int) -> bool:
        return stream is not _NO_STREAM and stream.credit >= size

    def _put_back(self, stream: Stream) -> None:
        # Where a signal handler has put its own stream there, that goes on.
        if self._slot is _NO_STREAM and stream is not _NO_STREAM:
            self._slot = stream

    def _is_nested(self) -> bool:
        """Tell whether this runs in the middle of another append of this thread.

        A signal handler or ``__del__`` logs then. What is not in the slot may be in its hands.
        """
        self._release()
        try:
            return self._lock.is_owned()
        finally:
            self._acquire()

    def _let_go_of_all_but(self, stream: Stream) -> None:
        """Write no more to what interrupted appends, or another process, have left of our own."""
        own = self._ledger.sources.own
        for other in own[-2 * _MOST_OPEN :]:
            # A signal handler may have put its own stream into the slot meanwhile.
            in_use = other is stream or other is self._slot
            if isinstance(other, Stream) and not other.closed and not in_use:
                self._let_go(other)
        middle = own[-_MOST_OPEN // 2] if len(own) > _MOST_OPEN else None
        if isinstance(middle, Stream) and middle.can_be_released():
            self._release_stream(middle)

    def _let_go(self, stream: Stream) -> None:
        stream.closed = True
        stream.stop_writing()
        if self._sync == "interval":
            with ignored_errors():
                for file in stream.descriptors_to_sync():
                    self.maintenance.sync_and_close(file)

    def _release_stream(self, stream: Stream) -> None:
        stream.release()
        self.capacity.released(stream.name)

    def let_go_of_interrupted(self) -> None:
        """Let go of streams whose appends were cut short. With the lock held, outside of appends.

        A stream in the middle of an append of this very thread is left alone.
        """
        if not self._is_nested():
            stream = self._take_slot()
            self._let_go_of_all_but(stream)
            self._put_back(stream)

    def let_go_of_current(self) -> None:
        """Write to another stream from now on: this one does not hold what was counted."""
        if not self._is_nested():
            self._take_slot()
            self._let_go_of_all_but(_NO_STREAM)

    def rebase(self) -> None:
        """The number of waiting events has changed: with the lock held."""
        stream = self._slot
        if stream is not _NO_STREAM:
            waiting = self._ledger.own_waiting()
            stream.offset = stream.appended - waiting
            if not waiting:
                stream.next_look = 0  # the next event is the oldest

    # Bounds.

    def _refuse(self, size: int) -> int:
        if size > self._largest_line:
            self._ledger.drops.add(LARGER_THAN_BUFFER)
        elif self._when_full == "block":
            return FULL
        else:
            self._ledger.drops.add(BUFFER_FULL)
        return self._ledger.own_waiting()

    def _drop_oldest_events(self, stream: Stream) -> bool:
        """Drop the oldest segment; False where nothing can be dropped."""
        if self._when_full != "drop_oldest":
            return False
        if self._drop_oldest_segment():
            return True
        if stream is not _NO_STREAM and stream.events_in_segment():
            try:
                self._begin_segment(stream)
            except OSError:
                return False
        return self._drop_oldest_segment()

    def _drop_oldest_segment(self) -> bool:
        for source in self._ledger.sources.own:
            if isinstance(source, Stream) and source.lock is not None:
                dropped = source.drop_oldest_segment()
                if dropped is not None:
                    self._ledger.drops.add(BUFFER_FULL, dropped)
                    return True
        return False

    def has_room(self, size: int) -> bool:
        """Tell whether a line of *size* bytes would be written now. With the lock held."""
        if self._is_nested() or self.disk_error is not None:
            return False
        if self._ledger.own_waiting() >= self._max_events:
            return False
        stream = self._take_slot()
        try:
            stream, has_credit = (
                (stream, True) if self._has_credit(stream, size) else self._get_credit(stream, size)
            )
        except OSError:
            return False
        self._put_back(stream)
        return has_credit

    def _get_credit(self, stream: Stream, size: int) -> tuple[Stream, bool]:
        """Look at all that `append` does not look at each time.

        Returns:
            The stream to write to, and whether there is room.

        Raises:
            OSError: the disk refuses.
        """
        if size > self._largest_line or time.monotonic() < self._full_until:
            return stream, False
        self.maintenance.start()
        stream = self._checked(stream)
        if stream is _NO_STREAM:
            stream = self._new_stream()
        is_complete = stream.bytes_in_segment() >= self._segment_bytes
        if stream.fd < 0 or is_complete or stream.events_in_segment() >= self._segment_events:
            self._begin_segment(stream)
        available, quantum = self._available()
        while available < size and self._when_full == "drop_oldest":
            if not self._drop_oldest_segment():
                break
            available, quantum = self._available()
        if available < size:
            self._full_until = time.monotonic() + self._timings.full_retry
            return stream, False
        left_in_segment = self._segment_bytes - stream.bytes_in_segment()
        credit = max(size, min(available, quantum, left_in_segment, LINE_LIMIT_BYTES))
        stream.stop_writing()
        stream.granted += credit
        stream.credit = credit
        return stream, True

    def _available(self) -> tuple[int, int]:
        streams = [source for source in self._ledger.sources.all() if isinstance(source, Stream)]
        own = sum(s.disk_bytes() + STREAM_BYTES for s in streams if s.lock is not None)
        return self.capacity.available(own)

    def _checked(self, stream: Stream) -> Stream:
        """Return *stream*, or none where somebody removed it or closed its descriptors."""
        if stream is not _NO_STREAM:
            try:
                stream.check()
            except OSError as error:
                if is_foreign(error):
                    raise
                self._let_go(stream)
                self._warnings.add(
                    "spool removed",
                    f"somebody removed a stream from the spool {self._folder.path}"
                    if isinstance(error, FileNotFoundError)
                    else f"the program closed files of the spool {self._folder.path}",
                )
                return _NO_STREAM
        return stream

    # Streams.

    def _begun(self) -> int:
        """Return the time for the name of the next stream: names sort in their order."""
        self._last_begun = max(time.time_ns() // 1_000_000, self._last_begun + 1)
        return self._last_begun

    def _next_name(self) -> StreamName:
        return StreamName(self._begun(), os.getpid(), self._writer_id)

    def _new_stream(self) -> Stream:
        stream = self._make_stream(self._next_name())
        for holding in self._holdings():
            holding.closed = True
        self._ledger.append(stream)
        return stream

    def _make_stream(self, name: StreamName) -> Stream:
        while True:
            self.capacity.own.add(str(name))
            try:
                lock = self._folder.create_stream(name)
            except FileExistsError:
                name = self._next_name()  # a signal handler was faster
            else:
                return Stream(self._folder, lock, self._ledger)

    def _begin_segment(self, stream: Stream) -> None:
        before = stream.begin_segment()
        if before is not None:
            self.maintenance.sync_and_close(before)
        if self._sync == "always":
            for fd in (stream.lock_fd(), self._folder.fd):
                self._sync_now(fd)
        self._has_new_names = True

    def _sync_now(self, fd: int) -> None:
        try:
            sync_data(fd)
        except OSError as error:
            if is_foreign(error):
                raise
            # The event is written, and the kernel has it.
            self._warnings.add(
                "spool sync",
                f"the spool {self._folder.path} cannot be synchronised: {error.strerror}",
            )

    def _remove_if_empty(self, stream: Stream) -> None:
        """Leave nothing of a stream that the disk refused from the first event on."""
        if not stream.appended:
            self._ledger.remove(stream)
            stream.remove()
            self.capacity.released(stream.name)

    # While the disk refuses.

    def _disk_failed(self, error: OSError) -> None:
        self.disk_error = error.strerror or type(error).__name__
        self._retry_at = time.monotonic() + self._timings.disk_retry
        self.maintenance.start()
        self._warnings.add(
            "spool disk",
            f"the spool {self._folder.path} cannot be written: {self.disk_error}; events wait in"
            f" memory until it can{self._folder.complaint()}",
        )

    def _hold(self, line: bytes, *, bounded: bool) -> int:
        """Hold *line* in memory."""
        held = sum(holding.size() for holding in self._holdings())
        if bounded and len(line) > self._largest_line:
            return self._refuse(len(line))
        if bounded and held + len(line) > self._holding_bytes:
            if self._when_full == "block":
                return FULL
            self._ledger.drops.add(DISK_ERROR)
            return self._ledger.own_waiting()
        self._newest_holding().append(line)
        return self._ledger.own_waiting()

    def _holdings(self) -> list[Holding]:
        return [source for source in self._ledger.sources.own if isinstance(source, Holding)]

    def _newest_holding(self) -> Holding:
        own = self._ledger.sources.own
        if own and isinstance(own[-1], Holding) and not own[-1].closed:
            return own[-1]
        holding = Holding(self._next_name())
        self._ledger.append(holding)
        return holding

    def is_durable(self) -> bool:
        """Tell whether all that waits outlives the process."""
        return not any(holding.state.lines for holding in self._holdings())

    def _try_disk(self) -> None:
        """Write what is held in memory, if the disk accepts it again."""
        if time.monotonic() < self._retry_at:
            return
        try:
            self._write_holdings()
            if self._slot is _NO_STREAM:
                stream = self._new_stream()
                self._slot = stream
        except OSError as error:
            if is_foreign(error):
                raise
            self._disk_failed(error)
            return
        if self.disk_error is not None:
            self.disk_error = None
            self._warnings.add(
                "spool disk recovered", f"the spool {self._folder.path} can be written again"
            )

    def _write_holdings(self) -> None:
        """Write each holding into a stream of its own.

        Raises:
            OSError: the disk refuses.
        """
        for holding in self._holdings():
            holding.closed = True
            if not holding.state.lines:
                continue
            size = holding.size()
            if self._available()[0] < size + STREAM_BYTES:
                raise OSError(errno.ENOSPC, "the spool is full")
            stream = self._make_stream(holding.name)
            try:
                stream.begin_segment()
                write_all(stream.fd, b"".join(holding.state.lines))
            except OSError:
                stream.remove()
                self.capacity.released(stream.name)
                raise
            stream.continue_from(holding, size)
            if not self._ledger.replace(holding, stream):
                stream.remove()  # a signal handler was faster
                self.capacity.released(stream.name)

    # Once a second: in the maintenance thread.

    def _maintain(self) -> list[Descriptor]:
        self._ledger.write_pending_letters()
        self.capacity.measure(self._lock)
        return self._lock.call(self._check)

    def _check(self) -> list[Descriptor]:
        """Look whether all is as it should be, and try a disk that refused.

        Returns:
            Files to synchronise and close.
        """
        if self._is_nested():
            return []
        stream = self._checked(self._take_slot())
        self._let_go_of_all_but(stream)
        for source in self._ledger.sources.all():
            if isinstance(source, Stream) and source.lock is not None and source.lock.is_lost():
                self._release_stream(source)
        self._put_back(stream)
        if self.disk_error is not None:
            self._try_disk()
        self._touch()
        stream = self._slot
        if stream is _NO_STREAM or self._sync != "interval":
            return []
        files = stream.descriptors_to_sync()
        if self._has_new_names:
            files.append(Descriptor(os.dup(self._folder.fd)))
            self._has_new_names = False
        return files

    def _touch(self) -> None:
        """Give other machines, which cannot see our locks, a sign of life."""
        now = time.monotonic()
        if now >= self._touched_at + _TOUCH_INTERVAL:
            self._touched_at = now
            for source in self._ledger.sources.all():
                if isinstance(source, Stream) and source.lock is not None:
                    with ignored_errors():
                        source.touch()

    # The end.

    def prepare_close(self) -> None:
        """Nothing is in flight any more; the disk is to be tried a last time."""
        self._retry_at = 0.0
        if self.disk_error is not None and self.is_durable():
            self.disk_error = None  # there is nothing to try it with

    def close(self) -> None:
        """Remove what is drained, and leave the rest to whoever adopts it."""
        if self._is_nested():
            return
        self._take_slot()
        self._let_go_of_all_but(_NO_STREAM)
        for source in self._ledger.sources.own:
            if isinstance(source, Stream) and source.lock is not None:
                if source.is_removed():
                    self._ledger.drops.add(SPOOL_REMOVED, source.waiting())
                elif source.appended > source.state.settled or not self._is_drained(source):
                    self._release_stream(source)
                    continue
                self._ledger.remove(source)
                source.remove()
                self.capacity.released(source.name)

    @staticmethod
    def _is_drained(stream: Stream) -> bool:
        try:
            return stream.is_drained()
        except OSError:
            return False

    def abandon(self) -> None:
        """See `structlog_mozdef.buffers.spool.Spool`."""
        for source in self._ledger.sources.all():
            if isinstance(source, Stream):
                source.abandon()
        self.maintenance.abandon()
