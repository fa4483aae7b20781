"""Tools for the tests of code that logs with this package.

- ``MemoryTransport`` keeps the events of a sink, without HTTP.
- ``running_collector`` starts a receiver that behaves like MozDef, over real HTTP. It needs the
  extra ``collector``, which is not imported before the call.
"""

from __future__ import annotations

from structlog_mozdef.collector import RunningCollector, running_collector
from structlog_mozdef.transports.memory import MemoryTransport

__all__ = ["MemoryTransport", "RunningCollector", "running_collector"]
