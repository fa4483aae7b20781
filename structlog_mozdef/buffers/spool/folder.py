"""The folder of a spool: who may use it, which streams are in it, and which of them are orphans."""

from __future__ import annotations

import os
import stat
import time
import weakref
from pathlib import Path

from structlog_mozdef import _flock
from structlog_mozdef.buffers.spool.format import (
    ACK_FILE,
    ANY_DESTINATION,
    DEAD_LETTERS_FILE,
    FORMAT,
    STREAM_FILE,
    UNFINISHED_PREFIX,
    Metadata,
    StreamName,
    decode_metadata,
    encode_metadata,
    same_destination,
    stream_names_in,
)
from structlog_mozdef.exceptions import SpoolError
from structlog_mozdef.files.descriptor import Descriptor
from structlog_mozdef.files.opening import (
    QUARANTINED_SUFFIX,
    TOO_MANY_OPEN,
    create_file,
    give_to_owner_of,
    ignored_errors,
    open_folder,
    opened_folder,
    quarantine,
    read_file,
    write_all,
)
from structlog_mozdef.files.private_folder import (
    NotPrivateError,
    complaint_about,
    open_private_folder,
)

# A stream that its maker left unfinished holds no event; it is swept away after so many seconds.
_UNFINISHED_AGE = 60.0
#: A stream of another machine is left alone for so many seconds after the last sign of life.
FOREIGN_AGE = 60.0
_BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")


class StreamLock(Descriptor):
    """The lock of a stream: ``flock`` on the subfolder itself. It ends when that is closed.

    Args:
        name: of the subfolder.
        folder_fd: descriptor of the spool.

    Raises:
        OSError: there is no such subfolder, or it cannot be opened.
    """

    __slots__ = ("name",)

    def __init__(self, name: str, folder_fd: int) -> None:
        super().__init__(open_folder(name, folder_fd))
        self.name = name


# Those of this process.
_folders: weakref.WeakSet[SpoolFolder] = weakref.WeakSet()


