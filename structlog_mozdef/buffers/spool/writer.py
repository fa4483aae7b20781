"""The side of a spool that log calls see: appending events, whatever happens meanwhile.

The stream that is written to lies in one slot. An append removes it, and puts it back once it is
through. So an append that is cut short, by an error of the disk or an exception of a signal
handler, leaves the slot empty, and that stream is *finished*: nothing more is written to it, it is
read to its end like the stream of a dead process, and what was not counted is counted then. A
signal handler or ``__del__`` that logs in the middle of an append finds the slot empty as well, and
writes to a stream of its own. The next append uses that, and the interrupted one is finished.
"""

from __future__ import annotations

import os
from typing import cast

from structlog_mozdef._lock import locked
from structlog_mozdef._raised import pass_on
from structlog_mozdef.buffers.base import BUFFER_FULL, DISK_ERROR, FULL, LARGER_THAN_BUFFER
from structlog_mozdef.buffers.spool.capacity import Capacity
from structlog_mozdef.buffers.spool.format import LINE_LIMIT_BYTES
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.lifecycle import StreamLifecycle
from structlog_mozdef.buffers.spool.maintenance import MaintenanceThread
from structlog_mozdef.buffers.spool.options import TIME_MASK
from structlog_mozdef.buffers.spool.own_stream import OwnStream
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.files.opening import write_all

# Seconds between two signs of life for other machines.
_TOUCH_INTERVAL = 15.0


class _NoStream:
    """Lies in the slot while there is no stream, or an append is under way."""

    credit = fd = -1
    lock = None
    is_held = False


_NO_STREAM: OwnStream = cast("OwnStream", _NoStream())


