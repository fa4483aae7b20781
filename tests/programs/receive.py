"""A receiver in a process of its own: prints its address, and at the end the number of events."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.receivers import Receiver

with Receiver() as receiver:
    print(receiver.url, flush=True)
    sys.stdin.read()
    print(sum(request.body.count(b"\n") // 2 for request in receiver.accepted))
