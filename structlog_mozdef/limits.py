"""How large an event may be so that MozDef and Elasticsearch keep it."""

from __future__ import annotations

#: Every string stays below this; Elasticsearch refuses a keyword of more than 32,766 bytes.
STRING_LIMIT_BYTES = 32_000
#: Every event stays below this; larger ones that arrive together are lost by MozDef under uwsgi.
EVENT_LIMIT_BYTES = 100_000
#: Objects and arrays within each other, the event itself included.
DEPTH_LIMIT = 50
