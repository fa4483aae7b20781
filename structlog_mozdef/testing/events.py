"""What a test sees of the events that were captured, and what it can ask of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, overload

import structlog

from structlog_mozdef._deadline import Deadline
from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.collector.ingest import ingest_event
from structlog_mozdef.process import identity
from structlog_mozdef.process.standard_error import count_of
from structlog_mozdef.processors import held_back
from structlog_mozdef.sink import sinks
from structlog_mozdef.testing.matching import mismatches
from structlog_mozdef.testing.report import list_of, losses, summary_of, with_fields

#: Seconds for a `RateLimiter` to tell what it holds back.
_PATIENCE = 5.0


class CapturedEvents(Sequence[dict[str, Any]]):
    """The events that were captured, in their order, as the documents that MozDef would store.

    A document has what `MozDefRenderer` writes, with the changes that MozDef makes (``processid``
    is a string, for example) and the fields that it adds (``utctimestamp``, ``mozdefhostname``,
    ...). An event that MozDef or its index would not store is not among them; `differences` says
    why.

    The methods take *fields* that an event must have: those of MozDef (``summary``, ``severity``,
    ``category``, ``tags``, ...) by their names, and any other name is one in ``details``. A value
    matches if it is equal; beyond that, a compiled pattern matches a string in which it is found, a
    dict matches an object with at least its items, and a set matches a list with at least its
    items, such as ``tags={"openvpn"}``.

    .. versionadded:: 26.1.0
    """

    def __init__(self) -> None:
        self._captured: deque[tuple[bytes, datetime]] = deque()
        self._documents: list[dict[str, Any]] = []
        self._differences: list[Difference] = []

    def put(self, event: bytes) -> None:
        """Capture one rendered event, from any thread."""
        self._captured.append((event, datetime.now(UTC)))

    def one(self, **fields: Any) -> dict[str, Any]:
        """Return the one event that has all *fields*.

        Raises:
            AssertionError: there is none, or more than one; the message shows what there was.
        """
        __tracebackhide__ = True
        found = self.matching(**fields)
        if len(found) == 1:
            return found[0]
        if found:
            raise AssertionError(
                f"{len(found)} events{with_fields(fields)} were logged, not one:{list_of(found)}"
            )
        raise AssertionError(
            f"no event{with_fields(fields)} was logged{self._what_there_was(fields)}"
        )

    def none(self, **fields: Any) -> None:
        """Check that no event has all *fields*; without fields, that there is no event.

        Raises:
            AssertionError: there is one; the message shows it.
        """
        __tracebackhide__ = True
        found = self.matching(**fields)
        if found:
            count = count_of(len(found), "event", "were")
            raise AssertionError(
                f"no event{with_fields(fields)} was expected, and {count} logged:{list_of(found)}"
            )

    def matching(self, **fields: Any) -> list[dict[str, Any]]:
        """Return the events that have all *fields*."""
        return [event for event in self if not mismatches(event, fields)]

    def clear(self) -> None:
        """Forget the events so far."""
        self._read()
        self._documents.clear()
        self._differences.clear()

    @property
    def differences(self) -> list[Difference]:
        """What MozDef would change of these events, and which it would lose, and why."""
        self._read()
        return self._differences.copy()

    def _what_there_was(self, fields: Mapping[str, Any]) -> str:
        lost = losses(self._differences)
        if self._documents:
            return f"; there were:{list_of(self._documents, fields)}{lost}"
        if lost or sinks() or not structlog.is_configured():
            return f", and no other{lost}"
        return ", and no other: structlog is configured, but no sink of structlog_mozdef is there"

    def _read(self) -> None:
        """Do with the events what MozDef does; not when they are logged, which is to be quick."""
        held_back.tell(Deadline.after(_PATIENCE))
        while self._captured:
            event, received = self._captured.popleft()
            for made in ingest_event(event, "events", received, identity.hostname()).events:
                self._differences += made.outcome.differences
                if made.outcome.document is not None:
                    self._documents.append(made.outcome.document)

    def __len__(self) -> int:
        self._read()
        return len(self._documents)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        self._read()
        return self._documents[index]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return f"<events: {'; '.join(map(summary_of, self)) or 'none'}>"
