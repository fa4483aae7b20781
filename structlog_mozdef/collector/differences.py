"""What MozDef makes of one event, and the words for what it loses or changes.

- ``dropped``: MozDef loses the event, or one of its fields, while the sender sees success.
- ``refused``: MozDef accepts the event, and Elasticsearch's index does not: the sender sees success
  here too.
- ``rejected``: MozDef answers the sender with an error.
- ``renamed``: stored under another name.
- ``mangled``: stored with another value or type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["dropped", "refused", "rejected", "renamed", "mangled"]


@dataclass(frozen=True)
class Difference:
    """One way in which what MozDef stores differs from what was sent.

    Args:
        kind: as listed at the top of this module.
        field: the name as it was sent, dotted inside ``details``; empty for the event itself.
        reason: one plain sentence.
    """

    kind: Kind
    field: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What MozDef makes of one event.

    Args:
        document: what MozDef would store, or None if it stores nothing.
        differences: in the order in which MozDef reads the event.
    """

    document: dict[str, Any] | None
    differences: tuple[Difference, ...] = ()
