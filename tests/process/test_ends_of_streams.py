"""However a process ends, an audit says the truth about it: its stream has ended, or is open."""

from __future__ import annotations

import pytest
from support.running import start
from support.sealing import Sealing

from structlog_mozdef.audit.sources import events_of


@pytest.mark.parametrize(
    ("way", "streams"),
    [
        ("return", [(3, "ended")]),
        ("exception", [(3, "ended")]),
        ("thread", [(3, "ended")]),
        ("closed twice", [(3, "ended")]),
        ("logs after close", [(4, "ended")]),
        ("with", [(2, "ended"), (3, "ended")]),
        ("fork", [(2, "ended"), (3, "ended")]),
        ("silent fork", [(3, "ended")]),
        ("multiprocessing", [(2, "ended"), (3, "ended")]),
        ("SIGINT", [(3, "ended")]),
        ("SIGTERM", [(3, "ended")]),
        ("SIGKILL", [(2, "open")]),
        ("_exit", [(2, "open")]),
        ("exec", [(2, "open")]),
    ],
)
def test_ends(tmp_path, way, streams):
    """A stream has ended where the process could say so, and all that it has logged is there."""
    tmp_path.chmod(0o700)
    sealing = Sealing(tmp_path)
    program = start("stream_ends", tmp_path / "events", sealing.path, way)
    program.communicate(timeout=60)
    report = sealing.verify(list(events_of(str(tmp_path / "events"))))
    assert report["proved"]
    assert sorted((each["authentic"], each["state"]) for each in report["streams"]) == streams
