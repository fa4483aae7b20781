"""Log some events, say so, and wait for a signal; by case, in a way that is difficult to end."""

import asyncio
import os
import signal
import sys
import threading
import time

import structlog

import structlog_mozdef as mozdef

case, url = sys.argv[1:]
options = {"linger": 60, "exit_timeout": float(os.environ.get("EXIT_TIMEOUT", "20"))}
if case == "off":
    options["handle_sigterm"] = False
if case == "interrupted":
    options.update(max_events=10, when_full="drop_oldest")
if case == "sink":
    sink = mozdef.Sink(url, handle_sigterm=True, **options)
elif case == "own handler":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    sink = mozdef.configure(url, **options)
elif case == "thread":
    made = []
    thread = threading.Thread(target=lambda: made.append(mozdef.configure(url, **options)))
    thread.start()
    thread.join()
    sink = made[0]
else:
    sink = mozdef.configure(url, **options)


def log():
    if case == "sink":
        for number in range(200):
            sink.put(b'{"summary": "%d"}' % number)
        return
    logger = structlog.get_logger()
    for number in range(200):
        logger.info(str(number))


def say(word):
    # Not by `print`, whose lock the thread that a signal interrupts, or stops, may hold.
    os.write(1, f"{word}\n".encode())


def ready():
    say("ready")


def say_when_it_sends():
    """The handler of SIGTERM is another while the end of the process sends."""
    before = signal.getsignal(signal.SIGTERM)

    def watch():
        while signal.getsignal(signal.SIGTERM) is before:
            time.sleep(0.01)
        say("sending")

    if case in {"plain", "own handler", "at exit"}:
        threading.Thread(target=watch, daemon=True).start()


async def main():
    if case == "asyncio handler":
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        ready()
        await stop.wait()
    else:
        ready()
        await asyncio.sleep(60)


log()
say_when_it_sends()
if case.startswith("asyncio"):
    asyncio.run(main())
elif case == "later handler":
    before = signal.getsignal(signal.SIGTERM)

    def handle(*arguments):
        structlog.get_logger().info("handler")
        before(*arguments)

    signal.signal(signal.SIGTERM, handle)
    ready()
    time.sleep(60)
elif case == "forked and reset":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    child = os.fork()
    if not child:
        structlog.get_logger().info("child")
        print(f"child {signal.getsignal(signal.SIGTERM) is signal.SIG_DFL}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
elif case == "at exit":
    ready()
elif case == "interrupted":
    # The signal comes as soon as a handler finds that it has interrupted a change of the buffer.
    def terminate(*_):
        if sink.is_interrupted():
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.raise_signal(signal.SIGTERM)

    ready()
    signal.signal(signal.SIGALRM, terminate)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while True:
        log()
elif case == "gevent":
    import gevent

    ready()
    gevent.sleep(60)
elif case != "own end":
    ready()
    time.sleep(60)
