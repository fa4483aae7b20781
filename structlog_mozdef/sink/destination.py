"""Where rendered events go: a sink, or the URL of which one is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from structlog.typing import Processor

from structlog_mozdef.processors.sequence import SequenceAdder, StreamEnd
from structlog_mozdef.sink import Sink
from structlog_mozdef.sink.known import shared_sink


class Destination(Protocol):
    """A destination of rendered events: a `Sink`."""

    def put(self, event: bytes) -> None:
        """Accept one event. Never raises of its own, never blocks."""


def destination_of(sink: Any, options: Mapping[str, Any]) -> Any:
    """Return *sink* itself, or a `Sink` with *options* if it is a URL, a transport or None.

    Who asks with the same URL and the same options gets the same sink.

    Raises:
        TypeError: there are options for a sink that exists, or one that the transport does not
            know.
        ValueError: *sink* is nothing of these, or an option cannot work.
    """
    if sink is None or isinstance(sink, str) or callable(getattr(sink, "send", None)):
        return shared_sink(sink, options)
    if not callable(getattr(sink, "put", None)):
        raise ValueError(
            f"sink is of the type {type(sink).__name__}; it must be a Sink or the URL of one"
        )
    if options:
        names = ", ".join(options)
        raise TypeError(f"{names}: options of a sink; they are for a URL, not for a sink")
    return sink


def end_streams_in(sink: Any, processors: Sequence[Processor]) -> None:
    """Let *sink* say when the streams end that the chain *processors* numbers.

    `configure` and `MozDefHandler` do that; a chain that is made by hand needs it::

        processors = [..., SequenceAdder(), MozDefRenderer()]
        end_streams_in(sink, processors)

    Args:
        sink: where the chain ships to. One that is no `Sink` says nothing.
        processors: of the chain, in their order, renderer included.

    .. versionadded:: 26.1.0
    """
    if not isinstance(sink, Sink):
        return
    if sink.sealer is not None:
        sink.before_end(StreamEnd(sink.sealer.position, processors))
        return
    for processor in processors:
        if isinstance(processor, SequenceAdder):
            sink.before_end(StreamEnd(processor.position, processors))
