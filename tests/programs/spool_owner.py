"""Keep one event in a spool until standard input ends; then deliver it. Nothing is adopted."""

import sys

sys.path.insert(0, __file__.rpartition("/programs/")[0])

from support.handmade_spools import spool_on

import structlog_mozdef as mozdef

url, folder = sys.argv[1:]
spool = spool_on(folder, url)
spool.append(b'{"summary": "owned"}')
print("ready", flush=True)
sys.stdin.read()
batch = spool.peek(1, 1000)
mozdef.HTTPTransport(url).send(batch.events)
spool.ack(batch)
spool.close()
