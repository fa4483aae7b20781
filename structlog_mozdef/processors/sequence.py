"""Number events, so that the receiver can prove that none is missing."""

from __future__ import annotations

import itertools
import secrets

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.rendering.fields import claim_detail


class SequenceAdder:
    """Add ``stream_id`` and ``sequence``, so that the receiver can prove that none is missing.

    ``stream_id`` is unpredictable and belongs to one process; ``sequence`` counts its events from
    1 without a gap. A missing number is a lost event; a number that arrives twice is a duplicate.
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
