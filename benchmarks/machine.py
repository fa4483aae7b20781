"""The machine and the versions of a run, and how quiet the machine was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path

from benchmarks import build
from benchmarks.results import Table
from benchmarks.running import file_system

# The processors that others may keep busy in a run whose figures count.
_QUIET = 0.1
_NOT_OPTIMISED = (
    "**This Python was built without the optimisations of the compiler: with them all is faster,"
    " and the ratios differ a little.**"
)


class Watch:
    """How much of the machine others have used since this object was created."""

    def __init__(self) -> None:
        self._busy, self._own, self._begin = _busy(), _own(), time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since this object was created."""
        return time.monotonic() - self._begin

    def others(self) -> float:
        """Return how many processors others kept busy, on average."""
        # Processes that our children started and killed count as others: that is little.
        return max(0.0, (_busy() - self._busy - (_own() - self._own)) / self.seconds())


def describe() -> Table:
    """Return machine and versions as a table."""
    from benchmarks.peers import PEERS

    names = sorted({name for peer in PEERS.values() for name in peer.distributions})
    rows = [
        ["machine", f"{_processor()}, {os.cpu_count()} processors, {_memory():,.0f} GiB"],
        ["system", f"{platform.system()} {platform.release()}, {platform.libc_ver()[1]} libc"],
        ["disk of spool and database", file_system()],
        ["Python", f"{build.version()}: {build.description()}"],
        *[[name, _version(name)] for name in names],
    ]
    return Table("machine and versions", ["what", "value"], rows)


def verdict(watch: Watch, *, quick: bool) -> str:
    """Return what the figures of this run are worth."""
    others = watch.others()
    duration = f"The run lasted {watch.seconds() / 60:.0f} minutes"
    if quick:
        return f"{duration}. **It was a quick run: its figures mean nothing.**"
    if others > _QUIET:
        quiet = (
            f"{duration}. **Others kept {others:.2f} processors busy: the ratios are of some use,"
            " the absolute figures of none.**"
        )
    else:
        quiet = f"{duration}, and others kept {others:.2f} processors busy: the machine was quiet."
    return quiet if build.optimised() else f"{quiet} {_NOT_OPTIMISED}"


def _version(distribution: str) -> str:
    """Return the version of a package. A run of some benchmarks needs only some of them."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _busy() -> float:
    """Return the seconds that all processors together have worked."""
    user, nice, system, _, _, irq, soft, steal = map(
        int, Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Return the seconds that this process and its ended children have worked."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
