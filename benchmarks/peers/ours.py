"""This project, with the memory buffer and with the spool."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.base import QUEUE_BYTES, QUEUE_EVENTS, Destination, Peer


class _Ours:
    def __init__(self, url: str, **options: Any) -> None:
        from benchmarks.set_ups import configured

        self._set_up = configured(url, **options)
        # As the other loggers that are compared: already bound.
        self._log = self._set_up.log.bind()

    def log(self, fields: dict[str, Any]) -> None:
        self._log.info("User logged in", **fields)

    def close(self) -> None:
        assert self._set_up.sink is not None
        self._set_up.sink.close(600)


def _open_memory(destination: Destination) -> _Ours:
    return _Ours(destination.events_url, max_events=QUEUE_EVENTS, max_bytes=QUEUE_BYTES)


def _open_spool(destination: Destination) -> _Ours:
    return _Ours(destination.events_url, spool=f"{destination.folder}/spool")


_IMPORTS = "import structlog_mozdef.configuration, structlog_mozdef.transports.http"

MEMORY = Peer(
    name="structlog-mozdef, memory",
    distributions=("structlog-mozdef",),
    imports=_IMPORTS,
    open=_open_memory,
    settings="configure() as in the README, which redacts secrets and numbers events; up to"
    " 500,000 events as in the other queues (default 100,000 and 64 MiB)",
    loss="counted if the buffer is full; what is in memory is lost with the process",
    events=200_000,
    ours=True,
)
SPOOL = Peer(
    name="structlog-mozdef, spool",
    distributions=("structlog-mozdef",),
    imports=f"{_IMPORTS}, structlog_mozdef.buffers.spool",
    open=_open_spool,
    settings="the same with spool=FOLDER; defaults",
    loss="none, even by kill -9; a batch may be sent twice",
    events=200_000,
    durable=True,
    ours=True,
)
