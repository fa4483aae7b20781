"""Tasks of asyncio, each with its own context."""

import asyncio

import structlog

import structlog_mozdef

log = structlog.get_logger("fetcher")


async def fetch(number: int) -> None:
    structlog.contextvars.bind_contextvars(job=number)  # of this task alone
    log.info("Fetch started")
    await asyncio.sleep(0.01)
    log.info("Fetch done")


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(fetch(number))


if __name__ == "__main__":
    structlog_mozdef.configure(tags=["fetcher"])
    asyncio.run(main())
