"""Set up the complete chain in one call.

The module is not called ``configure`` because ``structlog_mozdef.configure`` is the function.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Unpack

import structlog
from structlog.typing import Processor

from structlog_mozdef._lock import locked
from structlog_mozdef._raised import clears_locals
from structlog_mozdef._terminal import has_colours, is_terminal
from structlog_mozdef._validate import check_choice, check_names
from structlog_mozdef.bound_logger import LEVELS, bound_logger_at
from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.handler import root
from structlog_mozdef.logger import MozDefLoggerFactory
from structlog_mozdef.options import ChainOptions, ConfigureOptions, part_of
from structlog_mozdef.options.chain import is_sealed, own_processors, renderer_of
from structlog_mozdef.options.environment import by_variable, settings_from, without_effect
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.processors.console import Console
from structlog_mozdef.processors.context import (
    TimestampAdder,
    add_hostname,
    add_processid,
    add_processname,
    add_timestamp,
    check_tags,
)
from structlog_mozdef.processors.redactor import redactor_of
from structlog_mozdef.sink import Sink
from structlog_mozdef.sink.destination import end_streams_in
from structlog_mozdef.sink.options import SpooledSinkOptions
from structlog_mozdef.transports.base import Transport


class _Url(Enum):
    FROM_ENVIRONMENT = "from the environment"


_FROM_ENVIRONMENT: Final = _Url.FROM_ENVIRONMENT

_ALIASES = {"warn": "warning", "fatal": "critical"}


def build_processors(**options: Unpack[ChainOptions]) -> list[Processor]:
    """Build the processors that `configure` uses, from the context variables to the renderer.

    Host name, process and timestamp are added by the renderer, which costs less than processors of
    their own, unless there are others that may want to see them.

    Args:
        options: those of `configure` that are about events: ``tags``, ``processors``, ``sequence``,
            ``redact``, and the options of `MozDefRenderer`.

    Raises:
        TypeError: an option does not exist.
        ValueError: an option has a value that cannot work.
    """
    check_names(options, ChainOptions.__annotations__, "build_processors")
    return _chain(options)


def _chain(options: Mapping[str, Any], *before_sequence: Processor) -> list[Processor]:
    processors: list[Processor] = [structlog.contextvars.merge_contextvars]
    if options.get("processors") or before_sequence:  # they may want to see what the renderer adds
        timezone = options.get("timezone")
        processors += [
            add_hostname,
            add_processid,
            add_processname,
            add_timestamp if timezone is None else TimestampAdder(timezone),
        ]
    processors += own_processors(options, sequence=True, before_sequence=before_sequence)
    processors.append(renderer_of(options))
    return processors


@clears_locals
def configure(
    url_or_transport: str | Transport | _Url | None = _FROM_ENVIRONMENT,
    **options: Unpack[ConfigureOptions],
) -> Sink:
    """Configure structlog so that every event goes to MozDef, and return the sink.

    It can be called again: loggers that were made before then ship to the new sink, at the level
    that they had. The one before is closed once its events are sent, unless the program holds it.

    Args:
        url_or_transport: as for `Sink`. Default: ``MOZDEF_URL`` of the environment. None or an
            empty URL: everything works, and nothing is sent.
        options: each that is not given comes from the environment, if there is a variable of its
            name in upper case after ``MOZDEF_``. They are those of `Sink` and its transports
            (``spool``, ``verify``, ...), of `MozDefRenderer` (``category``, ``source``,
            ``timezone``, ``typed_names``, ``listed_names``, ``max_names``), and:

            - ``tags``: strings, added to every event.
            - ``level``: the minimum level of events: a name, or a number as in ``logging``. Default
              "info".
            - ``processors``: of the program, run in their order before events are shown, numbered
              and rendered. One may change an event, or drop it by ``structlog.DropEvent``. Where
              one fails, the event goes on without it.
            - ``console``: whether events are shown on standard error as well. Default "auto": where
              that is a terminal.
            - ``stdlib``: whether what reaches the root logger of the standard library's logging
              becomes events as well, with the same tags, sequence, context variables and redaction.
              Its level is lowered to *level* where it is higher. Default False.
            - ``sequence``: whether to add ``stream_id`` and ``sequence``, by which the receiver can
              prove that no event is missing, and an event when the stream ends. Default True.
            - ``redact``: whether secrets in events are replaced; a `Redactor` does so by its own
              rules. Default True.
            - ``handle_sigterm``: as for `Sink`, but True by default: events are sent before SIGTERM
              ends the process. A handler that the program sets later replaces it; a second SIGTERM
              or Ctrl-C ends the process at once. False leaves the signal alone: then what waits in
              memory is lost without a word.

    Raises:
        ValueError: an option or a variable has a value that cannot work; structlog stays as it was.
        TypeError: an option does not exist, or not for this URL.
        MozDefError: a library is missing, or the spool cannot be used.
    """
    check_names(options, ConfigureOptions.__annotations__, "configure")
    given = () if url_or_transport is _FROM_ENVIRONMENT else (url_or_transport,)
    settings = settings_from(os.environ, options, *given)
    try:
        sink = _configure(settings.url, settings.options)
    except (ValueError, TypeError, MozDefError) as error:
        named = by_variable(error, settings.variables)
        if named is None:
            raise
    else:
        for variable, sentence in without_effect(os.environ):
            sink.own_log.warn(variable, sentence)
        return sink
    raise named


def _configure(url_or_transport: Any, options: Mapping[str, Any]) -> Sink:
    minimum = _level_of(options.get("level", "info"))
    sealed = is_sealed(url_or_transport, options)
    if sealed and options.get("sequence") is False:
        raise ValueError("sequence is False; with a seal, which has a number, it must be True")
    stdlib = options.get("stdlib", False)
    check_choice("stdlib", stdlib, (True, False))
    chain: dict[str, Any] = dict(options)
    chain["redact"] = redactor_of(options.get("redact", True)) or False
    chain["tags"] = check_tags(options.get("tags", ()))
    if sealed:
        chain["sequence"] = False  # the sink numbers what it seals
    processors = _chain(chain, *_consoles(options.get("console", "auto"), chain))
    shipping = {"handle_sigterm": True, **part_of(options, SpooledSinkOptions)}
    sink = Sink(url_or_transport, **shipping)
    end_streams_in(sink, processors)
    _current.replace(sink, processors, minimum, stdlib=stdlib)
    return sink


class _Current:
    """What the last call of `configure` has set; threads may call it at the same time."""

    def __init__(self) -> None:
        # Loggers that structlog has cached keep the list and the wrapped logger that they were made
        # with: both are changed in place, as `structlog.testing.capture_logs` does it with the
        # list.
        self._processors: list[Processor] = []
        self._factory: MozDefLoggerFactory | None = None
        self._sink: weakref.ref[Sink] | None = None
        self.after_fork_in_child()
        reset_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Replace the lock, which another thread of the parent may have held."""
        self._lock: Any = threading.RLock()

    @locked
    def replace(
        self, sink: Sink, processors: list[Processor], minimum: int, *, stdlib: bool
    ) -> None:
        """Let all loggers ship to *sink*, and those of the standard library if *stdlib* says so."""
        before = None if self._sink is None else self._sink()
        if before is not None:
            before.end_streams()
        self._sink = weakref.ref(sink)
        self._processors[:] = processors
        if self._factory is None:
            self._factory = MozDefLoggerFactory(sink)
        self._factory.ship_to(sink)
        structlog.configure(
            processors=self._processors,
            wrapper_class=bound_logger_at(minimum),
            context_class=dict,
            logger_factory=self._factory,
            cache_logger_on_first_use=True,
        )
        if stdlib:
            renderer: Any = processors[-1]
            root.attach(sink, minimum, processors[:-1], renderer)
        else:
            root.detach()


_current = _Current()


def _consoles(console: bool | str, chain: Mapping[str, Any]) -> list[Processor]:
    check_choice("console", console, (True, False, "auto"))
    if console is True or (console == "auto" and is_terminal(sys.stderr)):
        return [Console(chain["redact"] or None, chain["tags"], colours=has_colours(sys.stderr))]
    return []


def _level_of(level: Any) -> int:
    minimum = level
    if isinstance(level, str):
        name = level.strip().lower()
        minimum = int(name) if name.isdecimal() else LEVELS.get(_ALIASES.get(name, name))
    if not isinstance(minimum, int) or isinstance(minimum, bool) or minimum not in LEVELS.values():
        raise ValueError(f"level is {level!r}; it must be one of {', '.join(LEVELS)}")
    return int(minimum)
