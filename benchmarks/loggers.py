"""The loggers that are compared, and the event that they log."""

from __future__ import annotations

import logging
from typing import Any

import orjson
import structlog

import structlog_mozdef as mozdef


class Nowhere:
    """A sink that drops rendered events."""

    def put(self, event: bytes) -> None:
        """Do nothing."""


def structlog_json_logger() -> Any:
    """Return a logger with structlog's own JSON chain, writing to /dev/null: the floor."""
    return _logger(
        [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        structlog.BytesLogger(open("/dev/null", "wb")),  # noqa: PTH123 - it stays open
    )


def explicit_logger(sink: Any) -> Any:
    """Return a logger with the chain of the README's explicit set-up."""
    return _logger(
        [
            structlog.contextvars.merge_contextvars,
            mozdef.add_hostname,
            mozdef.add_processid,
            mozdef.add_processname,
            mozdef.add_timestamp,
            mozdef.TagAdder("openvpn", "duosecurity"),
            mozdef.MozDefRenderer(category="authentication"),
        ],
        mozdef.MozDefLogger(sink),
    )


def configured_logger(sink: Any, **options: Any) -> Any:
    """Return a logger with the chain of ``configure``, which adds the sequence."""
    return _logger(
        mozdef.build_processors(
            tags=["openvpn", "duosecurity"], category="authentication", **options
        ),
        mozdef.MozDefLogger(sink),
    )


def tee_logger(sink: Any, **options: Any) -> Any:
    """Return a logger with a tee in structlog's own JSON chain, which writes to /dev/null."""
    return _logger(
        [
            structlog.processors.add_log_level,
            mozdef.MozDefTee(sink, category="authentication", **options),
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        structlog.BytesLogger(open("/dev/null", "wb")),  # noqa: PTH123 - it stays open
    )


class HandledLogger:
    """Log by the standard library, ``extra=`` fields and a `MozDefHandler`, as `log_many` does."""

    def __init__(self, sink: Any, **options: Any) -> None:
        self._logger = logging.Logger("benchmarks", logging.INFO)  # noqa: LOG001 - this one alone
        self._logger.addHandler(mozdef.MozDefHandler(sink, category="authentication", **options))

    def info(self, event: str, **fields: Any) -> None:
        """Log *event* with *fields*."""
        self._logger.info(event, extra=fields)


def _logger(processors: list[Any], wrapped: Any) -> Any:
    return structlog.make_filtering_bound_logger(20)(wrapped, processors, {})


def log_many(log: Any, count: int) -> None:
    """Log an event of about 450 bytes, *count* times, in a tight loop."""
    for number in range(count):
        log.info(
            "User logged in",
            username="kang",
            sourceipaddress="10.0.0.7",
            success=True,
            useragent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            number=number,
        )
