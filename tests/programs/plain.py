"""The shortest program: it configures, logs, and ends."""

import sys

import structlog

import structlog_mozdef

structlog_mozdef.configure(sys.argv[1])
for number in range(3):
    structlog.get_logger().info(str(number))
