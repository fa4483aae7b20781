"""The streams of this process, from the first to the last: begun, finished, released, removed.

While the disk accepts no events (full, quota, gone), they begin in memory, and are written to the
disk once that accepts events again.
"""

from __future__ import annotations

import errno
import os

from structlog_mozdef._raised import pass_on
from structlog_mozdef.buffers.base import SPOOL_REMOVED
from structlog_mozdef.buffers.spool.capacity import Capacity
from structlog_mozdef.buffers.spool.folder import StreamLock
from structlog_mozdef.buffers.spool.format import StreamNames
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.maintenance import MaintenanceThread
from structlog_mozdef.buffers.spool.options import STREAM_BYTES
from structlog_mozdef.buffers.spool.own_stream import OwnStream
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.files.opening import ignored_errors

# So many own streams keep their descriptors; those between the oldest and the latest are released,
# and locked again when it is their turn.
_MOST_OPEN = 8


class StreamLifecycle:
    """Every method is called with the spool's lock held.

    Attributes:
        disk_error: why the disk accepts nothing; None while it does.
    """

    def __init__(
        self, ledger: SpoolLedger, maintenance: MaintenanceThread, capacity: Capacity
    ) -> None:
        self._ledger = ledger
        self._folder = ledger.folder
        self._sync = ledger.options.sync
        self._maintenance = maintenance
        self._capacity = capacity
        self._has_new_names = False
        self._names = StreamNames()
        self._retry_at = 0.0
        self.disk_error: str | None = None

    def _create(self, name: str) -> StreamLock:
        """Create a stream of that name, or of a later one. Raises OSError."""
        while True:
            try:
                return self._folder.create_stream(name)
            except FileExistsError:
                name = str(self._names.next())  # a signal handler was faster

    def begin(self, *, on_disk: bool) -> OwnStream:
        """Make the stream that all later events go to, on disk or in memory. Raises OSError."""
        name = str(self._names.next())
        lock = self._create(name) if on_disk else None
        stream = OwnStream(self._ledger, lock.name if lock else name)
        stream.lock = lock
        if lock is None:
            stream.hold(b"")  # before others see it: what is nowhere is taken for released
        self._ledger.append(stream)
        return stream

    # In memory, while the disk accepts none.

    def begin_outage(self, error: OSError) -> None:
        """Note that the disk accepts nothing."""
        timings = self._ledger.options.timings
        self.disk_error = error.strerror or type(error).__name__
        self._retry_at = timings.clock() + timings.disk_retry
        self._ledger.warnings.add(
            "spool disk",
            f"the spool {self._folder.path} cannot be written: {self.disk_error}; events wait in"
            f" memory until it can{self._folder.complaint()}",
        )

    def has_memory(self, size: int) -> bool:
        """Return whether *size* bytes more may be held in memory."""
        held = sum(stream.size() for stream in self._ledger.sources.held())
        return held + size <= self._ledger.options.held_bytes

    def try_disk(self, stream: OwnStream) -> OwnStream:
        """Write what is held in memory, if it is time for that; return the stream to append to."""
        if self._ledger.options.timings.clock() < self._retry_at:
            return stream
        try:
            for held in self._ledger.sources.held():
                if held.left():
                    self._write_held(held)
            if stream.lock is None:
                stream = self.begin(on_disk=True)
        except OSError as error:
            pass_on(error)
            self.begin_outage(error)
            return stream
        self.disk_error = None
        self._ledger.warnings.add(
            "spool disk recovered", f"the spool {self._folder.path} can be written again"
        )
        return stream

    def retry_now(self) -> None:
        """Try the disk a last time: the spool is closed."""
        self._retry_at = 0.0
        if not self._ledger.held_count():
            self.disk_error = None  # there is nothing to try it with

    def _write_held(self, stream: OwnStream) -> None:
        if self._capacity.available()[0] < stream.disk_bytes() + STREAM_BYTES:
            raise OSError(errno.ENOSPC, "the spool is full")
        lock = self._create(stream.name)
        try:
            files = stream.write_held(lock)
        finally:
            if stream.lock is not lock:  # an error of the disk, or a signal handler was faster
                self._folder.remove_stream(lock)
        for file in files:
            self._maintenance.sync_and_close(file)

    # On disk.

    def begin_segment(self, stream: OwnStream) -> None:
        """Append to a new segment from now on.

        Raises:
            OSError: it cannot be made.
        """
        before = stream.begin_segment()
        if before is not None:
            self._maintenance.sync_and_close(before)
        if self._sync == "always":
            for fd in (stream.lock_fd(), self._folder.fd):
                self._maintenance.sync(fd)
        self._has_new_names = True

    def files_to_sync(self, stream: OwnStream) -> list[Descriptor]:
        """Return copies of what has to be synchronised so that what was appended is safe."""
        if self._sync != "interval":
            return []
        files = stream.descriptors_to_sync()
        if self._has_new_names:
            files.append(Descriptor(os.dup(self._folder.fd)))
            self._has_new_names = False
        return files

    def finish(self, stream: OwnStream) -> None:
        """Append no more to *stream*: it is read to its end."""
        stream.closed = True
        stream.stop_writing()
        with ignored_errors():
            for file in self.files_to_sync(stream):
                self._maintenance.sync_and_close(file)

    def finish_others(self, own: tuple[OwnStream, ...], *in_use: object) -> None:
        """Finish all of *own* but those *in_use*, and release one where too many are open.

        Both are found out by the caller at the same moment: a signal handler that logs here begins
        a stream, which is in use from then on.
        """
        for stream in own[-2 * _MOST_OPEN :]:
            if not stream.closed and stream not in in_use:
                self.finish(stream)
        if len(own) > _MOST_OPEN and not self._ledger.is_read:
            middle = own[-_MOST_OPEN // 2]
            if middle.closed and middle.lock is not None and middle.is_at_rest():
                middle.release()

    def drop_oldest_segment(self) -> bool:
        """Drop the oldest segment that is not being read; False where there is none."""
        # Not by `any`: what a signal handler raises while a generator is closed is lost.
        for stream in self._ledger.sources.own:
            if stream.lock is not None and stream.drop_oldest_segment():
                return True
        return False

    def release_lost(self) -> None:
        """Release streams whose locks are gone: the program closed their descriptors."""
        for stream in self._ledger.sources.locked():
            is_lost = stream.lock is not None and not stream.lock.is_ours()
            if is_lost and not self._ledger.is_read:
                stream.release()

    def close(self) -> None:
        """Remove what is drained, and leave the rest to the process that adopts it."""
        self.finish_others(self._ledger.sources.own)
        for stream in self._ledger.sources.own:
            if stream.lock is not None:
                if stream.is_removed():
                    self._ledger.drops.add(SPOOL_REMOVED, stream.waiting())
                elif not _is_drained(stream):
                    stream.release()
                    continue
                self._ledger.remove(stream)
                stream.remove()


def _is_drained(stream: OwnStream) -> bool:
    try:
        return stream.appended <= stream.state.settled and stream.is_drained()
    except OSError:
        return False
