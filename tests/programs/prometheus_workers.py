"""Log from forked workers that share a folder of prometheus_client."""

import os
import sys
import warnings

import structlog

import structlog_mozdef as mozdef
from structlog_mozdef.metrics import register_prometheus

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
mozdef.configure(sys.argv[1])
register_prometheus()
for count in (3, 4):
    if not os.fork():
        for _ in range(count):
            structlog.get_logger().info("hello")
        sys.exit()
    os.wait()
structlog.get_logger().info("hello")
