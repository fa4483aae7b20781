"""Run the command line as ``python -m structlog_mozdef``."""

import sys

from structlog_mozdef.cli import main

if __name__ == "__main__":
    sys.exit(main())
