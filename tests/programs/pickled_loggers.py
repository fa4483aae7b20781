"""Passes bound loggers to the processes of a pool, which log with them."""

import multiprocessing
import os
import sys

import structlog

import structlog_mozdef as mozdef


def work(arguments):
    log, number = arguments
    log.info(str(number), pid=os.getpid())
    return os.getpid()


if __name__ == "__main__":
    url, method = sys.argv[1:]
    sink = mozdef.configure(url, tags=["pickled"])
    log = structlog.get_logger("name").bind(bound=True)
    pool = multiprocessing.get_context(method).Pool(2)
    print(len(set(pool.map(work, [(log, number) for number in range(20)], chunksize=1))))
    pool.close()
    pool.join()
    sink.close()
