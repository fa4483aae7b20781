"""The numbers of all sinks of a process, for Prometheus and OpenTelemetry.

    structlog_mozdef.metrics.register_prometheus()
    structlog_mozdef.metrics.register_opentelemetry()

Before: `structlog_mozdef.sink`, whose `Stats` these are. `numbers`: which there are, once for both,
and the sums of all sinks. `prometheus` (extra ``prometheus``) and `opentelemetry`: one of each.
"""

from __future__ import annotations

from structlog_mozdef.metrics.opentelemetry import register_opentelemetry
from structlog_mozdef.metrics.prometheus import register_prometheus

__all__ = ["register_opentelemetry", "register_prometheus"]
