"""Let a sink that fails go while Prometheus' folder is written, and look into the folder."""

import gc
import os
import sys
import time

import prometheus_client
from prometheus_client.multiprocess import MultiProcessCollector

import structlog_mozdef as mozdef
from structlog_mozdef.metrics import register_prometheus

registry = prometheus_client.CollectorRegistry()
MultiProcessCollector(registry)
register_prometheus(prometheus_client.CollectorRegistry(), interval=0.02)


def value(name):
    found = [
        sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == f"structlog_mozdef_{name}"
    ]
    return sum(found)


def wait_for(name, expected):
    deadline = time.monotonic() + 20
    while value(name) != expected:
        assert time.monotonic() < deadline, (name, value(name))
        time.sleep(0.01)


sink = mozdef.Sink(sys.argv[1], spool=sys.argv[2], exit_timeout=0)
sink.put(b"{}")
wait_for("failing", 1)
wait_for("events_buffered", 1)
sink.close(0)
del sink
gc.collect()
wait_for("failing", 0)
wait_for("events_buffered", 0)
assert value("events_accepted_total") == 1
os._exit(0)
