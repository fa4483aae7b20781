"""Processes that log through the whole chain as fast as they can, each until it is killed."""

import mmap
import os
import random
import signal
import sys
import time
from pathlib import Path

import structlog

import structlog_mozdef as mozdef
from structlog_mozdef.transports.memory import MemoryTransport

url, folder, counters, lives, seed = sys.argv[1:]
chance = random.Random(int(seed))
# What is loaded and looked up once is not to be paid for by each life.
mozdef.configure(MemoryTransport())
structlog.get_logger().info("warm")
mozdef.Sink(url, verify=False)


def live(number):
    with Path(counters).open("r+b") as file:
        returned = mmap.mmap(file.fileno(), 0)
    mozdef.configure(url, spool=folder, verify=False, batch_events=100, linger=0.01)
    log = structlog.get_logger()
    place = slice(8 * number, 8 * number + 8)
    count = 0
    while True:
        log.info(f"{number} {count}")  # noqa: G004 - structlog takes texts
        count += 1
        returned[place] = count.to_bytes(8, "little")


def begin(number):
    child = os.fork()
    if not child:
        live(number)
    return child, time.monotonic() + chance.uniform(0.02, 0.25)


# Two at a time; each ends at a moment of its own.
waiting = list(range(int(lives)))
alive = [begin(waiting.pop()) for _ in range(2)]
while alive:
    child, end = alive.pop(0)
    time.sleep(max(end - time.monotonic(), 0))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if waiting:
        alive.append(begin(waiting.pop()))
