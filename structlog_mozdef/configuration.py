"""Set up the complete chain in one call.

The module is not called ``configure`` because ``structlog_mozdef.configure`` is the function.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from os import PathLike
from typing import Any

import structlog
from structlog.typing import Processor

from structlog_mozdef._raised import clears_locals
from structlog_mozdef.bound_logger import LEVELS, bound_logger_at
from structlog_mozdef.logger import MozDefLoggerFactory
from structlog_mozdef.processors.context import TagAdder, check_tags
from structlog_mozdef.processors.redactor import Redactor, redactor_of
from structlog_mozdef.processors.sequence import SequenceAdder
from structlog_mozdef.rendering.convert import NAMES_LIMIT
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink import Sink
from structlog_mozdef.sink.destination import end_streams_in
from structlog_mozdef.transports.base import Transport

# Of all calls of `configure`: the one list of processors, and the one factory, once it is made.
_processors: list[Processor] = []
_factories: list[MozDefLoggerFactory] = []
# The sink of the last call, as long as there is one.
_sinks: list[weakref.ref[Sink]] = []


def build_processors(
    *,
    tags: Iterable[str] = (),
    category: str = "event",
    source: str | None = None,
    sequence: bool = True,
    redact: bool | Redactor = True,
    timezone: str | tzinfo | None = None,
    typed_names: Mapping[str, type] | None = None,
    listed_names: Iterable[str] = (),
    max_names: int = NAMES_LIMIT,
) -> list[Processor]:
    """Build the processors that `configure` uses, from the context variables to the renderer.

    Host name, process and timestamp are added by the renderer, which costs less than processors of
    their own. Put `add_timestamp` and the like before a processor that needs them.

    Args:
        tags: added to every event.
        category: of events that have none.
        source: of events that have none. Default: the name of their logger.
        sequence: whether to add ``stream_id`` and ``sequence``, by which the receiver can prove
            that no event is missing, and an event when the stream ends; see `SequenceAdder`.
        redact: whether secrets in events are replaced; a `Redactor` does so by its own rules.
        timezone: of naive datetimes in an event: a name such as ``"Europe/Berlin"``, or a
            ``tzinfo``. Default: local time.
        typed_names: the types of details, as for `MozDefRenderer`.
        listed_names: details that become lists of names and values, as for `MozDefRenderer`.
        max_names: of the details of an event, as for `MozDefRenderer`.

    Raises:
        ValueError: an argument has a value that cannot work.
    """
    tags = check_tags(tags)
    if not isinstance(sequence, bool):
        raise ValueError(f"sequence is {sequence!r}; it must be True or False")
    redactor = redactor_of(redact)
    processors: list[Processor] = [structlog.contextvars.merge_contextvars]
    if tags:
        processors.append(TagAdder(*tags))
    if sequence:
        processors.append(SequenceAdder())
    renderer = MozDefRenderer(
        category,
        source,
        timezone,
        typed_names,
        listed_names=listed_names,
        max_names=max_names,
        redactor=redactor,
    )
    processors.append(renderer)
    return processors


@clears_locals
def configure(
    url_or_transport: str | Transport,
    *,
    tags: Iterable[str] = (),
    category: str = "event",
    source: str | None = None,
    level: str | int = "info",
    sequence: bool = True,
    redact: bool | Redactor = True,
    timezone: str | tzinfo | None = None,
    typed_names: Mapping[str, type] | None = None,
    listed_names: Iterable[str] = (),
    max_names: int = NAMES_LIMIT,
    handle_sigterm: bool = True,
    seal: str | PathLike[str] | None = None,
    **sink_options: Any,
) -> Sink:
    """Configure structlog so that every event goes to MozDef, and return the sink.

    It can be called again: loggers that were made before then ship to the new sink, at the level
    that they had. The one before is closed once its events are sent, unless the program holds it.

    Args:
        url_or_transport: as for `Sink`.
        tags: added to every event.
        category: of events that have none.
        source: of events that have none. Default: the name of their logger.
        level: the minimum level of events that are sent.
        sequence: as for `build_processors`.
        redact: as for `build_processors`.
        timezone: as for `build_processors`.
        typed_names: as for `build_processors`.
        listed_names: as for `build_processors`.
        max_names: as for `build_processors`.
        handle_sigterm: whether events are sent before SIGTERM ends the process, within
            ``exit_timeout``; it ends by the signal all the same. Only where the program leaves
            SIGTERM to the system, and calls this in the main thread. A handler that the program
            sets later replaces it; a second SIGTERM or Ctrl-C ends the process at once. False
            leaves the signal alone: then what waits in memory is lost without a word.
        seal: a key file: each event gets a number and a seal, by which an auditor knows that nobody
            has changed it; see `Sink`. Default None.
        sink_options: as for `Sink`: ``spool``, ``verify``, ``when_full``, ...

    Raises:
        ValueError: an argument has a value that cannot work; structlog stays as it was.
    """
    minimum = LEVELS.get(level.lower()) if isinstance(level, str) else level
    if type(minimum) is not int or minimum not in LEVELS.values():
        raise ValueError(f"level is {level!r}; it must be one of {', '.join(LEVELS)}")
    if seal is not None and not sequence:
        raise ValueError("sequence is False; with a seal, which has a number, it must be True")
    processors = build_processors(
        tags=tags,
        category=category,
        source=source,
        sequence=sequence if seal is None else False,  # the sink numbers what it seals
        redact=redact,
        timezone=timezone,
        typed_names=typed_names,
        listed_names=listed_names,
        max_names=max_names,
    )
    sink = Sink(url_or_transport, handle_sigterm=handle_sigterm, seal=seal, **sink_options)
    if seal is not None:
        from structlog_mozdef.rendering.sealing.renderer import SortingRenderer

        processors[-1] = SortingRenderer.like(processors[-1])
    end_streams_in(sink, processors)
    if _sinks and (before := _sinks[0]()) is not None:
        before.end_streams()
    _sinks[:] = [weakref.ref(sink)]
    # Loggers that structlog has cached keep the list and the wrapped logger that they were made
    # with: both are changed in place, as `structlog.testing.capture_logs` does it with the list.
    _processors[:] = processors
    if not _factories:
        _factories.append(MozDefLoggerFactory(sink))
    _factories[0].ship_to(sink)
    structlog.configure(
        processors=_processors,
        wrapper_class=bound_logger_at(minimum),
        context_class=dict,
        logger_factory=_factories[0],
        cache_logger_on_first_use=True,
    )
    return sink
