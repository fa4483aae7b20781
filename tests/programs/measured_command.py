"""A command of the command line that says at its end how much memory it had at the most.

Arguments: those of the command. The last line of standard error is the peak of its resident memory
in bytes.
"""

import sys
from pathlib import Path

from structlog_mozdef.cli import main

status = main(sys.argv[1:])
sys.stdout.flush()
lines = Path("/proc/self/status").read_text().splitlines()
[peak] = [line.split()[1] for line in lines if line.startswith("VmHWM")]
print(int(peak) * 1024, file=sys.stderr)
sys.exit(status)
