"""The file that remembers how far files were sent, so that ``send --follow`` goes on from there.

It is one JSON object: of each followed name the files that had it, each with its device, inode, the
offset up to which its lines were delivered, and a hash of its beginning, since an inode is used
again. It is replaced by a rename, never written into. The command that uses it holds its lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from structlog_mozdef import _flock
from structlog_mozdef.cli.send.following import FollowedFile, OpenFile
from structlog_mozdef.cli.terminal import printable
from structlog_mozdef.process.standard_error import count_of

_FORMAT = 1
_HASHED_BYTES = 1024


class PositionFile:
    """How far files were sent, on disk.

    Args:
        path: of the file; missing or empty: everything is sent from its beginning.
        followed: the files that are sent, of which it must be none.

    Raises:
        ValueError: it is no such file, another command uses it, or it cannot be read or written.
    """

    def __init__(self, path: str, followed: Iterable[str] = ()) -> None:
        self._path = Path(path)
        self._lock = -1  # a descriptor of the file
        self._problem = ""
        if any(os.path.realpath(path) == os.path.realpath(each) for each in followed):
            raise ValueError(f"--position-file is {path!r}, which is followed itself")
        try:
            self._open()
            self._files = _read(self._path)
            self._write(self._files)
        except ValueError:
            self.close()
            raise
        except OSError as error:
            self.close()
            reason = error.strerror or type(error).__name__
            raise ValueError(
                f"--position-file is {path!r}, which cannot be used: {reason}"
            ) from None

    def _open(self) -> None:
        """Make the file, if it is missing, and lock it."""
        is_same = False
        while not is_same:  # another command has replaced it meanwhile, and ended
            self.close()
            flags = os.O_RDONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
            self._lock = os.open(self._path, flags, 0o600)
            status = os.fstat(self._lock)
            if not stat.S_ISREG(status.st_mode):
                raise _no_positions(self._path)
            if not _is_ours(self._lock):
                raise ValueError(
                    f"--position-file is {str(self._path)!r}, which another command uses"
                )
            is_same = self._path.exists() and os.path.samestat(status, self._path.stat())
        if not _flock.AVAILABLE:
            self.close()  # Windows replaces no file that is open

    def close(self) -> None:
        """Let other commands use the file."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def restore(self, path: str) -> FollowedFile:
        """Return the files with the name *path*, at the positions of the last time."""
        path = os.path.abspath(path)  # noqa: PTH100 - it is a string
        files = []
        for entry in self._files.get(path, []):
            file = _found(entry, path)
            if file is None:
                known = count_of(entry["offset"], "byte")
                print(
                    f"a file that was {printable(path)} is gone or was changed; what was written to"
                    f" it beyond its first {known} may not have been sent",
                    file=sys.stderr,
                )
            else:
                files.append(file)
        return FollowedFile(path, files)

    def save(self, followed: Iterable[FollowedFile]) -> bool:
        """Remember how far the lines of all files were read; return False if that fails."""
        problem = ""
        try:
            files = {file.path: [_entry_of(each) for each in file.files] for file in followed}
            if files != self._files:
                self._write(files)
                self._files = files
        except OSError as error:  # of its disk, or of theirs: the beginning of each is read
            problem = error.strerror or type(error).__name__
        if problem and problem != self._problem:  # it is tried again each second
            print(f"--position-file cannot be written: {problem}", file=sys.stderr)
        self._problem = problem
        return not problem

    def _write(self, files: dict[str, list[dict[str, Any]]]) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as file, contextlib.ExitStack() as failed:
            json.dump({"format": _FORMAT, "files": files}, file)
            file.flush()
            os.fsync(file.fileno())
            if self._lock < 0:
                file.close()
                new.replace(self._path)
            else:
                lock = os.dup(fd)
                failed.callback(os.close, lock)
                _is_ours(lock)
                new.replace(self._path)
                failed.pop_all()
                self.close()
                self._lock = lock


def _is_ours(fd: int) -> bool:
    """Lock the file *fd*, and return whether nobody else had the lock."""
    try:
        return not _flock.AVAILABLE or _flock.try_lock(fd)
    except OSError:  # the file system has no locks
        return True


def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    content = path.read_bytes()
    if not content:
        return {}
    with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
        value = json.loads(content)
        if value["format"] == _FORMAT and all(map(_is_entry, _entries(value["files"]))):
            return dict(value["files"])
    raise _no_positions(path)


def _no_positions(path: Path) -> ValueError:
    return ValueError(f"--position-file is {str(path)!r}, which is no file of positions")


def _entries(files: dict[str, Sequence[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for entries in files.values():
        yield from entries


def _is_entry(entry: dict[str, Any]) -> bool:
    numbers = (entry["device"], entry["inode"], entry["offset"])
    return all(type(number) is int and number >= 0 for number in numbers) and isinstance(
        entry["begin"], str
    )


def _entry_of(file: OpenFile) -> dict[str, Any]:
    return {
        "device": file.identity.device,
        "inode": file.identity.inode,
        "offset": file.offset,
        "begin": _hash(file.begin(min(file.offset, _HASHED_BYTES))),
    }


def _hash(begin: bytes) -> str:
    return hashlib.sha256(begin).hexdigest()


def _found(entry: dict[str, Any], path: str) -> OpenFile | None:
    """Open the file of *entry*: it has its name still, or another one in the same folder."""
    offset = entry["offset"]
    for candidate in (path, *_siblings(path)):
        with contextlib.suppress(OSError):
            status = os.stat(candidate)  # noqa: PTH116 - it is a string
            if (status.st_dev, status.st_ino) != (entry["device"], entry["inode"]):
                continue
            file = OpenFile(os.open(candidate, os.O_RDONLY), offset)
            if _hash(file.begin(min(offset, _HASHED_BYTES))) == entry["begin"]:
                return file
            file.close()
    return None


def _siblings(path: str) -> list[str]:
    try:
        with os.scandir(os.path.dirname(path)) as entries:  # noqa: PTH120 - it is a string
            return [entry.path for entry in entries if entry.is_file()]
    except OSError:
        return []
