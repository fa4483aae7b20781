"""Lines become events, which a sink delivers; and what became of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.cli.destination import sink_of
from structlog_mozdef.cli.ending import Interrupted, StopReading
from structlog_mozdef.cli.send.reading import LINE_LIMIT_BYTES
from structlog_mozdef.cli.send.resuming import Following
from structlog_mozdef.configuration import build_processors
from structlog_mozdef.logger import MozDefLogger
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.sink import Stats
from structlog_mozdef.sink.destination import end_streams_in


class Delivery:
    """The events of one call: they are a stream, which ends with the last one.

    Args:
        options: of the command.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._timeout = options.timeout
        self._processors = build_processors(
            tags=options.tag,
            category=options.category,
            source=options.source,
            redact=options.redact,
            sequence=options.seal is None,  # the sink numbers what it seals
        )
        self._sink = sink_of(options, when_full="block", exit_timeout=0.0, seal=options.seal)
        self._logger = MozDefLogger(self._sink)
        self._read = 0
        self._before_end: Stats | None = None

    def send(
        self, lines: Iterator[bytes | None], stop: StopReading, following: Following | None
    ) -> ValueError | None:
        """Send *lines*, and wait until they are delivered.

        Returns:
            The error of a file that could not be read to its end.
        """
        problem = None
        try:
            try:
                for line in lines:
                    if line is not None:
                        self._put(line)
                    elif following is not None:
                        following.save(self._sink, stop)
                if following is not None:
                    self._put_all(following.rest())
            except ValueError as error:
                problem = error
            self._finish()
            stop.done()
        except Interrupted as error:
            stop.status = stop.status or error.status
            # Another signal: nobody wants to wait for this one, nor for those behind it.
            self._read += sum(1 for line in lines if line and line.strip())
        return problem

    def _put_all(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self._put(line)

    def _put(self, line: bytes) -> None:
        event_dict: Any = _event_dict_of(line)
        if event_dict is None:
            return
        self._read += 1
        for processor in self._processors:
            event_dict = processor(self._logger, "info", event_dict)
        self._sink.put(event_dict)

    def _finish(self) -> None:
        deadline = Deadline.after(self._timeout)
        if self._sink.flush(deadline.left()):
            self._before_end = self._sink.stats()
            end_streams_in(self._sink, self._processors)
            self._sink.end_streams(0.0)
        self._sink.close(deadline.left())

    def is_settled(self) -> bool:
        """Return whether each line was delivered or rejected."""
        stats = self._before_end or self._sink.stats()
        return stats.delivered + stats.sent + stats.dead_lettered == self._read

    def result(self) -> tuple[bool, str]:
        """Return whether everything was delivered, and what became of the events, in words."""
        at_end = self._sink.stats()
        stats = self._before_end or at_end
        done = stats.sent or stats.delivered
        how = "sent, without confirmation" if stats.sent else "delivered"
        text = f"{done:,} of {count_of(self._read, 'event')} {how}"
        for what, count in (
            ("rejected", stats.dead_lettered),
            ("dropped", stats.dropped),
            ("not sent", stats.buffered + max(self._read - stats.accepted, 0)),
        ):
            if count:
                text += f", {count:,} {what}"
        if stats.last_error:
            text += f": {stats.last_error}"
        is_all = done == self._read
        if is_all and self._read and not at_end.delivered + at_end.sent > self._read:
            is_all = False
            text += ", but not the end of the stream"
        self._sink.mark_reported()
        return is_all, text


def _event_dict_of(line: bytes) -> dict[str, Any] | None:
    """Return what *line* says; None where it is blank."""
    text = line[:LINE_LIMIT_BYTES].strip()
    if not text:
        return None
    event_dict = _object_in(text) or {"event": text.decode("utf-8", "backslashreplace")}
    if len(line) > LINE_LIMIT_BYTES:
        event_dict["line_cut_at_bytes"] = LINE_LIMIT_BYTES
    return event_dict


def _object_in(text: bytes) -> dict[str, Any] | None:
    if text.startswith(b"{"):
        try:
            value = orjson.loads(text)
        except ValueError:
            return None  # it is plain text
        if isinstance(value, dict):
            return value
    return None
