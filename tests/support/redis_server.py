"""Redis for tests: Debian's own server, on a socket in a folder of its own, that keeps nothing."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support.running import wait_for


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """Run a server; yields the path of its socket."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:  # a short path: 107 bytes at most
        path = Path(folder, "socket")
        options = ["--port", "0", "--unixsocket", str(path), "--dir", folder, "--save", ""]
        process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        try:
            assert wait_for(path.exists)
            yield str(path)
        finally:
            process.kill()
            process.wait()
