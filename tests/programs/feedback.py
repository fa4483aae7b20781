"""Root handlers at level DEBUG: what the sender itself causes must not become events."""

import logging
import sys
import threading
import time
import warnings

import structlog_mozdef as mozdef
from structlog_mozdef.transports.memory import MemoryTransport

case, url = sys.argv[1:3]
root = logging.getLogger()


def attach(url=url, **options):
    sink = mozdef.Sink(url, linger=0.01, **options)
    root.addHandler(mozdef.MozDefHandler(sink))
    root.setLevel(logging.DEBUG)
    return sink


def settled(*sinks):
    """What the sinks have accepted, once it is clear that nothing more comes by itself."""
    for sink in sinks:
        assert sink.flush(10)
    time.sleep(0.5)
    print(*(sink.stats().accepted for sink in sinks))


def one_sink():
    sink = attach()
    root.debug("mine")
    settled(sink)


def two_sinks():
    sinks = [attach(), attach()]
    root.debug("mine")
    settled(*sinks)


def failures():
    sink = attach(retry=mozdef.RetryPolicy(0.01, 0.01), exit_timeout=0.5)
    root.debug("mine")
    time.sleep(0.5)
    print(sink.stats().accepted)


def captured_warnings():
    logging.captureWarnings(True)
    warnings.simplefilter("always")
    sink = attach(Insecure())
    for _ in range(5):
        root.debug("mine")
        assert sink.flush(10)
    settled(sink)


class Insecure(MemoryTransport):
    def send(self, events):
        warnings.warn("insecure", stacklevel=1)
        return super().send(events)


def blocked_handler():
    # The log call that waits holds the lock of the handler.
    sink = attach(max_events=1, when_full="block", retry=mozdef.RetryPolicy(0.01, 0.01))
    threads = [threading.Thread(target=log, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sink.flush(10)
    print(sink.stats().delivered)


def log(count):
    for number in range(count):
        root.error("error %d", number)


def reconfigured():
    import logging.config

    # A server that is down makes the sender warn; each of its warnings needs the logging lock.
    sink = mozdef.Sink(
        url, linger=0, retry=mozdef.RetryPolicy(0.001, 0.001), exit_timeout=0.5, max_events=10**6
    )
    sink.own_log.interval = 0.0
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"mozdef": {"class": "structlog_mozdef.MozDefHandler", "sink": sink}},
        "root": {"handlers": ["mozdef"], "level": "DEBUG"},
    }
    logging.config.dictConfig(config)
    over = threading.Event()
    threads = [threading.Thread(target=log_until, args=(over,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        logging.config.dictConfig(config)
    over.set()
    for thread in threads:
        thread.join()
    print(sink.stats().failed_attempts > 10)


def log_until(over):
    while not over.is_set():
        root.error("error")
        time.sleep(0.001)


globals()[case]()
