"""Which events of a record are missing, by the numbers that `SequenceAdder` gave them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from structlog_mozdef.audit.numbers import NumberSet
from structlog_mozdef.exceptions import AuditError
from structlog_mozdef.processors.sequence import STREAM_END
from structlog_mozdef.rendering.sealing.keys import NUMBER_LIMIT
from structlog_mozdef.transports.event_id import stream_of

# Events with numbers far apart cost some hundred bytes each, and streams a thousand: nobody shall
# fill the memory by them.
_BLOCKS_LIMIT = 4_000_000
_BLOCKS_PER_STREAM = 4


class Stream:
    """What a record holds of one process's events.

    Attributes:
        numbers: that are there.
        repeated: those of them that came more than once.
        ends: the numbers of events that say that the process has ended well, or closed its sink.
        hostname, processname, processid: of one of the events; "" where it has none.
        last_time: the timestamp of the event with the highest number, or "".
    """

    __slots__ = (
        "ends",
        "hostname",
        "last_time",
        "numbers",
        "processid",
        "processname",
        "repeated",
    )

    def __init__(self, event: dict[str, Any]) -> None:
        self.numbers = NumberSet()
        self.repeated = NumberSet()
        self.ends: int = 0
        self.hostname, self.processname, self.processid = (
            _short_text(event.get(name)) for name in ("hostname", "processname", "processid")
        )
        self.last_time = ""

    def add(self, number: int, event: dict[str, Any]) -> None:
        """Add *event*, whose number is *number*."""
        if number > self.numbers.last:
            self.last_time = _short_text(event.get("timestamp"))
        if not self.numbers.add(number):
            self.repeated.add(number)
        if event["details"].get(STREAM_END) is True:
            self.ends = max(self.ends, number)

    @property
    def has_ended(self) -> bool:
        """Whether the last event that is there says that nothing comes after it.

        A sealed stream that is as long as it can be has ended as well: another one follows it.
        """
        return self.numbers.last in {self.ends, NUMBER_LIMIT}

    def missing(self, *, partial: bool = False) -> Iterator[tuple[int, int]]:
        """Yield the ranges of numbers that are missing.

        Args:
            partial: whether the record may begin in the middle of the stream.
        """
        return self.numbers.missing(self.numbers.first if partial else 1, self.numbers.last)


class Completeness:
    """What a record holds of all streams; events can come in any order.

    Attributes:
        streams: by their ids.
        events: that were added.
        unnumbered: of these, those without stream and number.
        malformed: of these, those whose stream or number cannot be one.
        no_events: lines that are no events.
    """

    def __init__(self) -> None:
        self.streams: dict[str, Stream] = {}
        self.events = self.unnumbered = self.malformed = self.no_events = 0

    def add(self, event: dict[str, Any]) -> None:
        """Add one event, as it was sent or as it was stored.

        Raises:
            AuditError: the numbers of the record are so far apart that they fill the memory.
        """
        if not event:
            self.no_events += 1
            return
        self.events += 1
        identity = stream_of(event)
        if identity is None or identity[1] < 1:
            details = event.get("details")
            if isinstance(details, dict) and ("stream_id" in details or "sequence" in details):
                self.malformed += 1
            else:
                self.unnumbered += 1
            return
        stream_id, number = identity
        stream = self.streams.get(stream_id)
        if stream is None:
            stream = self.streams[stream_id] = Stream(event)
        stream.add(number, event)
        if not self.events % 100_000:
            self._check_memory()

    def _check_memory(self) -> None:
        blocks = sum(
            stream.numbers.blocks + stream.repeated.blocks for stream in self.streams.values()
        )
        if blocks + len(self.streams) * _BLOCKS_PER_STREAM > _BLOCKS_LIMIT:
            raise AuditError(
                "there are too many streams, or numbers far apart, to check them together;"
                " check a part of the record, with --query or a shorter file"
            )


def _short_text(value: object) -> str:
    if type(value) is int:
        return str(value)[:20]
    return value[:100] if type(value) is str else ""
