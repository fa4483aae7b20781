"""Tools for the tests of code that logs with this package.

- ``capture_events`` hands a test the events that were logged, as MozDef would store them, without a
  thread, a socket or a wait. pytest has it as the fixture ``mozdef_events``: see `pytest_plugin`.
- ``MemoryTransport`` keeps the events of a sink, which ships them by its thread as ever.
- ``running_collector`` starts a receiver that behaves like MozDef, over real HTTP. It needs the
  extra ``collector``, which is not imported before the call.

After: users' tests. `capture` diverts the events, `events` is what a test sees of them.
"""

from __future__ import annotations

from structlog_mozdef.collector import RunningCollector, running_collector
from structlog_mozdef.testing.capture import capture_events
from structlog_mozdef.testing.events import CapturedEvents
from structlog_mozdef.transports.memory import MemoryTransport

__all__ = [
    "CapturedEvents",
    "MemoryTransport",
    "RunningCollector",
    "capture_events",
    "running_collector",
]
