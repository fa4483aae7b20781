"""Processes that use a spool on a disk that fails at random, each until it is killed.

Arguments: the folder of the spool, a file for what was appended and is safe, a file for what was
delivered, and the number of lives.
"""

import mmap
import os
import random
import signal
import sys
import time
import traceback

sys.path.insert(0, __file__.rpartition("/programs/")[0])

from pathlib import Path

from support.handmade_spools import spool_on

from structlog_mozdef.buffers.spool import SpoolTimings
from structlog_mozdef.exceptions import SpoolError

folder, safe, delivered, lives = sys.argv[1:]
TIMINGS = SpoolTimings(disk_retry=0.002, rescan_interval=0.01, maintenance_interval=0.005)
chance = random.Random(os.getpid())
with Path(safe).open("r+b") as file:
    numbers = mmap.mmap(file.fileno(), 0)
receiver = os.open(delivered, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def open_spool():
    while True:
        try:
            return spool_on(Path(folder), timings=TIMINGS, segment_bytes=2000, sync="interval")
        except SpoolError:
            continue  # the disk failed in the constructor, which says so


def deliver(spool):
    try:
        spool.adopt_orphans()
        batch = spool.peek(50, 100_000)
    except OSError:
        return  # the sender's thread warns and tries again
    if batch.events:
        os.write(receiver, b"".join(event + b"\n" for event in batch.events))
        spool.ack(batch)


def live(number):
    place = slice(8 * number, 8 * number + 8)
    spool = open_spool()
    count = 0
    while True:
        spool.append(b'{"summary": "%d %d"}' % (number, count))
        count += 1
        if spool.durable:  # what waits in memory, as the disk refuses, dies with the process
            numbers[place] = count.to_bytes(8, "little")
        if not count % 20:
            deliver(spool)


for number in range(int(lives)):
    child = os.fork()
    if not child:
        try:
            live(number)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    time.sleep(chance.uniform(0.02, 0.12))
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status), f"life {number} ended by itself"
