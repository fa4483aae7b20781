"""The set-up of a whole process, as the documents show it; a test compares each with the text.

They change what is global (structlog's configuration, the root logger): one of them for a process.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import structlog

import structlog_mozdef as mozdef
from benchmarks.loggers import (
    README_OPTIONS,
    explicit_processors,
    floor_processors,
    hide_hyperscan,
)
from structlog_mozdef.rendering.sealing.key_file import create_key
from structlog_mozdef.sink import sinks

_NAME = "accounts"


class SetUp(NamedTuple):
    """A process that is ready to log.

    Attributes:
        log: the logger of a module.
        sink: where its events go, or None.
        wait: waits until what works beside the log calls has nothing left to do.
    """

    log: Any
    sink: mozdef.Sink | None = None
    wait: Callable[[], object] = lambda: None


def floor(*, exceptions: bool = False) -> SetUp:
    """Set up structlog's own JSON chain, writing to /dev/null, as fast as structlog can be."""
    structlog.configure(
        processors=floor_processors(exceptions=exceptions),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(_dev_null("wb")),
        cache_logger_on_first_use=True,
    )
    return SetUp(structlog.get_logger(_NAME))


def floor_with_exceptions() -> SetUp:
    """Set up the same, with a processor that formats exceptions."""
    return floor(exceptions=True)


def configured(url: str, **options: Any) -> SetUp:
    """Set up as README.rst does, with further *options*."""
    sink = mozdef.configure(url, **{**README_OPTIONS, **options})
    return SetUp(structlog.get_logger(_NAME), sink)


def without_hyperscan(url: str, **options: Any) -> SetUp:
    """Set up as README.rst does, where hyperscan is not installed."""
    hide_hyperscan()
    return configured(url, **options)


def sealed(url: str, folder: str, **options: Any) -> SetUp:
    """Set up as README.rst does, with a seal, as ``docs/proof.rst`` shows it."""
    key = Path(folder, "keys", "key")
    create_key(str(key))
    return configured(url, seal=str(key), **options)


def explicit(url: str, **options: Any) -> SetUp:
    """Set up the chain by hand of ``docs/chains.rst``; *options* are those of its sink."""
    sink = mozdef.Sink(url, handle_sigterm=True, **options)
    structlog.configure(
        processors=explicit_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=mozdef.MozDefLoggerFactory(sink),
        cache_logger_on_first_use=True,
    )
    return SetUp(structlog.get_logger(_NAME), sink)


def tee(url: str | None, **options: Any) -> SetUp:
    """Set up the tee of ``docs/chains.rst``, or the same chain without it where there is no URL.

    The chain prints, to /dev/null.
    """
    sys.stdout = _dev_null("w")
    sink = None if url is None else mozdef.Sink(url, **options)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *([mozdef.MozDefTee(sink, category="authentication")] if sink else []),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=mozdef.NamedLoggerFactory(structlog.PrintLoggerFactory()),
    )
    return SetUp(structlog.get_logger(_NAME), sink)


def handler(url: str, **options: Any) -> SetUp:
    """Set up the handler of ``docs/frameworks/logging.rst``, without its console."""
    made = mozdef.MozDefHandler(url, handle_sigterm=True, **options)
    (sink,) = sinks()
    return SetUp(_handled_by(made), sink)


def file_handler() -> SetUp:
    """Set up the standard library's own handler for files, with a formatter, to /dev/null."""
    return SetUp(_handled_by(_to_dev_null()))


def json_handler() -> SetUp:
    """Set up a handler for files with the faster JSON formatter of python-json-logger."""
    from pythonjsonlogger.orjson import OrjsonFormatter

    made = _to_dev_null()
    made.setFormatter(OrjsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return SetUp(_handled_by(made))


def queue_handler() -> SetUp:
    """Set up the standard library's QueueHandler, whose thread writes as `file_handler` does."""
    records: queue.Queue[Any] = queue.Queue(-1)
    logging.handlers.QueueListener(records, _to_dev_null()).start()
    return SetUp(_handled_by(logging.handlers.QueueHandler(records)), wait=records.join)


def _to_dev_null() -> logging.Handler:
    made = logging.FileHandler("/dev/null")
    made.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return made


def _handled_by(made: logging.Handler) -> logging.Logger:
    logging.basicConfig(level="INFO", handlers=[made])
    return logging.getLogger(_NAME)


def _dev_null(mode: str) -> Any:
    return open("/dev/null", mode)  # noqa: PTH123 - it stays open
