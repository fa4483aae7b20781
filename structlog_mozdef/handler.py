"""Hand records of the standard library's logging to a sink."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Any

import structlog.stdlib
from structlog.typing import EventDict, Processor, WrappedLogger

from structlog_mozdef._raised import clears_locals, pass_on, shows_half_made
from structlog_mozdef.delivery import feedback
from structlog_mozdef.processors.rate_limiter import followed_by
from structlog_mozdef.processors.redactor import Redactor, redactor_of
from structlog_mozdef.rendering.convert import NAMES_LIMIT, name_of_type, safe_str
from structlog_mozdef.rendering.log_records import (
    event_dict_of,
    is_native,
    message_of,
    without_colours,
)
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink import Sink
from structlog_mozdef.sink.destination import destination_of, end_streams_in


class MozDefHandler(logging.Handler):
    """Ship records of the standard library's logging, fields of ``extra=`` included.

    Without a formatter, records become events as they are. A
    `structlog.stdlib.ProcessorFormatter` that ends in a `MozDefRenderer` makes the events itself.
    Any other formatter makes the summary.

    Records that the sender's own work causes (urllib3's at level DEBUG) and those of this package
    are not sent. Closing the handler does not close the sink, which others may use, and does not
    wait for it, since the logging lock is held meanwhile.

    Args:
        sink: the destination of the events: a `Sink`, or a URL of which one is made.
        level: the minimum level of records that are sent.
        category: of the events.
        source: of the events. Default: the name of the record's logger.
        timezone: of naive datetimes among the fields; as for `MozDefRenderer`.
        typed_names, listed_names, max_names: types, lists and number of the names of details; as
            for `MozDefRenderer`.
        processors: run on each event before it is rendered, with the record's logger and the name
            of its level: a `TagAdder`, a `SequenceAdder`, or any other processor that
            accepts and returns an event dict. A formatter that makes the events itself has its own.
        redact: whether secrets are replaced, after the *processors* or those of a formatter; a
            `Redactor` does so by its own rules. That of a formatter's `MozDefRenderer` goes first.
        sink_options: for a URL, as for `Sink`: ``spool``, ``verify``, ...

    Raises:
        TypeError: an option that the transport of the URL does not know.
        ValueError: an unknown level, or as for `MozDefRenderer` and `Sink`.
    """

    #: Records of this package are left out by it: they are warnings about what it ships.
    ships_to_mozdef = True

    @clears_locals
    def __init__(
        self,
        sink: Sink | str,
        level: int | str = logging.NOTSET,
        *,
        category: str = "event",
        source: str | None = None,
        timezone: str | tzinfo | None = None,
        typed_names: Mapping[str, type] | None = None,
        listed_names: Iterable[str] = (),
        max_names: int = NAMES_LIMIT,
        processors: Iterable[Processor] = (),
        redact: bool | Redactor = True,
        **sink_options: Any,
    ) -> None:
        super().__init__(level)
        self._redactor = redactor_of(redact)
        self._renderer = MozDefRenderer(
            category,
            source,
            timezone,
            typed_names,
            listed_names=listed_names,
            max_names=max_names,
            redactor=self._redactor,
        )
        self._ships_by_formatter = False
        self._sink: Sink = destination_of(sink, sink_options)
        self._processors = followed_by(list(processors), _Ship(self._renderer, self._sink))
        end_streams_in(self._sink, (*self._processors, self._renderer))

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - logging's name
        """Use *fmt*; see `MozDefHandler` for what each kind of formatter does."""
        self._ships_by_formatter = False
        if isinstance(fmt, structlog.stdlib.ProcessorFormatter):
            *before, last = fmt.processors
            if isinstance(last, MozDefRenderer):
                # The formatter would turn bytes into their repr, with a warning: its last step
                # ships them, and its result is ignored.
                fmt = copy.copy(fmt)
                ship = _Ship(last.with_redactor(self._redactor), self._sink)
                fmt.processors = (*followed_by(before, ship), ship)
                self._ships_by_formatter = True
        super().setFormatter(fmt)

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
            if self._ships_by_formatter:
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
        return f"<MozDefHandler({logging.getLevelName(self.level)}) of {self._sink!r}>"


def _caller_of(record: logging.LogRecord) -> tuple[WrappedLogger, str]:
    """Return the logger and the method's name for processors, as ProcessorFormatter does."""
    if is_native(record):
        return record._logger, safe_str(record._name)  # type: ignore[attr-defined]  # noqa: SLF001
    return logging.getLogger(safe_str(record.name)), safe_str(record.levelname).lower()


def _event_dict(processed: Any) -> EventDict:
    if not isinstance(processed, dict):
        raise TypeError("a processor of a handler must return an event dict")
    return processed


class _Ship:
    """The last processor of a formatter whose events are shipped instead of returned."""

    def __init__(self, renderer: MozDefRenderer, sink: Sink) -> None:
        self._renderer = renderer
        self._sink = sink

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> Any:
        self._sink.put(self._renderer(logger, name, event_dict))
        return ""
