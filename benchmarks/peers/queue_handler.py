"""The standard library alone: QueueHandler and QueueListener, and a POST for each record."""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue

from benchmarks.peers.base import Destination, Peer, StandardLogger

_KEYS = ("username", "sourceipaddress", "success", "useragent", "number")


class _PostHandler(logging.Handler):
    """As the logging cookbook shows it, with a persistent connection."""

    def __init__(self, url: str) -> None:
        import requests

        super().__init__()
        self._url = url
        self._session = requests.Session()
        # To look for proxies in the environment would cost a fifth of its time.
        self._session.trust_env = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            values = record.__dict__
            event = {
                name: values[name] for name in values if name in _KEYS or name.startswith("body")
            }
            body = json.dumps(
                {"message": record.getMessage(), "level": record.levelname, **event}
            ).encode()
            self._session.post(self._url, data=body, timeout=30).raise_for_status()
        except Exception:
            self.handleError(record)


class _Listening(StandardLogger):
    def __init__(self, destination: Destination) -> None:
        records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._listener = logging.handlers.QueueListener(
            records,  # faster than the queue.Queue of the cookbook
            _PostHandler(destination.events_url),
        )
        self._listener.start()
        super().__init__(logging.handlers.QueueHandler(records), self._listener.stop)


PEER = Peer(
    name="stdlib QueueHandler, requests",
    distributions=("requests",),
    imports="import logging.handlers, requests",
    open=_Listening,
    settings="SimpleQueue, QueueListener, one POST a record over one requests.Session",
    loss="a record whose POST fails is gone; unbounded",
    events=5_000,
)
