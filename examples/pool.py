"""Work in other processes: multiprocessing and concurrent.futures, however they are started."""

import concurrent.futures
import multiprocessing

import structlog

import structlog_mozdef

log = structlog.get_logger("pool")


def configure() -> None:
    structlog_mozdef.configure(tags=["pool"])


def work(number: int) -> int:
    log.info("Done", number=number)
    return number


def main() -> None:
    with multiprocessing.Pool(initializer=configure) as pool:
        pool.map(work, range(100))
    with concurrent.futures.ProcessPoolExecutor(initializer=configure) as executor:
        list(executor.map(work, range(100, 200)))


if __name__ == "__main__":
    configure()
    main()