class SpoolFolder:
    """A folder that serves one destination.

    Args:
        path: made (0700) where it is missing; ``~`` is expanded.
        destination: without credentials.
        boot: identifies the running kernel of this machine.
        adopts_all: whether streams for another destination are delivered to this one.

    Attributes:
        left_alone: streams of dead processes that this process cannot adopt: name -> reason.
        measured: see `structlog_mozdef.buffers.spool.capacity`.

    Raises:
        SpoolError: see `structlog_mozdef.buffers.spool.Spool`.
    """

    # Of an object that is not made yet, or never was.
    _descriptor: Descriptor | None = None

    def __init__(
        self,
        path: str | os.PathLike[str],
        destination: str,
        *,
        boot: str | None = None,
        adopts_all: bool = False,
    ) -> None:
        if not _flock.AVAILABLE:
            raise SpoolError(
                "a spool needs fcntl, which this platform does not have; use spool=None"
            )
        self.path = os.path.expanduser(os.fspath(path))  # noqa: PTH111 - kept as it was given
        # The program may change its working folder.
        self._absolute = str(Path(self.path).absolute())
        self.destination = destination
        self._boot = _boot_of_this_machine() if boot is None else boot
        self._adopts_all = adopts_all
        self.left_alone: dict[str, str] = {}
        self.measured: tuple[dict[str, int], dict[str, int]] | None = None
        try:
            self._open()
            self._check_locks()
            self._check_destination()
        except NotPrivateError as error:
            raise SpoolError(f"spool is {self.path!r}, which {error.complaint}") from None
        except OSError as error:
            self.close()
            raise SpoolError(
                f"spool is {self.path!r}; it must be a folder that can be made and written:"
                f" {error.strerror}"
            ) from None
        except SpoolError:
            self.close()
            raise
        _folders.add(self)

    @property
    def fd(self) -> int:
        """The descriptor of the folder; opened again where the program closed it.

        Raises:
            OSError: it cannot be opened, or this object was closed.
        """
        if self._descriptor is None:
            raise OSError(f"the spool {self.path} was closed")
        if not self._descriptor.is_ours():
            self._open()
        return self._descriptor.fd

    def _open(self) -> None:
        if self._descriptor is not None:
            self._descriptor.close()  # first: the new one may get its number
        self._descriptor = Descriptor(open_private_folder(self._absolute))

    def close(self) -> None:
        """Close the folder."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            descriptor.close()

    def __del__(self) -> None:
        # A sink that is closed can be used again, and closes its folder only when nobody can.
        self.close()

    def close_streams(self) -> None:
        """In a forked child: close every stream that is open, and the dead letters.

        A thread of the parent may have been opening or closing one at the moment of the fork, and
        a child that kept it open would keep its lock, for as long as it lives.
        """
        try:
            numbers = [int(name) for name in os.listdir("/dev/fd")]
        except OSError:
            return  # this platform has no such list
        letters = None
        with ignored_errors():  # there are none
            letters = os.stat(DEAD_LETTERS_FILE, dir_fd=self.fd, follow_symlinks=False)
        folders = [folder._descriptor for folder in list(_folders)]  # noqa: SLF001 - of its own
        for fd in set(numbers) - {folder.fd for folder in folders if folder is not None}:
            with ignored_errors():  # that of the list itself, and what is gone
                status = os.fstat(fd)
                if stat.S_ISDIR(status.st_mode):
                    is_ours = os.path.samestat(os.stat("..", dir_fd=fd), os.fstat(self.fd))
                else:
                    is_ours = letters is not None and os.path.samestat(status, letters)
                if is_ours:
                    os.close(fd)

    def complaint(self) -> str:
        """Say, behind a message, that this process runs as another user than the folder's."""
        with ignored_errors():
            complaint = complaint_about(os.fstat(self.fd))
            return complaint and f". The folder {complaint}"
        return ""

    @classmethod
    def existing(cls, path: str | os.PathLike[str]) -> SpoolFolder:
        """Return the folder at *path*, whatever it holds, to inspect it from outside.

        Raises:
            SpoolError: there is none, or it is not this user's.
        """
        if not Path(path).expanduser().is_dir():
            raise SpoolError(f"spool is {os.fspath(path)!r}; it must be an existing folder")
        return cls(path, ANY_DESTINATION, adopts_all=True)

    def _check_locks(self) -> None:
        """Make sure that ``flock`` works here: without it, nothing of a spool does.

        Raises:
            SpoolError: it does not.
        """
        with opened_folder(".", self.fd) as fd:
            try:
                if _flock.try_lock(fd):
                    _flock.unlock(fd)
            except OSError as error:
                raise SpoolError(
                    f"spool is {self.path!r}, on a file system without locks (flock:"
                    f" {error.strerror}); use a local one"
                ) from None

    def _check_destination(self) -> None:
        if self._adopts_all:
            return
        for name in self.stream_names():
            noted = self.destination_of(name)
            if noted is not None and not same_destination(noted, self.destination):
                raise SpoolError(
                    f"spool is {self.path!r}, which holds events for {noted!r}; a folder serves one"
                    f" destination, and this sink ships to {self.destination!r}. Deliver them with"
                    f" `spool drain`, or remove them with `spool purge --waiting`"
                )

    def stream_names(self) -> list[str]:
        """Return the names of the streams in the folder, oldest first."""
        return stream_names_in(self.names())

    def names(self) -> list[str]:
        """Return all names in the folder."""
        # Other threads, and processes forked from this one, share the position of our descriptor:
        # a reader of it could miss names.
        with opened_folder(".", self.fd) as fd:
            return os.listdir(fd)

    def destination_of(self, name: str) -> str | None:
        """Return the destination that a stream notes; None where it notes none."""
        try:
            with opened_folder(name, self.fd) as fd:
                return _metadata_of(fd).destination
        except OSError:
            return None

    # Streams of this process.

    def create_stream(self, stream_name: StreamName | str) -> StreamLock:
        """Create and lock a new stream. It becomes visible to other processes atomically.

        Whatever interrupts this leaves what a crash would leave.

        Raises:
            OSError: it cannot be made.
        """
        assert self.destination != ANY_DESTINATION  # noqa: S101 - nobody would adopt it
        name = str(stream_name)
        unfinished = UNFINISHED_PREFIX + name
        try:
            os.mkdir(unfinished, 0o700, dir_fd=self.fd)
        except FileNotFoundError:  # somebody has removed the folder itself
            self._open()
            os.mkdir(unfinished, 0o700, dir_fd=self.fd)
        stream = None
        try:
            # By its name: where the umask denies the right to open it, it could not be opened.
            os.chmod(unfinished, 0o700, dir_fd=self.fd)
            stream = StreamLock(unfinished, self.fd)
            give_to_owner_of(self.fd, stream.fd)
            _flock.try_lock(stream.fd)
            fd = create_file(STREAM_FILE, os.O_WRONLY, stream.fd)
            try:
                write_all(fd, encode_metadata(self.destination, os.getpid(), self._boot))
            finally:
                os.close(fd)
            os.rename(unfinished, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except OSError:
            if stream is None:
                os.rmdir(unfinished, dir_fd=self.fd)
            else:
                self.remove_stream(stream)
            raise
        stream.name = name
        return stream

    def remove_stream(self, stream: StreamLock) -> None:
        """Remove a stream that is drained, with what nobody needs any more in it."""
        try:
            with opened_folder(".", stream.checked()) as fd:
                # Who finds the rest of it after a crash still needs the ack offset.
                for name in sorted(os.listdir(fd), key=(ACK_FILE, STREAM_FILE).__contains__):
                    quarantine(name, fd)
                os.rmdir(stream.name, dir_fd=self.fd)
        except OSError:
            # There is something of somebody else in it, or it is gone already.
            with ignored_errors():
                other = f"{stream.name}{QUARANTINED_SUFFIX}"
                os.rename(stream.name, other, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        stream.close()

    # Streams of dead processes.

    def adoptable(self) -> list[str]:
        """Return the names of the streams, oldest first, and sweep away unfinished ones."""
        names = self.names()
        for name in names:
            if name.startswith(UNFINISHED_PREFIX) and not name.endswith(QUARANTINED_SUFFIX):
                with ignored_errors():
                    self._sweep(name)
        present = stream_names_in(names)
        self.left_alone = {n: self.left_alone[n] for n in present if n in self.left_alone}
        return present

    def _sweep(self, name: str) -> None:
        """Remove a stream that its maker died over, before it held an event."""
        stream = StreamLock(name, self.fd)
        age = time.time() - os.fstat(stream.fd).st_mtime
        if age > _UNFINISHED_AGE and _flock.try_lock(stream.fd):
            self.remove_stream(stream)
        stream.close()

    def lock_orphan(self, name: str) -> StreamLock | None:
        """Lock a stream whose owner is dead; None where it lives, or the stream is gone.

        A stream of another destination, of a later format, of another user, or of another machine
        that writes to it, is left alone: see `left_alone`.

        Raises:
            OSError: no file can be opened now.
        """
        stream = reason = None
        try:
            stream = StreamLock(name, self.fd)
            if _flock.try_lock(stream.fd):
                # Another sink may have drained and removed it between the two calls.
                now = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
                reason = self.reason_to_leave(stream.fd)
                if reason is None and os.path.samestat(now, os.fstat(stream.fd)):
                    lock, stream = stream, None
                    return lock
        except OSError as error:
            if error.errno in TOO_MANY_OPEN:
                raise
            if isinstance(error, PermissionError):
                reason = f"it cannot be read: {error.strerror}"
        finally:
            if reason is not None:
                self.left_alone[name] = reason
            if stream is not None:
                stream.close()
        return None  # it lives, or is no folder, or is gone

    def reason_to_leave(self, stream_fd: int) -> str | None:
        """Say why the stream whose folder is open as *stream_fd* is not for this process."""
        if os.fstat(stream_fd).st_uid != os.fstat(self.fd).st_uid:
            return "it belongs to another user"
        metadata = _metadata_of(stream_fd)
        # Where the metadata is damaged, the folder itself serves our destination.
        if metadata.format is not None and metadata.format > FORMAT:
            return f"it has format {metadata.format}, of a later version of structlog-mozdef"
        noted = metadata.destination
        if not (self._adopts_all or noted is None or same_destination(noted, self.destination)):
            return f"it holds events for {noted!r}"
        if metadata.boot not in (None, "", self._boot) and _was_just_written(stream_fd):
            return "another machine writes to it, which no lock here shows"
        return None

    def sync(self) -> None:
        """Force the names in the folder to the disk."""
        os.fsync(self.fd)


def _boot_of_this_machine() -> str:
    try:
        return _BOOT_FILE.read_bytes().strip().decode()
    except (OSError, ValueError):
        return ""


def _metadata_of(stream_fd: int) -> Metadata:
    return decode_metadata(read_file(STREAM_FILE, stream_fd, 10_000))


def _was_just_written(stream_fd: int) -> bool:
    with opened_folder(".", stream_fd) as fd:
        found = [os.stat(name, dir_fd=fd, follow_symlinks=False) for name in os.listdir(fd)]
    latest = max((status.st_mtime for status in found), default=0.0)
    return abs(time.time() - latest) < FOREIGN_AGE
