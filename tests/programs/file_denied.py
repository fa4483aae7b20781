"""Writes one event to a file as a user without any privileges."""

import os
import pathlib
import sys

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.file import FileTransport

transport = FileTransport(f"file://{sys.argv[1]}")
if os.getuid() == 0:
    os.chown(sys.argv[1], 65534, 65534)
    # The way to the file leads through folders that only root may enter.
    os.chdir(pathlib.Path(sys.argv[1]).parent)
    transport._target._path = pathlib.Path(sys.argv[1]).name
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    transport.send([b'{"summary": "a"}'])
    print("written")
except TransportError as error:
    print(f"{error}, retryable: {error.retryable}")
