"""mozdef-client 1.1, MozDef's own client: both ways that its documentation shows."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.peers.base import Peer

_TAGS = ["openvpn", "duosecurity"]


class _Msg:
    """``MozDefMsg``, as without requests_futures."""

    def __init__(self, url: str) -> None:
        # The client imports requests_futures, which is installed here for the other class; None
        # makes that import fail.
        sys.modules["requests_futures"] = None  # type: ignore[assignment]
        import mozdef_client

        self._msg = mozdef_client.MozDefMsg(url, tags=_TAGS)

    def log(self, fields: dict[str, Any]) -> None:
        self._msg.send("User logged in", category="authentication", details=fields)

    def close(self) -> None:
        """Each call has sent its event."""


class _Event:
    """``MozDefEvent``, with requests_futures, one object for all events.

    Its own example creates an object for each event, with its own thread pool and connection: that
    is slower, and what waits for a thread is cancelled when the object is deleted.
    """

    def __init__(self, url: str) -> None:
        import mozdef_client

        self._event = mozdef_client.MozDefEvent(url)
        self._event.tags = _TAGS
        self._event.set_category("authentication")

    def log(self, fields: dict[str, Any]) -> None:
        self._event.summary = "User logged in"
        self._event.details = fields
        self._event.send()

    def close(self) -> None:
        # It has no flush or close. This is what Python does for it at exit; its own __del__
        # would close the session instead, and lose what waits for a thread.
        self._event._httpsession.executor.shutdown(wait=True)  # noqa: SLF001


MSG = Peer(
    name="mozdef-client, MozDefMsg",
    distributions=("mozdef-client", "requests"),
    imports="import mozdef_client",
    open=lambda destination: _Msg(destination.events_url),
    settings="with requests, msg.send(...) as its README shows",
    loss="the call waits for the answer, and raises if there is none",
    events=2_000,
)
EVENT = Peer(
    name="mozdef-client, MozDefEvent",
    distributions=("mozdef-client", "requests-futures"),
    imports="import mozdef_client, requests_futures.sessions",
    open=lambda destination: _Event(destination.events_url),
    settings="with requests_futures; one MozDefEvent for all events, which is faster than its"
    " example's one for each",
    loss="a failure remains in a future that is never read",
    events=5_000,
)
