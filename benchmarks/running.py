"""Run a library in its own process, with a time limit, and return its result."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent
# In the checkout and not in /tmp, which may be a tmpfs: spool and database are on one disk.
_FOLDERS = _ROOT / "build" / "benchmarks"
# Below 32,768, where kernels begin to choose local ports: a client that keeps trying to connect to
# one of those, while no server listens, will one day be connected to itself.
_PORTS = range(21_000, 32_000)


@contextlib.contextmanager
def disk_folder() -> Iterator[str]:
    """Create a folder on the disk of the checkout, and remove it at the end of the block."""
    _FOLDERS.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(dir=_FOLDERS)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def file_system() -> str:
    """Return the type of the file system of ``disk_folder``."""
    _FOLDERS.mkdir(parents=True, exist_ok=True)
    kind, longest = "unknown", ""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, name = line.split()[:3]
        if str(_FOLDERS).startswith(mount.rstrip("/") + "/") and len(mount) > len(longest):
            kind, longest = name, mount
    return kind


def free_bytes() -> int:
    """Return the free space on the disk of ``disk_folder``."""
    _FOLDERS.mkdir(parents=True, exist_ok=True)
    return int(shutil.disk_usage(_FOLDERS).free)


def quiet_port() -> int:
    """Return a port on which no server listens, and that no client is given by chance."""
    start = os.getpid() % len(_PORTS)
    for port in [*_PORTS[start:], *_PORTS[:start]]:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


class Program:
    """A module of this folder in its own process, which writes a result.

    Args:
        module: what is run: ``benchmarks.MODULE``, with *options* as JSON, which name the file for
            the result.
        name: of the files for the result and for what it prints.
        folder: for these files, and for what the program itself writes.
        options: of the module.
    """

    def __init__(self, module: str, name: str, folder: str, **options: Any) -> None:
        self._result = Path(folder) / f"{name}.result"
        self._output = Path(folder) / f"{name}.output"
        arguments = {"folder": folder, "result": str(self._result), **options}
        # A proxy of this machine must not influence the comparison.
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"benchmarks.{module}", json.dumps(arguments)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=_ROOT,
                env={**environment, "PYTHONHASHSEED": "0"},
                start_new_session=True,
            )

    def result(self) -> dict[str, Any] | None:
        """Return the last result that the process has written, or None."""
        if not self._result.exists():
            return None
        found: dict[str, Any] = json.loads(self._result.read_text())
        return found

    def running(self) -> bool:
        """Return whether the process is still running."""
        return self._process.poll() is None

    def go_on(self) -> None:
        """Send the line that the process waits for."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process, kill it after *seconds*, and return whether it ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            self.kill()
        return True

    def kill(self) -> None:
        """Kill the process and all its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    @property
    def exit_status(self) -> int | None:
        """As ``Popen.returncode``."""
        return self._process.returncode

    def last_words(self) -> str:
        """Return the last line that the process has printed."""
        lines = self._output.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""


class Child(Program):
    """A library in its own process.

    Args:
        measurement: the name of a function of `benchmarks.child`.
        peer: key in `benchmarks.peers.PEERS`.
        port: of the receiver.
        folder: for the peer alone.
        options: of the measurement.
    """

    def __init__(self, measurement: str, peer: str, port: int, folder: str, **options: Any) -> None:
        super().__init__(
            "child",
            measurement,
            folder,
            measurement=measurement,
            peer=peer,
            port=port,
            **options,
        )


def write_result(options: dict[str, Any], result: dict[str, Any]) -> None:
    """Write *result* of a `Program` with these *options*: all of it, or nothing."""
    path = Path(options["result"])
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result))
    part.rename(path)


def settled(count: Callable[[], int], *, enough: int, idle: float, limit: float) -> int:
    """Wait until *count()* is *enough*, has not changed for *idle* s, or *limit* s have passed."""
    begin = changed = time.monotonic()
    seen = -1
    while True:
        now, value = time.monotonic(), count()
        if value != seen:
            seen, changed = value, now
        if seen >= enough or now - changed > idle or now - begin > limit:
            return seen
        time.sleep(0.1)
