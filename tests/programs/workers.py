"""Log from processes of multiprocessing, concurrent.futures or billiard, which skip atexit."""

import importlib
import os
import sys
import warnings

import structlog_mozdef as mozdef

warnings.simplefilter("ignore", DeprecationWarning)

# A machine that is busy must not make a worker leave a batch that is under way to others.
sink = mozdef.Sink(
    os.environ["MOZDEF_URL"], spool=os.environ.get("SPOOL"), linger=60, exit_timeout=60
)


def log(number):
    for event in range(10):
        sink.put(b'{"summary": "%d %d"}' % (number, event))


def main():
    library, method = sys.argv[1:]
    sink.put(b'{"summary": "main"}')  # the parent's thread runs already
    if library == "pool":
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
            list(pool.map(log, range(4)))
        return
    context = importlib.import_module(library).get_context(method)
    processes = [context.Process(target=log, args=(number,)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


if __name__ == "__main__":
    main()
