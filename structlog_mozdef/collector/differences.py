"""What became of one event on its way into MozDef, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Difference:
    """One way in which what MozDef stores differs from what was sent.

    Args:
        kind: ``"dropped"``: lost, while the sender saw success. ``"renamed"``: stored under
            another name. ``"mangled"``: stored with another value or type. ``"refused"``: an error
            answer, from MozDef to the sender or from Elasticsearch to MozDef.
        field: the name as it was sent, dotted inside ``details``; empty for the whole event.
        reason: one plain sentence.
    """

    kind: Literal["dropped", "renamed", "mangled", "refused"]
    field: str
    reason: str


@dataclass(frozen=True)
class Mapped:
    """What MozDef makes of one event.

    Args:
        document: what it would store, or None where it stores nothing.
        findings: the differences, in the order in which MozDef reads the event.
    """

    document: dict[str, Any] | None
    differences: tuple[Difference, ...] = ()
