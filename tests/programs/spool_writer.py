"""Put events into a spool, send none of them, say so, and stay."""

import sys
import time

sys.path.insert(0, __file__.rpartition("/programs/")[0])

from support.handmade_spools import spool_on

url, folder, name, events = sys.argv[1:]
spool = spool_on(folder, url, max_bytes=2**30, sync="interval")
for number in range(int(events)):
    spool.append(b'{"summary": "%b %d"}' % (name.encode(), number))
print("ready", flush=True)
time.sleep(600)
