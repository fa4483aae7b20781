"""A child that inherits an open connection logs and exits; the parent goes on with its own."""

import os
import sys
import warnings

import structlog_mozdef as mozdef

warnings.simplefilter("ignore", DeprecationWarning)

sink = mozdef.Sink(sys.argv[1], verify=sys.argv[2] if len(sys.argv) > 2 else True)
sink.put(b'{"summary": "before"}')
assert sink.flush()
child = os.fork()
if not child:
    sink.put(b'{"summary": "child"}')
    assert sink.flush()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
sink.put(b'{"summary": "after"}')
assert sink.flush()
