"""What ``import structlog_mozdef`` costs beyond ``import structlog``."""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 15
_PROGRAM = "import time; import {}; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
_CASES = {
    "import structlog": ("sys", "import structlog"),
    "import structlog_mozdef, structlog being loaded": ("structlog", "import structlog_mozdef"),
    "... and all that configure() needs, but requests": (
        "structlog",
        "import structlog_mozdef.chain",
    ),
    "... and requests, for a URL": (
        "structlog",
        "import structlog_mozdef.chain, structlog_mozdef.transports.http",
    ),
}


def main() -> None:
    """Print the medians of interleaved runs, each in a process of its own."""
    seconds: dict[str, list[float]] = {name: [] for name in _CASES}
    for _ in range(ROUNDS):
        for name, (loaded, statement) in _CASES.items():
            program = _PROGRAM.format(loaded, statement)
            output = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, check=True, text=True
            ).stdout
            seconds[name].append(float(output))
    print("import (milliseconds)")
    for name, times in seconds.items():
        print(f"  {statistics.median(times) * 1000:6.1f}  {name}")


if __name__ == "__main__":
    main()
