"""On what a run was made: machine and versions, and how quiet the machine was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path

from benchmarks.results import Table
from benchmarks.running import file_system

# Processors that others may keep busy in a run that counts.
_QUIET = 0.1


class Watch:
    """How much of the machine others use, from when it is made."""

    def __init__(self) -> None:
        self._busy, self._own, self._begin = _busy(), _own(), time.monotonic()

    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._begin

    def others(self) -> float:
        """Processors that others kept busy, on average."""
        # What was started and killed by what we started is not counted as ours: a little.
        return max(0.0, (_busy() - self._busy - (_own() - self._own)) / self.seconds())


def describe() -> Table:
    """Machine and versions as a table."""
    from benchmarks.peers import PEERS

    names = sorted({name for peer in PEERS.values() for name in peer.distributions})
    rows = [
        ["machine", f"{_processor()}, {os.cpu_count()} processors, {_memory():,.0f} GiB"],
        ["system", f"{platform.system()} {platform.release()}, {platform.libc_ver()[1]} libc"],
        ["disk of spool and database", file_system()],
        ["Python", f"{platform.python_version()} ({platform.python_compiler()})"],
        *[[name, importlib.metadata.version(name)] for name in names],
    ]
    return Table("machine and versions", ["what", "value"], rows)


def verdict(watch: Watch, *, quick: bool) -> str:
    """What the figures of this run are good for."""
    others = watch.others()
    took = f"The run took {watch.seconds() / 60:.0f} minutes"
    if quick:
        return (
            f"{took}. **It was a quick run, which shows that all works: its figures mean nothing.**"
        )
    if others > _QUIET:
        return (
            f"{took}. **Meanwhile others kept {others:.2f} processors busy: the ratios are of some"
            " use, the absolute figures are of none.**"
        )
    return f"{took}, and others kept {others:.2f} processors busy: the machine was quiet."


def _busy() -> float:
    """Seconds that all processors together have worked."""
    user, nice, system, _, _, irq, soft, steal = map(
        int, Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Seconds that this process, and those that it has started and that have ended, worked."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
