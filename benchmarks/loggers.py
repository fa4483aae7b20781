"""The chains that are compared, and loggers of them that ship to any sink.

The chains are those that the documents show; a test compares them with the text. `set_ups` has the
set-up of a whole process, as the documents show it.
"""

from __future__ import annotations

import importlib.metadata
import logging
import sys
from typing import Any

import orjson
import structlog

import structlog_mozdef as mozdef
from benchmarks.events import SUMMARY, USER_AGENT
from structlog_mozdef.bound_logger import bound_logger_at

#: What README.rst passes to ``configure``.
README_OPTIONS: dict[str, Any] = {"tags": ["openvpn"]}


class Nowhere:
    """A sink that drops rendered events."""

    def put(self, event: bytes) -> None:
        """Do nothing."""


def hide_hyperscan() -> None:
    """Let this process be as one in which hyperscan is not installed."""
    sys.modules["hyperscan"] = None  # type: ignore[assignment]  # as the import system has it


def hyperscan_here() -> str:
    """Say which hyperscan looks for secrets."""
    try:
        return f"with hyperscan {importlib.metadata.version('hyperscan')}"
    except importlib.metadata.PackageNotFoundError:
        return "hyperscan is not installed"


def floor_processors(*, exceptions: bool = False) -> list[Any]:
    """Return structlog's own JSON chain: the floor. It formats exceptions where it is told to."""
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        *([structlog.processors.format_exc_info] if exceptions else []),
        structlog.processors.JSONRenderer(serializer=orjson.dumps),
    ]


def explicit_processors(*, sequence: bool = True, redact: bool = True) -> list[Any]:
    """Return the chain by hand of ``docs/chains.rst``, or that without numbers or redaction."""
    return [
        structlog.contextvars.merge_contextvars,
        mozdef.add_hostname,
        mozdef.add_processid,
        mozdef.add_processname,
        mozdef.add_timestamp,
        mozdef.TagAdder("openvpn", "duosecurity"),
        *([mozdef.SequenceAdder()] if sequence else []),
        mozdef.MozDefRenderer(
            category="authentication", redactor=mozdef.Redactor() if redact else None
        ),
    ]


def structlog_json_logger() -> Any:
    """Return a logger with structlog's own JSON chain, writing to /dev/null: the floor."""
    return _logger(
        structlog.make_filtering_bound_logger(logging.INFO),
        floor_processors(),
        structlog.BytesLogger(open("/dev/null", "wb")),  # noqa: PTH123 - it stays open
    )


def explicit_logger(sink: Any, **options: bool) -> Any:
    """Return a logger with the chain of `explicit_processors`."""
    return _logger(
        structlog.make_filtering_bound_logger(logging.INFO),
        explicit_processors(**options),
        mozdef.MozDefLogger(sink),
    )


def configured_logger(sink: Any, **options: Any) -> Any:
    """Return a logger with the chain of ``configure``, as README.rst calls it.

    *options* are further ones, as for ``build_processors``.
    """
    return _logger(
        bound_logger_at(logging.INFO),
        mozdef.build_processors(**{**README_OPTIONS, **options}),
        mozdef.MozDefLogger(sink),
    )


def _logger(bound_logger: Any, processors: list[Any], wrapped: Any) -> Any:
    return bound_logger(wrapped, processors, {})


def log_many(log: Any, count: int) -> None:
    """Log an event of about 450 bytes, *count* times, in a tight loop."""
    for number in range(count):
        log.info(
            SUMMARY,
            username="kang",
            sourceipaddress="10.0.0.7",
            success=True,
            useragent=USER_AGENT,
            number=number,
        )
