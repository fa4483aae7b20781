"""All sinks of this process: for those who ask for their numbers, and for those that are pickled.

A pickle holds the settings of a sink. The process that made it has the sink itself; another one has
a sink with the same settings, or makes one.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from structlog_mozdef.sink import capture
from structlog_mozdef.sink.config import settings_of
from structlog_mozdef.transports.base import Transport

if TYPE_CHECKING:
    from structlog_mozdef.sink import Sink

# All sinks by their ids; and those that were made here of a pickle, for the life of the process.
_sinks: weakref.WeakValueDictionary[str, Sink] = weakref.WeakValueDictionary()
_unpickled: dict[str, Sink] = {}
# Those that handlers and tees have made of a URL, and share.
_shared: weakref.WeakSet[Sink] = weakref.WeakSet()


def sinks() -> list[Sink]:
    """Return all sinks of this process that somebody holds."""
    return [sink for found in _sinks.valuerefs() if (sink := found()) is not None]


def remember(sink_id: str, sink: Sink) -> None:
    """Note that there is *sink*."""
    _sinks[sink_id] = sink


def shared_sink(url: str | Transport | None, options: Mapping[str, Any]) -> Sink:
    """Return the sink that this has made with the same settings; a new one if there is none.

    Raises:
        ValueError, SpoolError, TypeError: as for `Sink`.
    """
    sink = _with_settings(_shared, url, options)
    if sink is None:
        sink = _sink_class()(url, **options)
        if not capture.takers:  # those of a test have no spool
            _shared.add(sink)
    return sink


def sink_again(sink_id: str, url: str | None, options: dict[str, Any]) -> Sink:
    """Return the sink that was pickled, or in another process one with the same settings."""
    sink = _sinks.get(sink_id) or _unpickled.get(sink_id)
    if sink is None:
        same = _with_settings(sinks(), url, options)
        sink = _unpickled[sink_id] = same or _sink_class()(url, **options)
    return sink


def _with_settings(
    among: Iterable[Sink], url: str | Transport | None, options: Mapping[str, Any]
) -> Sink | None:
    wanted = settings_of(url, options)
    return next((sink for sink in among if sink.settings == wanted), None)


def _sink_class() -> type[Sink]:
    from structlog_mozdef.sink import Sink

    return Sink
