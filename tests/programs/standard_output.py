"""Logs to standard output through a sink, and prints between the events.

Arguments: how many events, and their size.
"""

import sys

import structlog_mozdef as mozdef

count, size = int(sys.argv[1]), int(sys.argv[2])
sink = mozdef.Sink("-", linger=0.0, batch_events=7)
for number in range(count):
    sink.put(b'{"number": %d, "x": "%s"}' % (number, b"x" * size))
    if number % 10 == 0:
        # print writes its newline apart where Python does not buffer.
        sys.stdout.write('{"printed": "%s"}\n' % ("y" * 200))
        sys.stdout.flush()
assert sink.close(60), sink.stats()
