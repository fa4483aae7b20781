"""The streams of this process, from the first to the last: begun, sealed, released, removed."""

from __future__ import annotations

import os

from structlog_mozdef._raised import pass_on
from structlog_mozdef.buffers.base import BUFFER_FULL, SPOOL_REMOVED
from structlog_mozdef.buffers.spool.folder import StreamLock
from structlog_mozdef.buffers.spool.format import StreamNames
from structlog_mozdef.buffers.spool.ledger import SpoolLedger
from structlog_mozdef.buffers.spool.maintenance import MaintenanceThread
from structlog_mozdef.buffers.spool.own_stream import OwnStream
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.files.opening import ignored_errors

# So many own streams keep their descriptors; those between the oldest and the latest are released,
# and locked again when it is their turn.
_MOST_OPEN = 8


class StreamLifecycle:
    """Every method is called with the spool's lock held.

    Args:
        ledger, maintenance: of the spool.
    """

    def __init__(self, ledger: SpoolLedger, maintenance: MaintenanceThread) -> None:
        self._ledger = ledger
        self._folder = ledger.folder
        self._sync = ledger.options.sync
        self._maintenance = maintenance
        self._has_new_names = False
        self._names = StreamNames()

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
        self._ledger.append(stream)
        return stream

    def write_held(self, stream: OwnStream) -> None:
        """Write what *stream* holds in memory to the disk. Raises OSError."""
        lock = self._create(stream.name)
        complete = None
        try:
            complete = stream.write_held(lock)
        finally:
            if complete is None:
                self._folder.remove_stream(lock)
        for file in complete or ():
            self._maintenance.sync_and_close(file)

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

    def is_usable(self, stream: OwnStream) -> bool:
        """Return whether events can be appended; where somebody interfered, seal the stream."""
        try:
            stream.check()
        except OSError as error:
            pass_on(error)
            self.seal(stream)
            path = self._folder.path
            self._ledger.warnings.add(
                "spool removed",
                f"somebody removed a stream from the spool {path}"
                if isinstance(error, FileNotFoundError)
                else f"the program closed files of the spool {path}",
            )
            return False
        return True

    def seal(self, stream: OwnStream) -> None:
        """Append no more to *stream*: it is read to its end."""
        stream.closed = True
        stream.stop_writing()
        with ignored_errors():
            for file in self.files_to_sync(stream):
                self._maintenance.sync_and_close(file)

    def seal_all_but(self, *in_use: object) -> None:
        """Seal all other streams, and release one where too many are open."""
        own = self._ledger.sources.own
        for stream in own[-2 * _MOST_OPEN :]:
            if not stream.closed and stream not in in_use:
                self.seal(stream)
        if len(own) > _MOST_OPEN and own[-_MOST_OPEN // 2].can_be_released():
            own[-_MOST_OPEN // 2].release()

    def drop_oldest_segment(self) -> bool:
        """Drop the oldest segment that is not being read; False where there is none."""
        for stream in self._ledger.sources.own:
            if stream.lock is not None:
                dropped = stream.drop_oldest_segment()
                if dropped:
                    self._ledger.drops.add(BUFFER_FULL, dropped)
                    return True
        return False

    def release_lost(self) -> None:
        """Release streams whose locks are gone: the program closed their descriptors."""
        for stream in self._ledger.sources.locked():
            if stream.lock is not None and not stream.lock.is_ours():
                stream.release()

    def close(self) -> None:
        """Remove what is drained, and leave the rest to the process that adopts it."""
        self.seal_all_but()
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
