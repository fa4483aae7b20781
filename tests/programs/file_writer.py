"""Writes numbered events of many sizes to a file, in batches."""

import json
import sys

from structlog_mozdef.transports.file import FileTransport

transport = FileTransport(sys.argv[1])
writer = int(sys.argv[2])
for first in range(0, 2000, 20):
    transport.send(
        [
            json.dumps({"writer": writer, "number": n, "x": "x" * (n % 17) ** 3}).encode()
            for n in range(first, first + 20)
        ]
    )
