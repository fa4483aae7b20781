"""A script that cron starts: it removes old sessions, and says what it did."""

import sys

import structlog

import structlog_mozdef

log = structlog.get_logger("cleanup")


def main(count: int) -> None:
    for number in range(count):
        log.info("Session removed", session=f"s-{number}")
    log.info("Cleanup done", removed=count)


if __name__ == "__main__":
    structlog_mozdef.configure(tags=["cleanup"])
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
