"""The options that choose dead letters: by reason, time and summary."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Selection:
    """Which dead letters an action is for. None: whatever there is.

    Attributes:
        reason: is contained in the reason, in lower or upper case.
        since: seconds of ``time.time``; older ones, and damaged ones, which have no time, are not
            selected.
        summary: is contained in the summary of the event, or in the text of what is no event.
    """

    reason: str | None = None
    since: float | None = None
    summary: str | None = None

    def selects(self, letter: dict[str, Any]) -> bool:
        """Return whether *letter* is selected."""
        return (
            _contains(letter.get("reason"), self.reason)
            and (self.since is None or _time_of(letter) >= self.since)
            and (self.summary is None or _contains(_summary_of(letter), self.summary))
        )

    @property
    def is_all(self) -> bool:
        """Whether every letter is selected."""
        return self == Selection()


def selection_of(options: argparse.Namespace) -> Selection:
    """Return what the options select."""
    return Selection(options.reason, options.since, options.summary)


def _contains(value: object, text: str | None) -> bool:
    return text is None or text.casefold() in str(value).casefold()


def _summary_of(letter: dict[str, Any]) -> object:
    event = letter.get("event")
    return event.get("summary", "") if isinstance(event, dict) else letter.get("line", "")


def _time_of(letter: dict[str, Any]) -> float:
    try:
        return datetime.fromisoformat(letter["time"]).timestamp()
    except (ValueError, TypeError, LookupError, OverflowError):
        return float("-inf")
