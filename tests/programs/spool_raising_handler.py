"""Append to a spool while a signal handler raises again and again; print what became of it.

Arguments: the folder, and how many other threads append meanwhile.
"""

import json
import random
import signal
import sys
import threading
import time

sys.path.insert(0, __file__.rpartition("/programs/")[0])

from pathlib import Path

from support.handmade_spools import spool_on
from support.interruptions import calls_in

INTERRUPTIONS = 1000


class Interruption(BaseException):
    pass


def interrupt(*_):
    raise Interruption


def append_others(thread):
    number = 0
    while not done.is_set():
        number += 1
        spool.append(b'{"n": [%d, %d]}' % (thread, number))
        returned.append((thread, number))
        time.sleep(0.0001)


spool = spool_on(Path(sys.argv[1]), max_bytes=1_000_000_000)
spool.append(b'{"n": [0, 0]}')  # the slow first append is done
returned = [(0, 0)]
done = threading.Event()
others = [
    threading.Thread(target=append_others, args=(thread,))
    for thread in range(1, int(sys.argv[2]) + 1)
]
for other in others:
    other.start()
signal.signal(signal.SIGALRM, interrupt)
number = interruptions = 0
deadline = time.monotonic() + 8
while interruptions < INTERRUPTIONS and time.monotonic() < deadline:
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.000_01, 0.005))
        while True:
            number += 1
            spool.append(b'{"n": [0, %d]}' % number)
            returned.append((0, number))
    except Interruption:
        interruptions += 1
done.set()
# Who appends now needs the lock, which this thread must not have kept.
after = threading.Thread(target=spool.append, args=(b'{"n": [-1, 0]}',), daemon=True)
after.start()
for thread in (*others, after):
    thread.join(10)
delivered = []
while not any(thread.is_alive() for thread in (*others, after)):
    batch = spool.peek(1000, 1_000_000)
    if not batch.events:
        break
    delivered += [tuple(json.loads(event)["n"]) for event in batch.events]
    spool.ack(batch)
spool.append(b'{"n": [0, 0]}')  # after an empty spool there is more to do
print(
    json.dumps(
        {
            "interruptions": interruptions,
            "returned": len(returned),
            "lost": len(set(returned) - set(delivered)),
            "repeated": len(delivered) - len(set(delivered)),
            "last_arrived": (-1, 0) in delivered,
            "waiting": len(spool) - 1,
            # Once it is over, an append locks, writes and unlocks, and does nothing else.
            "appends_quickly": calls_in(lambda: spool.append(b'{"n": [0, 0]}')) < 10,
        }
    ),
    flush=True,
)
