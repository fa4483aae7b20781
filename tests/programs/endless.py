"""End while something goes on logging, or logs when nobody can be waited for any more."""

import asyncio
import atexit
import concurrent.futures
import logging
import os
import sys
import threading
import time

import structlog_mozdef as mozdef

case, url, *arguments = sys.argv[1:]
options = {"spool": os.environ.get("SPOOL"), "exit_timeout": 2.0}


def event(name):
    return b'{"summary": "%b"}' % str(name).encode()


def daemon_threads():
    sink = mozdef.Sink(url, **options)
    pause = 1 / float(arguments[0])

    def work():
        while True:
            sink.put(event("more"))
            time.sleep(pause)

    threading.Thread(target=work, daemon=True).start()
    time.sleep(0.5)


class Handler(logging.Handler):
    """Ship each record, those that shipping causes as well."""

    def __init__(self, ship):
        super().__init__()
        self.ship = ship

    def emit(self, record):
        self.ship(record.getMessage())


def handler_over_sink():
    sink = mozdef.Sink(url, linger=0, **options)
    logging.basicConfig(level=logging.DEBUG, handlers=[Handler(lambda text: sink.put(b"{}"))])
    logging.getLogger("program").info("hello")
    time.sleep(0.5)


def handler_over_client():
    from structlog_mozdef.compat import MozDefEvent

    def ship(text):
        message = MozDefEvent(url)
        message.summary = text
        message.set_fire_and_forget(True)
        message.send()

    logging.basicConfig(level=logging.DEBUG, handlers=[Handler(ship)])
    logging.getLogger("program").info("hello")
    time.sleep(0.5)


class Cycle:
    def __init__(self, sink):
        self.me = self
        self.sink = sink

    def __del__(self):
        for number in range(5):
            self.sink.put(event(f"finalizer {id(self)} {number}"))
        if arguments[1:]:
            self.sink.flush(1)
            self.sink.close(1)


def finalizer():
    """Log in the last collection, while daemon threads were stopped in the middle of it."""
    sink = mozdef.Sink(url, **options)
    for _ in range(int(arguments[0])):
        threading.Thread(
            target=lambda: [sink.put(event("more")) for _ in iter(int, 1)], daemon=True
        ).start()
    Cycle(sink)
    global kept  # noqa: PLW0603 - the interpreter clears it
    kept = Cycle(sink)
    time.sleep(0.3)


def asyncio_task():
    """The task is pending when it is destroyed, and asyncio logs that."""
    sink = mozdef.Sink(url, **options)
    logging.getLogger().addHandler(mozdef.MozDefHandler(sink))

    async def wait():
        try:
            await asyncio.sleep(1000)
        finally:
            sink.put(event("cancelled"))

    async def main():
        global task  # noqa: PLW0603 - the interpreter clears it
        task = loop.create_task(wait())
        await asyncio.sleep(0.1)

    global loop  # noqa: PLW0603 - as above
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())


async def work_in_threads(work):
    for _ in range(3):
        asyncio.get_running_loop().run_in_executor(None, work)
    await asyncio.sleep(0.3)
    print("ending", flush=True)


def blocked():
    """Callers wait for room: threads, an executor's, those of an event loop, a handler at exit."""
    sink = mozdef.Sink(url, max_events=10, when_full="block", **options)

    def work():
        for number in range(20):
            sink.put(event(number))

    if arguments[0] == "threads":
        for _ in range(3):
            threading.Thread(target=work).start()
    elif arguments[0] == "executor":
        executor = concurrent.futures.ThreadPoolExecutor(3)
        for _ in range(3):
            executor.submit(work)
    elif arguments[0] == "asyncio":
        asyncio.run(work_in_threads(work))
    else:
        atexit.register(work)
    time.sleep(0.3)


globals()[case]()
print("ending", flush=True)
