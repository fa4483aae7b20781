"""What MozDef makes of one event, and the words for what it loses or changes.

- ``dropped``: MozDef loses the event, or one of its fields, while the sender sees success.
- ``refused``: MozDef accepts the event, and Elasticsearch's index does not: the sender sees success
  here too.
- ``rejected``: MozDef answers the sender with an error.
- ``renamed``: stored under another name.
- ``mangled``: stored with another value or type.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

Kind = Literal["dropped", "refused", "rejected", "renamed", "mangled"]

#: What became of an event: a body that was answered with an error counts as refused.
Status = Literal["stored", "refused", "dropped"]


@dataclass(frozen=True)
class Difference:
    """One way in which what MozDef stores differs from what was sent.

    Args:
        kind: as listed at the top of this module.
        field: the name as it was sent, dotted inside ``details``; empty for the event itself.
        reason: one plain sentence.
        stored_as: where the value is stored, if the name is another one; dotted inside ``details``.
    """

    kind: Kind
    field: str
    reason: str
    stored_as: str = dataclasses.field(default="", compare=False)


#: So many differences of one event are kept: a body of 4 MB can have a hundred thousand.
DIFFERENCES_MAX = 1_000


class DifferenceList(list[Difference]):
    """The first `DIFFERENCES_MAX` differences of an event, and how many there are beyond.

    Args:
        ignored: fields whose differences do not count.

    Attributes:
        more: the number of those that were not kept.
    """

    def __init__(self, ignored: Collection[str] = ()) -> None:
        super().__init__()
        self.more = 0
        self._ignored = ignored

    def append(self, difference: Difference) -> None:
        """Keep a difference if there is room, or count it."""
        if difference.field in self._ignored:
            return
        if len(self) < DIFFERENCES_MAX:
            super().append(difference)
        else:
            self.more += 1

    def ended(self) -> list[Difference]:
        """Return what was kept, and a last one that says how many were not."""
        if not self.more:
            return list(self)
        reason = f"There are {self.more:,} differences more, which are not listed."
        return [*self, Difference("mangled", "", reason)]


@dataclass(frozen=True)
class Outcome:
    """What MozDef makes of one event.

    Args:
        document: what MozDef would store, or None if it stores nothing.
        differences: in the order in which MozDef reads the event.
    """

    document: dict[str, Any] | None
    differences: tuple[Difference, ...] = ()

    @property
    def status(self) -> Status:
        """What became of the event."""
        return "stored" if self.document is not None else status_of_lost(self.differences)


def status_of_lost(differences: Iterable[Difference]) -> Status:
    """Return how an event was lost of which nothing is stored."""
    is_refused = any(entry.kind in {"refused", "rejected"} for entry in differences)
    return "refused" if is_refused else "dropped"
