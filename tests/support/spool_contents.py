"""Looking at spools, and draining them, in tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from support.receivers import Receiver
from support.running import wait_for

from structlog_mozdef import RetryPolicy, Sink

#: Waits that let a test of an outage take a second.
QUICK = {"retry": RetryPolicy(0.01, 0.05), "linger": 0.01}


def streams(folder: Path) -> list[Path]:
    """The streams in a spool, oldest first; what a process died over before its first event not."""
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".new-")
    )


def waiting(folder: Path) -> list[bytes]:
    """All lines in a spool, settled ones of segments that are still there included."""
    return [line for file in folder.glob("*/*.ndjson") for line in file.read_bytes().splitlines()]


def drain(url: str, folder: Path, timeout: float = 60) -> bool:
    """Deliver all that dead processes left; whether nothing is left."""
    with Sink(url, spool=folder, linger=0, retry=QUICK["retry"]):
        return wait_for(lambda: not streams(folder), timeout)


def by_stream(summaries: Iterable[str]) -> dict[str, list[int]]:
    """Summaries ``NAME NUMBER`` as NAME -> numbers, in the order of their first arrival."""
    numbers: dict[str, dict[int, None]] = {}
    for summary in summaries:
        name, number = summary.rsplit(" ", 1)
        numbers.setdefault(name, {})[int(number)] = None
    return {name: list(each) for name, each in numbers.items()}


def repeated(summaries: Iterable[str]) -> int:
    """How many arrivals were not the first of their event."""
    return sum(count - 1 for count in Counter(summaries).values())


class Ledger:
    """Keeps only the summaries of what arrives, so that memory suffices for many events."""

    def __init__(self) -> None:
        self.summaries: list[str] = []
        self.receiver = Receiver(self._respond)

    def _respond(self, request):
        from support.receivers import OK

        self.receiver.requests.clear()
        self.receiver.accepted.clear()
        self.summaries += [event["summary"] for event in request.events()]
        return OK
