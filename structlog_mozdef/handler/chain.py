"""Records through a chain of processors and a renderer into a sink."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from structlog_mozdef._raised import pass_on, shows_half_made
from structlog_mozdef.delivery import feedback
from structlog_mozdef.processors.rate_limiter import followed_by
from structlog_mozdef.rendering.convert import name_of_type, safe_str
from structlog_mozdef.rendering.log_records import (
    event_dict_of,
    is_native,
    message_of,
    without_colours,
)
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink import Sink


class ChainHandler(logging.Handler):
    """Make an event of each record, and put it into *sink*.

    Records that the sender's own work causes (urllib3's at level DEBUG) and those of this package
    are not sent. Closing the handler does not close the sink, which others may use, and does not
    wait for it, since the logging lock is held meanwhile.

    Args:
        sink: where the events go.
        level: the minimum level of records.
        processors: run on each event, with the record's logger and the name of its level.
        renderer: of the events.
    """

    #: Records of this package are left out by it: they are warnings about what it ships.
    ships_to_mozdef = True
    #: Whether the formatter makes the events, and ships them.
    ships_by_formatter = False

    def __init__(
        self,
        sink: Sink,
        level: int | str,
        processors: Sequence[Processor],
        renderer: MozDefRenderer,
    ) -> None:
        super().__init__(level)
        self._sink = sink
        self._renderer = renderer
        self._processors = followed_by(processors, Ship(renderer, sink))

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and ship *record*, without the handler's lock.

        A sink needs none; and a log call that waits for a full buffer (``when_full="block"``) must
        not hold one that the sender's own records need.
        """
        filtered: Any = self.filter(record)
        if filtered:
            # Since Python 3.12 a filter can return another record.
            self.emit(filtered if isinstance(filtered, logging.LogRecord) else record)
        return bool(filtered)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if feedback.is_feedback(record.name):
                return
            if self.ships_by_formatter:
                self.format(record)
                return
            event_dict: EventDict = event_dict_of(record)
            if self.formatter is not None:
                event_dict["event"] = without_colours(self._summary_of(record))
            if self._processors:
                logger, method = _caller_of(record)
                for processor in self._processors:
                    event_dict = _event_dict(processor(logger, method, event_dict))
            self._sink.put(self._renderer(None, "info", event_dict))
        except structlog.DropEvent:
            pass  # a processor asked for that
        except Exception as error:
            pass_on(error)
            self._put_remains(record, error)

    def _summary_of(self, record: logging.LogRecord) -> str:
        """Format *record* without its exception and stack, which become fields of their own."""
        bare = logging.makeLogRecord(record.__dict__)
        bare.exc_info = bare.exc_text = bare.stack_info = None
        return self.format(bare)

    def _put_remains(self, record: logging.LogRecord, error: Exception) -> None:
        """Ship what is certain of *record* if a formatter, processor or object in it failed."""
        event_dict: EventDict = {
            "event": message_of(record),
            "level": record.levelname,
            "logger": record.name,
            "exc_info": record.exc_info,
            "formatting": f"failed with {name_of_type(type(error))}",
        }
        logger, method = _caller_of(record)
        for processor in self._processors:
            try:
                event_dict = _event_dict(processor(logger, method, event_dict))
            except structlog.DropEvent:
                return  # a processor asked for that
            except Exception as another:  # the one that failed; a Redactor, for example, still runs
                pass_on(another)
        self._sink.put(self._renderer(None, "info", event_dict))

    def flush(self) -> None:
        """Do nothing: `Sink.flush` waits, and ``logging`` calls this under its lock."""

    @shows_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__}({logging.getLevelName(self.level)}) of {self._sink!r}>"


def _caller_of(record: logging.LogRecord) -> tuple[WrappedLogger, str]:
    """Return the logger and the method's name for processors, as ProcessorFormatter does."""
    if is_native(record):
        return record._logger, safe_str(record._name)  # type: ignore[attr-defined]  # noqa: SLF001
    return logging.getLogger(safe_str(record.name)), safe_str(record.levelname).lower()


def _event_dict(processed: Any) -> EventDict:
    if not isinstance(processed, dict):
        raise TypeError("a processor of a handler must return an event dict")
    return processed


class Ship:
    """The last processor of a chain whose events are shipped instead of returned."""

    def __init__(self, renderer: MozDefRenderer, sink: Sink) -> None:
        self._renderer = renderer
        self._sink = sink

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> Any:
        self._sink.put(self._renderer(logger, name, event_dict))
        return ""
