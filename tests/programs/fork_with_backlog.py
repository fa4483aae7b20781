"""Fork while events wait and the sender is in the middle of a request."""

import os
import sys
import time
import warnings

import structlog_mozdef as mozdef

warnings.simplefilter("ignore", DeprecationWarning)

sink = mozdef.Sink(sys.argv[1], spool=os.environ.get("SPOOL"), bulk=False)
for number in range(20):
    sink.put(b'{"summary": "parent %d"}' % number)
time.sleep(0.3)
child = os.fork()
if not child:
    start = time.monotonic()
    assert sink.flush(5)  # nothing of the parent's is waited for
    assert sink.stats().accepted == 0
    sys.exit(int(time.monotonic() - start > 1))
assert os.waitpid(child, 0)[1] == 0
sink.close()
