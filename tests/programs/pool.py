"""Log from the workers of a Pool in a with block, which terminates them.

They are configured by the module, which spawned ones import, or by an initializer.
"""

import multiprocessing
import os
import sys

import structlog

import structlog_mozdef as mozdef


def configure():
    mozdef.configure(os.environ["MOZDEF_URL"], linger=60, exit_timeout=60)


def log(number):
    structlog.get_logger().info(str(number))


method, where = sys.argv[1:]
if where == "module":
    configure()

if __name__ == "__main__":
    context = multiprocessing.get_context(method)
    with context.Pool(4, None if where == "module" else configure) as pool:
        pool.map(log, range(200))
