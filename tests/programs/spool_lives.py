"""Processes that log through the complete chain as fast as they can, each until it is killed."""

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
# Modules are loaded here once, and not by each life.
mozdef.configure(MemoryTransport())
structlog.get_logger().info("warm")
mozdef.Sink(url, verify=False)


with Path(counters).open("r+b") as file:
    returned = mmap.mmap(file.fileno(), 0)


def live(number):
    mozdef.configure(url, spool=folder, verify=False, batch_events=100, linger=0.01)
    log = structlog.get_logger()
    slot = slice(8 * number, 8 * number + 8)
    count = 0
    while True:
        log.info(f"{number} {count}")  # noqa: G004 - structlog takes strings
        count += 1
        returned[slot] = count.to_bytes(8, "little")


def begin(number):
    child = os.fork()
    if not child:
        live(number)
    return child, number, time.monotonic() + chance.uniform(0.02, 0.25)


def wait_for_an_event(number):
    """However busy the machine is."""
    deadline = time.monotonic() + 20
    while not any(returned[8 * number : 8 * number + 8]) and time.monotonic() < deadline:
        time.sleep(0.001)


# Two at a time; each ends at a moment of its own, three of four after their first event.
waiting = list(range(int(lives)))
alive = [begin(waiting.pop()) for _ in range(2)]
while alive:
    child, number, end = alive.pop(0)
    time.sleep(max(end - time.monotonic(), 0))
    if number % 4:
        wait_for_an_event(number)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if waiting:
        alive.append(begin(waiting.pop()))
