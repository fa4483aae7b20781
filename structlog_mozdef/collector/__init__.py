"""A collector for development and tests: it stores what MozDef would store, and says what differs.

It answers HTTP as MozDef does, silent losses included, and keeps each event as it was sent beside
the document that MozDef and Elasticsearch would have made of it.

    with running_collector() as collector:
        sink = structlog_mozdef.Sink(collector.url)
        ...
        print(collector.documents(), collector.differences())

It shares no code with `rendering`, on purpose: it is an independent model of MozDef, so that a
mistake about MozDef in one of the two shows as a difference. It has no authentication, and listens
on loopback unless it is asked to listen elsewhere. It needs the extra ``collector``: uvicorn and
Starlette for the server, and dateutil, with which MozDef reads timestamps.

On the way of a request: `running` (what users start) and `server_thread` (uvicorn), `front_end`
(the limits and paths of nginx), `http_app` (paths and answers), `ingest` (from a body to events),
`worker` with `normalize` and `timestamps` (from an event to a document), `elasticsearch` with
`plain_documents`, `index_fields` and `index_dates` (whether the index accepts it), `store`
(SQLite). `differences` defines the words for what is lost or changed; `json_like_mozdef` reads JSON
as MozDef does. `api` answers questions about what is stored, and ``page`` has the files of the page
that asks them.

It is a MozDef without plugins. Three limits are its own: it answers 413 to a bulk of more than
20,000 events, drops an event whose timestamp is a text of more than 1,000 characters, and lists
1,000 differences of an event.
"""

from structlog_mozdef.collector.differences import Difference
from structlog_mozdef.collector.running import RunningCollector, running_collector, serve
from structlog_mozdef.collector.store import Row, Store
from structlog_mozdef.exceptions import CollectorError

__all__ = [
    "CollectorError",
    "Difference",
    "Row",
    "RunningCollector",
    "Store",
    "running_collector",
    "serve",
]
