"""Log at awkward moments of the end of the interpreter."""

import atexit
import gc
import os
import sys
import threading
import time

case, url = sys.argv[1:]
spool = os.environ.get("SPOOL")


def event(name):
    return b'{"summary": "%b"}' % name.encode()


def many():
    sink = mozdef.Sink(url, spool)
    for number in range(10_000):
        sink.put(event(str(number)))


def atexit_after():
    sink = mozdef.Sink(url, spool, linger=60)
    atexit.register(lambda: sink.put(event("later handler")))
    sink.put(event("main"))


def atexit_before():
    sink = mozdef.Sink(url, spool, linger=60)
    before.append(lambda: sink.put(event("earlier handler")))
    sink.put(event("main"))


def atexit_only():
    sink = mozdef.Sink(url, spool, linger=60)
    before.append(lambda: sink.put(event("earlier handler")))


def blocked_at_exit():
    sink = mozdef.Sink(url, spool, max_events=1, when_full="block")
    before.append(lambda: [sink.put(event(str(number))) for number in range(5)])


class Logging:
    def __del__(self):
        self.sink.put(event("finalizer"))


def finalizer():
    global kept  # noqa: PLW0603 - the interpreter clears it
    kept = Logging()
    kept.sink = mozdef.Sink(url, spool, linger=60)
    kept.sink.put(event("main"))


def threads(daemon):
    sink = mozdef.Sink(url, spool, linger=60, exit_timeout=20)
    logged = threading.Event()

    def work():
        for number in range(20):
            sink.put(event(str(number)))
            time.sleep(0.01)
        logged.set()
        while daemon:
            sink.put(event("more"))
            time.sleep(0)

    threading.Thread(target=work, daemon=daemon).start()
    return logged


def daemon_threads():
    threads(True).wait()


def outliving_threads():
    threads(False)


def first_event_after_main():
    sink = mozdef.Sink(url, spool)

    def work():
        time.sleep(0.2)
        sink.put(event("first"))

    threading.Thread(target=work).start()


def logging_shutdown():
    import logging

    sink = mozdef.Sink(url, spool)
    handler = mozdef.MozDefHandler(sink)
    logging.getLogger().addHandler(handler)
    logging.getLogger().error("before")
    logging.shutdown()
    logging.getLogger().error("after")
    sink.close()
    logging.getLogger().error("closed")


def exception():
    sink = mozdef.Sink(url, spool, linger=60)
    sink.put(event("main"))
    raise SystemExit(0)


def forgotten():
    for number in range(5):
        mozdef.Sink(url, spool, linger=60).put(event(str(number)))


def six_sinks():
    for number in range(3):
        for destination in (url, url.replace("/events", "/hang")):
            sink = mozdef.Sink(destination, bulk=False, linger=60, exit_timeout=3)
            sink.put(event("early"))
            if destination == url:
                assert sink.flush()
                time.sleep(0.1)
            # Now the sender lingers, and has two requests to make, one after the other.
            for part in "ab":
                sink.put(event(f"{number}{part}"))


def disk_fails():
    import resource

    sink = mozdef.Sink(url, spool, exit_timeout=1)
    for _ in range(3):
        sink.put(event("on disk"))
    # For a file: so nothing more can be written.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    for _ in range(2):
        sink.put(event("in memory"))


def outage():
    sink = mozdef.Sink(url, spool, exit_timeout=1)
    sink.put(event("main"))


def collected():
    sink = mozdef.Sink(url, spool, exit_timeout=2, retry=mozdef.RetryPolicy(60, 60))
    sink.put(event("main"))
    assert not sink.close(0.1)
    del sink
    gc.collect()
    gc.collect()


def with_block():
    global kept_sink
    with mozdef.Sink(url, spool, exit_timeout=1) as kept_sink:
        for name in "abc":
            kept_sink.put(event(name))


def losses():
    sink = mozdef.Sink(url, spool, max_events=10, exit_timeout=1)
    for number in range(13):
        sink.put(event(str(number)))
    sink.flush(1)
    for number in range(42):
        sink.put(event(str(number)))
    sink.flush(1)


def rejected():
    sink = mozdef.Sink(url, spool, exit_timeout=5)
    for name in ("good", "poison", "poison"):
        sink.put(event(name))
    sink.flush(5)
    sink.put(17)


def no_threads():
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    sink = mozdef.Sink(url, spool)
    threading.Thread.start = refuse
    for number in range(20):
        sink.put(event(str(number)))


before = []
atexit.register(lambda: [function() for function in before])  # runs after the sink's own handler
import structlog_mozdef as mozdef  # noqa: E402 - the order of the handlers is the point

globals()[case]()
