"""How events look in the messages of failed assertions: one line for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.testing.matching import mismatches

_MAX_EVENTS = 30
_MAX_CHARACTERS = 500
# Of each event, and of no use to a reader.
_LEFT_OUT = frozenset({"stream_id", "sequence"})


def with_fields(fields: Mapping[str, Any]) -> str:
    """Return *fields* as they were given, for the middle of a sentence."""
    given = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    return f" with {given}" if given else ""


def summary_of(event: Mapping[str, Any]) -> str:
    """Return what tells *event* from others, on one line."""
    details = event.get("details", {})
    parts = [f"{event.get('severity')} {event.get('source')}: {event.get('summary')!r}"]
    if event.get("category") != "event":
        parts.append(f"category={event.get('category')!r}")
    if event.get("tags"):
        parts.append(f"tags={event['tags']!r}")
    parts += [f"{name}={value!r}" for name, value in details.items() if name not in _LEFT_OUT]
    return _cut(" ".join(parts))


def list_of(events: Sequence[Mapping[str, Any]], fields: Mapping[str, Any] | None = None) -> str:
    """Return *events* as lines; below each what of *fields* it does not have."""
    lines = []
    for number, event in enumerate(events[:_MAX_EVENTS], start=1):
        lines.append(f"  {number}. {summary_of(event)}")
        if fields:
            lines.append(f"     {_cut(', '.join(mismatches(event, fields)))}")
    if len(events) > _MAX_EVENTS:
        lines.append(f"  ... and {len(events) - _MAX_EVENTS} more")
    return "".join(f"\n{line}" for line in lines)


def losses(differences: Iterable[Difference]) -> str:
    """Return why MozDef would not store what was logged beside the events, as lines."""
    return "".join(
        f"\n  MozDef loses {difference.field or 'an event'}: {difference.reason}"
        for difference in differences
        if difference.kind in ("dropped", "refused", "rejected")
    )


def _cut(line: str) -> str:
    return line if len(line) <= _MAX_CHARACTERS else f"{line[:_MAX_CHARACTERS]}..."
