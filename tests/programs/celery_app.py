"""A Celery application on Redis, whose tasks log in the processes of its pool.

Run as a program it sends tasks to the worker, and waits for their end.
"""

import os
import signal
import sys
import time

import celery
import structlog
from celery.exceptions import SoftTimeLimitExceeded

import structlog_mozdef as mozdef

redis = f"redis+socket://{os.environ['REDIS']}"
app = celery.Celery("celery_app", broker=redis, backend=redis)
app.conf.update(broker_connection_retry_on_startup=True)
mozdef.configure(os.environ["MOZDEF_URL"], linger=60, exit_timeout=20)
log = structlog.get_logger()
log.info("imported")  # the main process has a thread before it forks


@app.task
def work(number):
    log.info("task %d", number)


@app.task(soft_time_limit=0.3)
def log_until_the_limit():
    """The limit is raised by a signal handler, nearly always in the middle of a log call."""
    try:
        while True:
            log.info("busy")
    except SoftTimeLimitExceeded:
        log.info("limit")


@app.task(bind=True)
def wait(self):
    log.info("waiting")
    self.update_state(state="WAITING")
    signal.pause()


def work_20_times():
    for result in [work.delay(number) for number in range(20)]:
        result.get(timeout=30)


def limit_4_times():
    for result in [log_until_the_limit.delay() for _ in range(4)]:
        result.get(timeout=30)


def terminate():
    result = wait.delay()
    while result.state != "WAITING":
        time.sleep(0.02)
    result.revoke(terminate=True)
    work_20_times()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
