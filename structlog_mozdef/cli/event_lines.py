"""Events on a terminal as they arrive: a line for each, and one for each thing found in it."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from structlog_mozdef._terminal import has_colours
from structlog_mozdef.cli.terminal import printable
from structlog_mozdef.collector import RunningCollector
from structlog_mozdef.collector.api.summary import shortened, summarize
from structlog_mozdef.collector.store import load_differences
from structlog_mozdef.process.standard_error import count_of

# A terminal that gets more at once shows nothing that anybody reads.
_EVENTS_AT_ONCE = 200
_FINDINGS_MAX = 5
_TEXT_MAX_LENGTH = 300

_DIM, _RED, _YELLOW, _GREEN, _MAGENTA = "2", "31", "33", "32", "1;35"
_COLOURS = {
    "DEBUG": _DIM,
    "INFO": _GREEN,
    "NOTICE": _GREEN,
    "WARNING": _YELLOW,
    "ERROR": _RED,
    "CRITICAL": _MAGENTA,
    "ALERT": _MAGENTA,
    "EMERGENCY": _MAGENTA,
}


class EventLines:
    """Print the events that have arrived since the last time.

    Nothing in an event reaches the terminal but characters that it shows: others are escaped.
    """

    def __init__(self) -> None:
        self._last = 0
        self._is_coloured = has_colours(sys.stdout)

    def print_new(self, collector: RunningCollector) -> None:
        """Print what is new, at most 200 events; of more, their number and the newest ones."""
        store = collector.store
        newest = store.totals.last
        skipped = newest - _EVENTS_AT_ONCE - self._last
        if skipped > 0:
            print(self._paint(f"... {count_of(skipped, 'event', 'are')} not shown here", _DIM))
            self._last += skipped
        shown = 0
        # A page is shorter where events are large.
        while rows := store.page(self._last, _EVENTS_AT_ONCE - shown):
            for columns in rows:
                print(*self._lines(columns), sep="\n")
                self._last = columns[0]
            shown += len(rows)
        if shown or skipped > 0:
            print(end="", flush=True)

    def _lines(self, columns: tuple[Any, ...]) -> list[str]:
        event = json.loads(summarize(columns).row)
        time = datetime.fromisoformat(event["received"]).astimezone().strftime("%H:%M:%S")
        severity = f"{_text(event['severity']) or '-':8}"
        parts = [
            self._paint(time, _DIM),
            self._paint(severity, _COLOURS.get(event["severity"], "")),
        ]
        if event["status"] != "stored":
            parts.append(self._paint(event["status"].upper(), _RED))
        parts.append(_text(event["summary"] or columns[3]))
        if event["tags"]:
            parts.append(self._paint(f"[{_text(' '.join(event['tags']))}]", _DIM))
        return [" ".join(parts), *self._findings(columns[5])]

    def _findings(self, column: str) -> list[str]:
        differences = load_differences(column)
        lines = [
            f"         {entry.kind} {_text(entry.field)}{': ' if entry.field else ''}"
            f"{_text(entry.reason)}"
            for entry in differences[:_FINDINGS_MAX]
        ]
        if len(differences) > _FINDINGS_MAX:
            lines.append(f"         and {len(differences) - _FINDINGS_MAX:,} more")
        return [self._paint(line, _RED) for line in lines]

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._is_coloured and colour else text


def _text(text: str) -> str:
    return printable(shortened(text, _TEXT_MAX_LENGTH))
