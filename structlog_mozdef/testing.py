"""Tools for the tests of code that logs with this package.

- ``MemoryTransport``: keeps the events of a sink, without HTTP.
- ``running_collector``: a receiver that behaves like MozDef, over real HTTP. It needs the extra
  ``collector``, of which nothing is imported before it is called.
"""

from __future__ import annotations

from structlog_mozdef.collector import RunningCollector, running_collector
from structlog_mozdef.transports.memory import MemoryTransport

__all__ = ["MemoryTransport", "RunningCollector", "running_collector"]
