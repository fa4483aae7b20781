"""Write into a spool until it has been full for long, without sending; print the counts."""

import json
import sys

sys.path.insert(0, __file__.rpartition("/programs/")[0])

from pathlib import Path

from support.handmade_spools import spool_on

spool = spool_on(Path(sys.argv[1]), max_bytes=int(sys.argv[2]))
for number in range(8000):
    spool.append(b'{"summary": "%08d %s"}' % (number, b"x" * 200))
counts = spool.counts()
print(
    json.dumps(
        {
            "accepted": counts.accepted,
            "buffered": counts.buffered,
            "dropped": sum(counts.dropped.values()),
        }
    )
)
