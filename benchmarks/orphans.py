"""Streams of dead processes in a spool."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from pathlib import Path

from structlog_mozdef import Sink


def leave_orphans(url: str, folder: str, number: int) -> None:
    """Leave *number* streams with one event each in *folder*, which is empty, for *url*."""
    process = multiprocessing.get_context("spawn").Process(target=_leave_one, args=(url, folder))
    process.start()
    process.join()
    _copy(Path(folder), number)


def _leave_one(url: str, folder: str) -> None:
    """Append one event, and die."""
    Sink(url, spool=folder).put(b'{"summary": "of a dead process"}')
    os.kill(os.getpid(), signal.SIGKILL)


def _copy(folder: Path, number: int) -> None:
    """Make *number* streams of the one in *folder*: each is named by time, process and chance."""
    (stream,) = (entry for entry in folder.iterdir() if entry.is_dir())
    born, pid, _ = stream.name.split("-")
    for index in range(number):
        shutil.copytree(stream, folder / f"{int(born) - index}-{pid}-{index:016x}")
    shutil.rmtree(stream)
