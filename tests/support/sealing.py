"""Sealed events, and what an auditor says of a record of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from structlog_mozdef import MozDefRenderer, Sink
from structlog_mozdef.audit.report import Rules
from structlog_mozdef.audit.seal_report import as_json
from structlog_mozdef.audit.seals import Verification
from structlog_mozdef.audit.verification_keys import VerificationKey
from structlog_mozdef.rendering.sealing.key_file import create_key
from structlog_mozdef.testing import MemoryTransport

RENDERER = MozDefRenderer()


class Sealing:
    """A key file in *folder*, and sinks that seal with it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "keys" / "sealing.key"
        self.first_key = create_key(str(self.path))

    def stream(self, count: int, *, end: bool = True, **details: Any) -> list[dict]:
        """The events of one process: *count*, and the end of the stream."""
        transport = MemoryTransport()
        sink = Sink(transport, seal=self.path)
        for number in range(1, count + 1):
            sink.put(rendered(f"event {number}", number_of_event=number, **details))
        if end:
            sink.end_streams()
        sink.close()
        return transport.events

    def verify(
        self,
        events: list[dict],
        *,
        since=None,
        at: datetime | None = None,
        added=(),
        mixed: bool = False,
        **rules: Any,
    ) -> dict[str, Any]:
        """What an auditor finds."""
        key = VerificationKey(self.first_key)
        found = Verification({key.key_id: key}, added, at)
        for event in events:
            found.add(event)
        return as_json(found, Rules(**rules), since or {}, mixed=mixed)


def rendered(summary: str, **details: Any) -> bytes:
    return RENDERER(None, "info", {"event": summary, "source": "tests", **details})


def only_stream(report: dict[str, Any]) -> dict[str, Any]:
    (stream,) = report["streams"]
    return stream


def numbers(counted: dict[str, Any]) -> list[int]:
    return [n for first, last in counted["ranges"] for n in range(first, last + 1)]
