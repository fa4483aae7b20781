"""Posts 4 MB that are more than they look to a collector that may use 600 MB of addresses more."""

import http.client
import resource
import sys
from pathlib import Path

from structlog_mozdef.testing import running_collector

SIZE = 4 * 1024 * 1024


def body_of(start: bytes, item: bytes, end: bytes) -> bytes:
    count = (SIZE - len(start) - len(end)) // (len(item) + 1)
    return start + b",".join([item] * count) + end


BODIES = {
    "events": body_of(b"[", b"{}", b"]"),
    "objects": body_of(b'[{"details":{"x":[', b"{}", b"]}}]"),
    "name": body_of(b'[{"details":{"%b":[' % (b"x" * (SIZE // 2)), b'{"y":{}}', b"]}}]"),
}

with running_collector() as collector:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + 600 * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection = http.client.HTTPConnection(collector.base_url.removeprefix("http://"))
    connection.request("POST", "/_bulk", BODIES[sys.argv[1]])
    print(connection.getresponse().status, collector.received, collector.stored)
    connection.close()