class SpoolWriter:
    """Writes the events of this process to streams of its own.

    Attributes:
        maintenance: works once a second.
    """

    def __init__(self, ledger: SpoolLedger) -> None:
        options = self._options = ledger.options
        self._ledger = ledger
        self._folder = ledger.folder
        self._warnings = ledger.warnings
        self._lock = ledger.lock
        self._acquire, self._release = ledger.lock.acquire, ledger.lock.release
        self._segment_bytes = max(min(options.stream_bytes // 8, options.segment_bytes), 1)
        self._segment_events = max(options.max_events // 8, 1)
        self._clock = options.timings.clock
        self._capacity = Capacity(ledger)
        self.maintenance = MaintenanceThread(self._maintain, ledger)
        self._streams = StreamLifecycle(ledger, self.maintenance, self._capacity)
        self._slot: OwnStream = _NO_STREAM
        self._full_until = 0.0
        self._touch_at = 0.0

    # Appending: in the threads that log.

    def append(self, event: bytes) -> int:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        line = event + b"\n"
        size = len(line)
        try:
            # Not by `locked`, which costs a lot beside what has to be done.
            self._acquire()
            stream = self._slot
            self._slot = _NO_STREAM
            credit = stream.credit - size
            try:
                if credit >= 0 and os.write(stream.fd, line) == size:
                    stream.credit = credit
                    stream.appended = appended = stream.appended + 1
                    backlog = appended - stream.offset
                    if appended >= stream.next_mark:
                        self._mark_safely(stream, appended, backlog)
                    if self._slot is _NO_STREAM:
                        self._slot = stream
                else:
                    # Where the disk accepted a part of the line only, the stream ends with it.
                    backlog = self._append_slowly(line, _NO_STREAM if credit >= 0 else stream)
            except OSError as error:
                pass_on(error)
                backlog = self._write_or_hold(line, _NO_STREAM)
        except BaseException:  # of a signal handler, or no memory or stack is left
            try:
                self._release()
            except RuntimeError:
                pass  # a handler raised while this waited for the lock
            raise
        self._release()
        return backlog

    def _mark_safely(self, stream: OwnStream, appended: int, backlog: int) -> None:
        try:
            self._mark(stream, appended, backlog)
        except (MemoryError, RecursionError):
            pass  # the event is appended; the next one comes here again

    def _mark(self, stream: OwnStream, appended: int, backlog: int) -> None:
        """Do what is not done for each event."""
        if backlog == 1 or not (appended - 1) & TIME_MASK:
            stream.times.note(appended - 1, self._clock(), stream.state.settled)
        in_segment = self._segment_events - stream.events_in_segment()
        left = min(self._options.max_events - backlog, in_segment)
        if left <= 0:
            stream.stop_writing()  # the next append examines everything
        stream.next_mark = appended + max(min(left, TIME_MASK + 1 - (appended & TIME_MASK)), 1)

    @locked
    def append_and_sync(self, event: bytes) -> int:
        """`append`, and force the event to the disk."""
        return self._append_slowly(event + b"\n", self._empty_slot())

    @locked
    def append_requeued(self, event: bytes) -> None:
        """Append an event that is in flight at the end, whatever the bounds."""
        self._write_or_hold(event + b"\n", self._empty_slot(), bounded=False)
        self._ledger.requeued()

    @locked
    def append_if_room(self, event: bytes) -> bool:
        """Append an event; False where there is no room for it on the disk, which is no loss."""
        has_room = self._ledger.own_waiting() < self._options.max_events
        if not has_room or self._is_nested() or self._streams.disk_error is not None:
            return False
        try:
            return self._write(event + b"\n", self._empty_slot())
        except OSError as error:
            pass_on(error)
            return False

    def _empty_slot(self) -> OwnStream:
        stream, self._slot = self._slot, _NO_STREAM
        return stream

    def _put_back(self, stream: OwnStream) -> None:
        # Where a signal handler has put its own stream there, that goes on.
        if self._slot is _NO_STREAM and stream is not _NO_STREAM:
            self._slot = stream

    def _checked(self, stream: OwnStream) -> OwnStream:
        """Return *stream*, or none where somebody removed it or closed its descriptors."""
        try:
            if stream is not _NO_STREAM:
                stream.check()
        except OSError as error:
            pass_on(error)
            self._streams.finish(stream)
            path = self._folder.path
            self._warnings.add(
                "spool removed",
                f"somebody removed a stream from the spool {path}"
                if isinstance(error, FileNotFoundError)
                else f"the program closed files of the spool {path}",
            )
            return _NO_STREAM
        return stream

    # Where the quick way does not do. The stream is not in the slot, and the lock is held.

    def _append_slowly(self, line: bytes, stream: OwnStream) -> int:
        """Append *line* to *stream*, if that is one, or to another."""
        self._put_back(stream)
        self._finish_interrupted()
        if self._streams.disk_error is not None:
            self._put_back(self._streams.try_disk(self._empty_slot()))
        stream = self._empty_slot()
        is_full = self._ledger.own_waiting() >= self._options.max_events
        if is_full and not self._drop_oldest_events(stream):
            self._put_back(stream)
            return self._drop(len(line), BUFFER_FULL)
        return self._write_or_hold(line, stream)

    def _write_or_hold(self, line: bytes, stream: OwnStream, *, bounded: bool = True) -> int:
        """Append *line* to *stream*; where that fails to another; where that fails in memory."""
        while self._streams.disk_error is None:
            try:
                if self._write(line, stream, bounded=bounded):
                    return self._ledger.own_waiting()
                return self._drop(len(line), BUFFER_FULL)
            except OSError as error:
                pass_on(error)
                if stream is _NO_STREAM:
                    self._streams.begin_outage(error)
                    self.maintenance.start()
                stream = _NO_STREAM
        size = len(line)
        if bounded and (size > self._options.largest_line or not self._streams.has_memory(size)):
            self._put_back(stream)
            return self._drop(size, DISK_ERROR)
        if not stream.is_held:
            stream = self._streams.begin(on_disk=False)
        stream.hold(line)
        return self._count(stream, size)

    def _drop(self, size: int, reason: str) -> int:
        if size > self._options.largest_line:
            reason = LARGER_THAN_BUFFER
        elif self._options.when_full == "block":
            return FULL
        self._ledger.count_refused(reason)
        return self._ledger.own_waiting()

    def _write(self, line: bytes, stream: OwnStream, *, bounded: bool = True) -> bool:
        """Write and count *line*, and put the stream into the slot; False where there is no room.

        Raises:
            OSError: the disk does not accept it; *line* was not written completely.
        """
        size = len(line)
        if not bounded or stream.credit < size:
            stream = self._with_credit(stream, size, bounded=bounded)
            if stream is _NO_STREAM:
                return False
        try:
            write_all(stream.fd, line)
        except OSError:
            if not stream.appended:  # leave nothing of what the disk never accepted
                self._ledger.remove(stream)
                stream.remove()
            raise
        if self._options.sync == "always":
            self.maintenance.sync(stream.fd)
        self._count(stream, size)
        return True

    def _count(self, stream: OwnStream, size: int) -> int:
        """Count an event of *size* bytes, and put the stream into the slot; return the backlog."""
        stream.credit -= size
        stream.appended += 1
        backlog = self._ledger.own_waiting()
        stream.offset = stream.appended - backlog
        self._mark(stream, stream.appended, backlog)
        self._put_back(stream)
        return backlog

    def _with_credit(self, stream: OwnStream, size: int, *, bounded: bool) -> OwnStream:
        """Give *stream*, or another, credit for *size* bytes, after a check of all that can change.

        Returns:
            The stream; none where there is no room.

        Raises:
            OSError: the disk does not accept a new stream or segment.
        """
        too_large = size > self._options.largest_line
        if bounded and (too_large or self._clock() < self._full_until):
            self._put_back(stream)
            return _NO_STREAM
        self.maintenance.start()
        stream = self._checked(stream)
        if stream.lock is None:
            stream = self._streams.begin(on_disk=True)
        is_complete = stream.bytes_in_segment() >= self._segment_bytes
        if stream.fd < 0 or is_complete or stream.events_in_segment() >= self._segment_events:
            self._streams.begin_segment(stream)
        credit = self._credit(stream, size) if bounded else size
        stream.stop_writing()
        if not credit:
            self._full_until = self._clock() + self._options.timings.full_retry
            self._put_back(stream)
            return _NO_STREAM
        stream.grant(credit)
        return stream

    def _credit(self, stream: OwnStream, size: int) -> int:
        """Return how many bytes may be appended; 0 where there is no room for *size* bytes."""
        available, quantum = self._capacity.available()
        while available < size:
            if self._options.when_full != "drop_oldest" or not self._streams.drop_oldest_segment():
                return 0
            available, quantum = self._capacity.available()
        left_in_segment = self._segment_bytes - stream.bytes_in_segment()
        return max(size, min(available, quantum, left_in_segment, LINE_LIMIT_BYTES))

    def _drop_oldest_events(self, stream: OwnStream) -> bool:
        """Drop the oldest segment; False where nothing can be dropped."""
        if self._options.when_full != "drop_oldest":
            return False
        if self._streams.drop_oldest_segment():
            return True
        if stream is not _NO_STREAM and stream.events_in_segment():
            try:
                self._streams.begin_segment(stream)
            except OSError as error:
                pass_on(error)
        return self._streams.drop_oldest_segment()

    def _is_nested(self) -> bool:
        """Return whether this runs in the middle of another append of this thread.

        To be called where the lock was acquired once, and nothing is between the slot and a file.

        A signal handler or ``__del__`` logs then. What is not in the slot may be in its hands.
        """
        self._release()
        try:
            return bool(self._lock._is_owned())  # noqa: SLF001 - as Condition does
        finally:
            self._acquire()

    @locked
    def finish_interrupted(self) -> None:
        """Finish streams whose appends were cut short, but none of this very thread's appends."""
        self._finish_interrupted()

    def _finish_interrupted(self) -> None:
        if not self._is_nested():
            stream = self._empty_slot()
            self._streams.finish_others(self._ledger.sources.own, stream, self._slot)
            self._put_back(stream)

    @locked
    def finish_if_short(self) -> bool:
        """Finish the stream that is written to if events are missing in it; say whether it was."""
        stream = self._slot
        if stream is _NO_STREAM or not stream.is_short():
            return False
        self._slot = _NO_STREAM
        self._streams.finish(stream)
        return True

    def measure_again(self) -> None:
        """Let the next append see if there is room, though there was none a moment ago."""
        self._full_until = 0.0

    def rebase(self) -> None:
        """The number of waiting events has changed: with the lock held."""
        stream = self._slot
        if stream is not _NO_STREAM:
            waiting = self._ledger.own_waiting()
            stream.offset = stream.appended - waiting
            if not waiting:
                stream.next_mark = 0  # the next event is the oldest

    # Once a second: in the maintenance thread.

    def _maintain(self) -> list[Descriptor]:
        self._ledger.rejected.write_pending()
        self._capacity.measure()
        return self._check()

    @locked
    def _check(self) -> list[Descriptor]:
        """Make sure that all is as it should be, and try a disk that accepted nothing.

        Returns:
            Files to synchronise and close.
        """
        if self._is_nested():
            return []
        stream = self._checked(self._empty_slot())
        self._streams.finish_others(self._ledger.sources.own, stream, self._slot)
        self._streams.release_lost()
        self._put_back(stream)
        if self._streams.disk_error is not None or self._ledger.held_count():
            self._put_back(self._streams.try_disk(self._empty_slot()))
        if self._clock() >= self._touch_at:
            self._touch_at = self._clock() + _TOUCH_INTERVAL
            for other in self._ledger.sources.locked():
                other.touch()
        return [] if self._slot is _NO_STREAM else self._streams.files_to_sync(self._slot)

    # The end.

    def close(self) -> None:
        """Remove what is drained, and leave the rest to the process that adopts it."""
        self._streams.retry_now()
        self.maintenance.stop()
        self._ledger.rejected.close()
        self._close_streams()
        self.maintenance.close_files()

    @locked
    def _close_streams(self) -> None:
        if self._is_nested():
            return
        self._empty_slot()
        self._streams.close()

    def abandon(self) -> None:
        """See `structlog_mozdef.buffers.spool.Spool`."""
        for stream in self._ledger.sources.locked():
            stream.abandon()
        self.maintenance.abandon()
