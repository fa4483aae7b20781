"""Log two events, and end in some way: ``stream_ends.py FILE KEY_FILE WAY``."""

import multiprocessing
import os
import signal
import sys
import threading

import structlog

import structlog_mozdef as mozdef

file, key_file, way = sys.argv[1:]
sink = mozdef.configure(f"file://{file}", seal=key_file)
log = structlog.get_logger("app")


def block_of_its_own():
    with mozdef.Sink(f"file://{file}", seal=key_file) as own:
        structlog.wrap_logger(mozdef.MozDefLogger(own), processors=[mozdef.MozDefRenderer()]).info(
            "own"
        )


log.info("one")
log.info("two")
if way == "exception":
    raise RuntimeError(way)
elif way == "thread":
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
elif way == "closed twice":
    sink.close()
    sink.close()
elif way == "logs after close":
    sink.close()
    log.info("three")
elif way == "with":
    block_of_its_own()
elif way == "fork":
    if not os.fork():
        log.info("child")
        sys.exit()
    os.wait()
elif way == "silent fork":
    if not os.fork():
        sys.exit()
    os.wait()
elif way == "multiprocessing":
    process = multiprocessing.get_context("fork").Process(target=log.info, args=("child",))
    process.start()
    process.join()
elif way in {"SIGINT", "SIGTERM", "SIGKILL"}:
    sink.flush()
    os.kill(os.getpid(), getattr(signal, way))
    signal.pause()
elif way == "_exit":
    sink.flush()
    os._exit(0)
elif way == "exec":
    sink.flush()
    os.execv(sys.executable, [sys.executable, "-c", ""])
