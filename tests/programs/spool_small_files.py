"""A process whose files must not grow beyond 20 kB logs into a spool, through an outage."""

import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, __file__.rpartition("/programs/")[0])

from support.spool_contents import waiting
from support.transport_doubles import DownTransport

import structlog_mozdef as mozdef

transport = DownTransport()
sink = mozdef.Sink(transport, spool=sys.argv[1], retry=mozdef.RetryPolicy(0.01, 0.05), linger=0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
raised = []
for number in range(80):
    try:
        sink.put(b'{"summary": "%06d %s"}' % (number, b"x" * 400))
    except Exception as error:
        raised.append(repr(error))
while len(waiting(Path(sys.argv[1]))) < 80:  # written to a second file, once it is tried again
    time.sleep(0.01)
transport.down = False
sink.flush(20)
numbers = [int(event["summary"][:6]) for event in transport.events]
print(json.dumps({"raised": raised, "numbers": numbers, "dropped": sink.stats().dropped}))
