"""A spool that cannot be opened is a `SpoolError`, whatever the system says."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess

import pytest
from support.running import PROGRAMS, run

from structlog_mozdef import Sink, SpoolError
from structlog_mozdef.transports.memory import MemoryTransport


def attempt(folder, free):
    """Make a sink with a spool in a process that can open *free* more files, at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    opened = []
    try:
        with contextlib.suppress(OSError):
            while True:
                opened.append(os.open("/", os.O_RDONLY))
        for _ in range(free):
            os.close(opened.pop())
        return Sink(MemoryTransport(), spool=folder)
    except SpoolError as error:
        return str(error)
    finally:
        for fd in opened:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_open_files(tmp_path):
    """However few files can still be opened (EMFILE): a sink, or an error that says why not."""
    with Sink(MemoryTransport(), spool=tmp_path / "first"):
        pass  # loads all modules
    found = [attempt(tmp_path / str(free), free) for free in range(10)]
    errors = [each for each in found if isinstance(each, str)]
    sinks = [each for each in found if not isinstance(each, str)]
    assert (bool(errors), bool(sinks)) == (True, True)
    assert all("Too many open files" in error for error in errors)
    assert all(sink.close(10) for sink in sinks)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="a C compiler makes the disk fail")
@pytest.mark.parametrize("one_in", [4, 20])
def test_failing_disk(tmp_path, one_in):
    """Wherever the disk fails (EIO, ENOSPC, EINTR): a sink, or a SpoolError, and nothing else."""
    library = tmp_path / "failing_disk.so"
    source = PROGRAMS / "failing_disk.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    folder = tmp_path / "the-spool"
    folder.mkdir()
    environment = {"LD_PRELOAD": str(library), "FAULTS_ON": "/the-spool", "FAULTS_IN": str(one_in)}
    out = run("spool_refused", folder, 100, env=environment).stdout
    made, refused = (int(part.partition("=")[2]) for part in out.split())
    assert (made + refused, made > 0, refused > 0) == (100, True, True)
