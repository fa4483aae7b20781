"""What ``import structlog_mozdef`` costs beyond ``import structlog``."""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 15
_PROGRAM = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def main() -> None:
    """Print the medians of interleaved runs, each in a process of its own."""
    seconds: dict[str, list[float]] = {"structlog": [], "structlog_mozdef": []}
    for _ in range(ROUNDS):
        for module, times in seconds.items():
            program = _PROGRAM.format(module)
            output = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, check=True, text=True
            ).stdout
            times.append(float(output))
    base, ours = (statistics.median(times) * 1000 for times in seconds.values())
    print("import (milliseconds)")
    print(f"  {base:6.1f}  structlog")
    print(f"  {ours:6.1f}  structlog_mozdef, structlog included: {ours - base:.1f} more")


if __name__ == "__main__":
    main()
