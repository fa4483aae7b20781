"""The local time zone of the process."""

import contextlib
import os
import time


@contextlib.contextmanager
def local_time_zone(name):
    """Make *name* (``EST+5``) the local time zone of this process, and of those it starts."""
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = name
        time.tzset()
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()
