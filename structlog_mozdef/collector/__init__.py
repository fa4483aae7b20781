"""An embedded development receiver: what MozDef would have stored, and why not the rest.

It answers HTTP as MozDef does, its silent losses included, and keeps each event as it was sent
beside the document that MozDef and Elasticsearch would have made of it. It needs the extra
``collector``; what only maps or stores works without.

    with running_collector() as collector:
        sink = structlog_mozdef.Sink(collector.url)
        ...
        print(collector.documents(), collector.differences())

It is a tool for development and tests: it has no authentication and listens on loopback.
"""

from structlog_mozdef.collector.differences import Difference, Mapped
from structlog_mozdef.collector.running import RunningCollector, running_collector, serve
from structlog_mozdef.collector.store import Row, Store
from structlog_mozdef.exceptions import CollectorError

__all__ = [
    "CollectorError",
    "Difference",
    "Mapped",
    "Row",
    "RunningCollector",
    "Store",
    "running_collector",
    "serve",
]
