"""The side of a spool that log calls use: appending events, and holding them while the disk fails.

The fast path of `SpoolWriter.append` checks one number, the *write credit*: bytes that may be
written before limits, segments and the disk have to be checked again, on the slow path. It is 0
whenever the slow path is needed, and negative in the middle of an append: a signal handler or
``__del__`` may log then.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Any

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
from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.format import LINE_LIMIT_BYTES
from structlog_mozdef.buffers.spool.holding import Holding
from structlog_mozdef.buffers.spool.ledger import MARK_MASK, SpoolLedger
from structlog_mozdef.buffers.spool.maintenance import DeferredWarnings, MaintenanceThread
from structlog_mozdef.buffers.spool.source import Observer, Source
from structlog_mozdef.buffers.spool.stream import Stream
from structlog_mozdef.buffers.spool.timings import SpoolTimings

# The size of the other files of a stream.
_STREAM_BYTES = 512
# The write credit in the middle of an append, and if it is to be 0 afterwards.
_APPENDING = -1
_APPENDING_LAST = -2


class SpoolWriter:
    """Write the events of this process to a stream of its own.

    Args:
        folder, max_events, when_full, sync, segment_bytes, timings: see
            `structlog_mozdef.buffers.spool.Spool`.
        max_bytes: of the folder, without its dead letters.
        reserve_bytes: allowance for events of other processes since the folder was measured.
        ledger, damage_log, deferred_warnings: of the spool.
        lock: re-entrant, of the spool.

    Attributes:
        stream: that is written to; None until the first event.
        removed_streams: streams of this process that somebody removed while they held events.
        holding: events that wait in memory while the disk fails.
        maintenance: works once a second.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        ledger: SpoolLedger,
        damage_log: Observer,
        deferred_warnings: DeferredWarnings,
        lock: Any,
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
        self._damage_log = damage_log
        self._deferred_warnings = deferred_warnings
        self._lock = lock  # a threading.RLock, which is no type before Python 3.13
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._reserve = reserve_bytes
        self._max_line_bytes = min(max_bytes - reserve_bytes - _STREAM_BYTES, LINE_LIMIT_BYTES)
        self._when_full = when_full
        self._syncs = sync != "never"
        self._syncs_always = sync == "always"
        self._timings = timings
        self._segment_bytes = max(min(max_bytes // 8, segment_bytes), 1)
        self._segment_events = max(max_events // 8, 1)
        self.stream: Stream | None = None
        self.removed_streams: list[Stream] = []
        self.holding = Holding(max_bytes)
        self.maintenance = MaintenanceThread(
            self._maintain, sync == "interval", deferred_warnings, timings.maintenance_interval
        )
        # Its methods, which are called without the detour of ``with``.
        self._acquire = lock.acquire
        self._release = lock.release
        self._write_credit = 0
        # The credit that the slow path works on, while others see that it is busy.
        self._credit_left = 0
        # The total of events from which on the slow path is needed.
        self._slow_path_from = 0
        self._segment_credit = 0
        self._full_until = 0.0
        self._disk_retry_at = 0.0
        self._disk_error: str | None = None
        self._has_new_names = False

    def streams(self) -> list[Stream]:
        """The streams of this process, oldest first."""
        stream = self.stream
        return [*self.removed_streams] if stream is None else [*self.removed_streams, stream]

    # Appending: in the threads that log.

    def append(self, event: bytes) -> int:
        """See `structlog_mozdef.buffers.base.Buffer`."""
        line = event + b"\n"
        size = len(line)
        credit = -1
        try:
            # Without ``with``, `Stream.write` and `_count`, whose calls cost more than the work.
            self._acquire()
            stream = self.stream
            credit = self._write_credit - size
            if credit >= 0 and stream is not None:
                self._write_credit = _APPENDING
                try:
                    written = os.write(stream.write_fd, line)
                    if written != size:
                        stream.write_rest(line, written)
                except OSError as error:
                    self._write_credit = _APPENDING_LAST
                    backlog = self._hold(line, error)
                    self._write_credit = 0
                else:
                    # 0 if it is `_APPENDING_LAST`; a product does not jump.
                    self._write_credit = credit * (self._write_credit == _APPENDING)
                    ledger = self._ledger
                    ledger.appended = appended = ledger.appended + 1
                    backlog = appended - ledger.removed
                    if backlog == 1 or not appended & MARK_MASK or appended >= self._slow_path_from:
                        try:
                            self._after_count(backlog)
                        except (MemoryError, RecursionError):
                            pass  # the event is appended; the next one comes here again
            else:
                backlog = self._append_slowly(line)
        except BaseException:  # from a signal handler, or out of memory or stack
            if credit >= 0:  # this thread was in no other append
                self._write_credit = 0
            try:
                self._release()  # before any other call: a second handler may raise behind that
            except RuntimeError:
                pass  # not acquired yet: the handler raised while waiting for it
            raise
        self._release()
        return backlog

    def requeue(self, event: bytes) -> None:
        """Append an event that was in flight, whatever the bounds; raises OSError."""
        line = event + b"\n"
        self.can_write(len(line))  # there may be no segment to write to yet
        self._revoke_credit()
        self._write(line)
        self._count()
        self._ledger.requeue()

    def append_and_sync(self, event: bytes) -> int:
        """See `append`; also synchronise the event to the disk."""
        with self._lock:
            return self._append_slowly(event + b"\n")

    def _append_slowly(self, line: bytes) -> int:
        """Append, and renew the write credit."""
        if self._write_credit < 0:
            return self._append_reentrant(line)
        # Here and at the end no function is called, in which a signal handler could raise.
        self._credit_left, self._write_credit = self._write_credit, _APPENDING
        try:
            if self._is_full_of_events():
                return self._drop_or_block(len(line))
            self._write_held_lines()
            if self._disk_error is not None:
                return self._hold(line, None)
            if self._credit_left < len(line) and not self._grant_credit(len(line)):
                return self._drop_or_block(len(line))
            self._credit_left -= len(line)
            self._write(line)
            return self._count()
        except OSError as error:
            return self._hold(line, error)
        except BaseException:
            self._credit_left = 0  # a part of the line may stand there
            raise
        finally:
            self._write_credit = self._credit_left * (self._write_credit == _APPENDING)

    def _revoke_credit(self) -> None:
        """Let the next append take the slow path."""
        self._write_credit = _APPENDING_LAST if self._write_credit < 0 else 0

    def _append_reentrant(self, line: bytes) -> int:
        """Append in the middle of an append of this thread: a handler or ``__del__`` logs."""
        self._revoke_credit()
        if self._disk_error is not None:
            return self._hold(line, None)
        try:
            self._write(line)
        except OSError as error:
            return self._hold(line, error)
        return self._count()

    def _write(self, line: bytes) -> Stream:
        stream = self.stream
        if stream is None:
            raise FileNotFoundError(errno.ENOENT, "there is no stream to write to")
        stream.write(line)
        if self._syncs_always:
            self._sync(stream.write_fd)
        return stream

    def _count(self) -> int:
        """Count an appended event; return the result of `append`."""
        self._ledger.appended += 1
        backlog = self._backlog()
        self._after_count(backlog)
        return backlog

    def _after_count(self, backlog: int) -> None:
        """Do the rest after counting: *backlog* events wait now."""
        appended = self._ledger.appended
        if backlog == 1 or not appended & MARK_MASK:
            self._ledger.mark()
        if appended >= self._slow_path_from:
            self._revoke_credit()

    def _backlog(self) -> int:
        return self._ledger.appended - self._ledger.removed

    def _is_full_of_events(self) -> bool:
        if self._backlog() < self._max_events:
            return False
        stream = self.stream
        if self._when_full != "drop_oldest" or stream is None:
            return True
        if self._drop_oldest_segment(stream):
            return False
        if self._events_in_segment():
            self._begin_segment(stream)
        return not self._drop_oldest_segment(stream)

    def can_write(self, size: int) -> bool:
        """Return whether a line of *size* bytes would be written now."""
        if (
            self._write_credit < 0
            or self._disk_error is not None
            or self._backlog() >= self._max_events
        ):
            return False
        self._credit_left, self._write_credit = self._write_credit, _APPENDING
        try:
            return self._credit_left >= size or self._grant_credit(size)
        except OSError:
            return False
        finally:
            self._write_credit = self._credit_left * (self._write_credit == _APPENDING)

    def _drop_or_block(self, size: int) -> int:
        if size > self._max_line_bytes:
            self._ledger.drop(LARGER_THAN_BUFFER)
        elif self._when_full == "block":
            return FULL
        else:
            self._ledger.drop(BUFFER_FULL)
        return self._backlog()

    def _hold(self, line: bytes, error: OSError | None) -> int:
        """Hold *line* in memory while the disk fails, and try the disk again later."""
        if error is not None:
            self._disk_failed(error)
        if len(line) > self._max_line_bytes:
            self._ledger.drop(LARGER_THAN_BUFFER)
        elif self.holding.append(line, self._ledger):
            backlog = self._backlog()
            self._after_count(backlog)
            return backlog
        elif self._when_full == "block":
            return FULL
        else:
            self._ledger.drop(DISK_ERROR)
        return self._backlog()

    def _disk_failed(self, error: OSError) -> None:
        self._revoke_credit()
        stream = self.stream
        if self._events_in_segment() or stream is None or stream.write_fd < 0:
            self._segment_credit = 0  # it may be this file that must not grow
        else:
            self._segment_credit = self._segment_bytes  # one empty file is enough
        self._disk_retry_at = time.monotonic() + self._timings.disk_retry
        self._disk_error = error.strerror or type(error).__name__
        self.maintenance.start()
        self._deferred_warnings.add(
            "spool disk",
            f"the spool {self._folder.path} cannot be written: {self._disk_error}; events wait in"
            " memory until it can",
        )

    def _write_held_lines(self) -> None:
        """Write the held lines, if it is time to try the disk again."""
        if self._disk_error is None or time.monotonic() < self._disk_retry_at:
            return
        try:
            if not self.holding.held:
                self._write_held_line(b"\n")  # an empty line is no event, but tests the disk
            while self._disk_error is not None:
                self.holding.write_out(self._write_held_line)
                # No call and no jump: a signal handler logs either before this, and its line is
                # held, or after it.
                self._disk_error = (None, self._disk_error)[self.holding.held > 0]
        except OSError as error:
            self._disk_failed(error)
        else:
            self._disk_recovered()

    def _disk_recovered(self) -> None:
        self._deferred_warnings.add(
            "spool disk recovered", f"the spool {self._folder.path} can be written again"
        )

    def _write_held_line(self, line: bytes) -> Source:
        if self._credit_left < len(line) and not self._grant_credit(len(line)):
            raise OSError(errno.ENOSPC, "the spool is full")
        self._credit_left -= len(line)
        return self._write(line)

    def _grant_credit(self, size: int) -> bool:
        """Check all limits for *size* bytes, and set the credit; False if the spool is full.

        Raises:
            OSError: the disk cannot be written.
        """
        if size > self._max_line_bytes or time.monotonic() < self._full_until:
            return False
        if self.stream is not None and self.stream.is_gone():
            self._replace_removed_stream()
        if self.stream is None:
            self.stream = self._new_stream()
        self.maintenance.start()
        if self._segment_credit <= 0 or self._events_in_segment() >= self._segment_events:
            self._begin_segment(self.stream)
        available, quantum = self._available()
        while available < size and self._when_full == "drop_oldest":
            if not self._drop_oldest_segment(self.stream):
                break
            available, quantum = self._available()
        if available < size:
            self._full_until = time.monotonic() + self._timings.full_retry
            return False
        credit = max(size, min(available, quantum, self._segment_credit, LINE_LIMIT_BYTES))
        self._credit_left = credit
        self._segment_credit -= credit
        backlog = self._backlog()
        more = min(self._max_events, backlog + self._segment_events) - backlog
        self._slow_path_from = self._ledger.appended + more
        return True

    def _available(self) -> tuple[int, int]:
        """Return the bytes that may be written, and how many of them before the next measurement.

        The other streams may have grown since the last one, each by its own share.
        """
        usage = self._folder.usage()
        reserve = self._reserve if usage.streams > 1 else 0
        return self._max_bytes - usage.bytes - reserve, self._reserve // (4 * usage.streams)

    def _new_stream(self) -> Stream:
        stream = Stream(
            self._folder, self._folder.create_stream(), self._lock, self._damage_log, adopted=False
        )
        self._segment_credit = 0
        return stream

    def _events_in_segment(self) -> int:
        stream, ledger, holding = self.stream, self._ledger, self.holding
        before = 0 if stream is None else stream.lines_before
        return ledger.appended - ledger.found_uncounted - holding.held - holding.sent - before

    def _begin_segment(self, stream: Stream) -> None:
        before = stream.begin_segment(self._ledger, self.holding)
        if before >= 0:
            self.maintenance.sync_and_close(before)
        self._credit_left = 0
        self._segment_credit = self._segment_bytes
        if self._syncs_always:
            self._sync(stream.stream_lock.fd)
            self._sync(self._folder.fd)
        self._has_new_names = True

    def _sync(self, fd: int) -> None:
        try:
            sync_data(fd)
        except OSError as error:  # the event is written: the kernel has it
            self._deferred_warnings.add(
                "spool sync",
                f"the spool {self._folder.path} cannot be synchronised: {error.strerror}",
            )

    def _drop_oldest_segment(self, stream: Stream) -> bool:
        dropped = stream.drop_oldest_segment()
        if dropped is None:
            return False
        self._ledger.lose(*dropped, BUFFER_FULL)
        return True

    def _replace_removed_stream(self) -> None:
        """Keep a stream that somebody removed for reading to its end, and write to another."""
        stream, self.stream = self.stream, None
        if stream is not None:
            before = self.holding.held + sum(other.waiting for other in self.removed_streams)
            stream.waiting = self._backlog() - before
            self.removed_streams.append(stream)
            self._credit_left = 0
            self._deferred_warnings.add(
                "spool removed", f"somebody removed a stream from the spool {self._folder.path}"
            )

    # Once a second: in the maintenance thread.

    def _maintain(self) -> list[int]:
        """Notice a removed stream, and try a failed disk again.

        Returns:
            Descriptors to synchronise and close.
        """
        with self._lock:
            if self._write_credit < 0:
                return []
            self._credit_left, self._write_credit = self._write_credit, _APPENDING
            try:
                if self.stream is not None and self.stream.is_gone():
                    self._replace_removed_stream()
                self._write_held_lines()
                if self._ledger.appended >= self._slow_path_from:
                    self._revoke_credit()
                return self._descriptors_to_sync()
            except BaseException:
                self._credit_left = 0
                raise
            finally:
                self._write_credit = self._credit_left * (self._write_credit == _APPENDING)

    def _descriptors_to_sync(self) -> list[int]:
        stream = self.stream
        if stream is None or stream.write_fd < 0 or not self._syncs or self._syncs_always:
            return []
        wanted = [stream.write_fd]
        if self._has_new_names:
            wanted += [stream.stream_lock.fd, self._folder.fd]
        fds: list[int] = []
        try:
            fds += map(os.dup, wanted)
        except OSError:
            for fd in fds:
                os.close(fd)
            raise
        self._has_new_names = False
        return fds

    # The end.

    def prepare_close(self) -> None:
        """Make held events readable again, and let the disk be tried a last time."""
        self.holding.reset_in_flight()
        self._disk_retry_at = 0.0
        if not self.holding.held:
            self._disk_error = None  # there is nothing to try it with

    def close(self) -> None:
        """Remove drained streams, and leave the others for adoption."""
        for removed in self.removed_streams:
            self._ledger.lose(removed.waiting, self._ledger.settled_count(), SPOOL_REMOVED)
            removed.close()
        self.removed_streams.clear()
        stream, self.stream = self.stream, None
        self._revoke_credit()
        if stream is None:
            return
        on_disk = self._backlog() - self.holding.held
        if not on_disk and stream.is_exhausted():
            stream.remove()
        else:
            # The process that adopts it counts its events again. We count them as waiting until
            # we adopt them ourselves, or others have.
            self._ledger.close_stream(stream.name, on_disk)
            stream.close()

    def abandon(self) -> None:
        """See `structlog_mozdef.buffers.spool.Spool`."""
        for stream in self.streams():
            stream.abandon()
        self.maintenance.abandon()
