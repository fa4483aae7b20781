"""Number events, so that the receiver can prove that none is missing."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import pass_on
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.rendering.fields import claim_detail

#: The detail of an event that says that its stream has ended well. What a program logs while it
#: ends may come after it.
STREAM_END = "stream_end"


class SequenceAdder:
    """Add ``stream_id`` and ``sequence``, so that the receiver can prove that none is missing.

    ``stream_id`` is unpredictable and belongs to one process; ``sequence`` counts its events from
    1 without a gap. A missing number is a lost event; a number that arrives twice is a duplicate.
    So a stream that has begun is known by its number 1. Its end is an event with the detail
    ``stream_end``: see `StreamEnd`. ``structlog-mozdef audit`` reads all that.

    A forked child gets a ``stream_id`` of its own. Use it as the last processor before the
    renderer: an event that a later processor drops leaves a gap. The program's own fields by these
    names move to ``stream_id_2`` and ``sequence_2``.
    """

    __slots__ = ("__weakref__", "_next", "_stream_id")

    def __init__(self) -> None:
        self.after_fork_in_child()
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Draw another ``stream_id``, and count from 1 again."""
        self._stream_id = secrets.token_hex(8)
        self._next = itertools.count(1).__next__  # atomic, also in a signal handler

    def position(self) -> tuple[str, int]:
        """Return ``stream_id`` and the last ``sequence`` that was given; 0 where there was none."""
        # A count shows its next number by its repr alone; a log call pays nothing for that.
        counter = repr(getattr(self._next, "__self__"))  # noqa: B009 - mypy knows no such attribute
        return self._stream_id, int(counter.removeprefix("count(").removesuffix(")")) - 1

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        if "stream_id" in event_dict or "sequence" in event_dict:
            claim_detail(event_dict, "stream_id", self._stream_id)
            claim_detail(event_dict, "sequence", self._next())
        else:
            event_dict["stream_id"] = self._stream_id
            event_dict["sequence"] = self._next()
        return event_dict

    def __reduce__(self) -> tuple[type[SequenceAdder], tuple[()]]:
        return SequenceAdder, ()  # a copy in another process must count for itself

    def __repr__(self) -> str:
        return "SequenceAdder()"


class StreamEnd:
    """Render the event that ends a stream, where there is one to end.

    A tail that got lost is noticed only if the last number is known. `Sink.before_end` takes such
    an object, and asks it when the process ends.

    Args:
        position: returns the id of the stream and its last number; see `SequenceAdder.position`.
        processors: the whole chain, renderer included, so that the event has the tags and the
            category of the others.
    """

    def __init__(self, position: Callable[[], tuple[str, int]], processors: Sequence[Any]) -> None:
        self._position = position
        self._processors = tuple(processors)
        self._ended: tuple[str, int] | None = None

    def __call__(self) -> bytes | None:
        """Return the event; None where nothing was logged since the last one. Never raises."""
        position = stream_id, number = self._position()
        if not number or position == self._ended:
            return None
        self._ended = (stream_id, number + 1)  # its own
        event: Any = {"event": "end of stream", STREAM_END: True, "logger": "structlog_mozdef"}
        try:
            for processor in self._processors:
                event = processor(None, "info", event)
        except Exception as error:  # a processor of the program: the stream stays open
            pass_on(error)
            return None
        return event if isinstance(event, bytes) else None
