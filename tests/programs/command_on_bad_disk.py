"""A command of the command line whose disk is slow, or fails, as soon as it adopts a stream.

Arguments: ``slow`` or ``failing``, the name of a file in a stream, and the command. When the
sender's thread opens that file, a slow disk makes it wait until the main thread has looked at the
spool three times more; from then on, a failing disk reads no such file.
"""

import errno
import sys
import threading

from structlog_mozdef.cli import main

kind, name, *command = sys.argv[1:]
reached, looked_at = threading.Event(), threading.Semaphore(0)


def opens(path):
    if path != name:
        return
    if threading.current_thread().name == "structlog-mozdef-sender" and not reached.is_set():
        reached.set()
        for _ in range(3 if kind == "slow" else 0):
            looked_at.acquire(timeout=20)
    if kind == "failing" and reached.is_set():
        raise OSError(errno.EIO, "Input/output error")


def looks(folder):
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and isinstance(folder, int) and reached.is_set():  # else it imports something
        looked_at.release()


def hook(event, arguments):
    if event == "open":
        opens(arguments[0])
    elif event == "os.listdir":
        looks(arguments[0])


sys.addaudithook(hook)
sys.exit(main(command))
