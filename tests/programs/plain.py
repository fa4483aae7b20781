"""The shortest program: it configures, logs, and ends; with several URLs, once for each."""

import sys

import structlog

import structlog_mozdef

*urls, last = sys.argv[1:]
options = {"exit_timeout": 0.5} if last == "exit_timeout=0.5" else {}
for url in urls if options else [*urls, last]:
    structlog_mozdef.configure(url, **options)
    for number in range(3):
        structlog.get_logger().info(str(number))
