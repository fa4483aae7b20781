"""Hand records of the standard library's logging to a sink.

Before: the loggers of the program and of its libraries. After: `structlog_mozdef.sink`.

- `MozDefHandler` is below, for programs and ``dictConfig``; `root` is for ``configure``.
- `chain`: what both do with a record. `dict_config`: errors that ``dictConfig`` would hide.
"""

from __future__ import annotations

import copy
import logging
from enum import Enum
from typing import Final, Unpack

import structlog.stdlib

from structlog_mozdef._raised import clears_locals
from structlog_mozdef._validate import check_names
from structlog_mozdef.handler.chain import ChainHandler, Ship
from structlog_mozdef.handler.dict_config import shows_errors
from structlog_mozdef.options import ChainOptions, ShippingOptions, part_of, rest_of
from structlog_mozdef.options.chain import is_sealed, own_processors, renderer_of
from structlog_mozdef.processors.rate_limiter import followed_by
from structlog_mozdef.processors.redactor import redactor_of
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink import Sink
from structlog_mozdef.sink.destination import destination_of, end_streams_in


class _Given(Enum):
    NOTHING = "nothing"


_NOTHING: Final = _Given.NOTHING


class MozDefHandler(ChainHandler):
    """Ship records of the standard library's logging, fields of ``extra=`` included.

    Without a formatter, records become events as they are; so they do with the format that
    ``logging.basicConfig`` sets by default. A `structlog.stdlib.ProcessorFormatter` that ends in a
    `MozDefRenderer` makes the events itself. Any other formatter makes the summary.

    Records that the sender's own work causes (urllib3's at level DEBUG) and those of this package
    are not sent. Closing the handler does not close the sink, which others may use, and does not
    wait for it, since the logging lock is held meanwhile.

    All arguments can be JSON, for ``logging.config.dictConfig``.

    Args:
        sink: the destination of the events: a `Sink`, or a URL of which one is made.
        level: the minimum level of records that are sent.
        url: the same as *sink*, under the name for files of settings. Handlers with the same URL
            and the same options of a sink share it.
        options: ``category``, ``source`` (default: the name of the record's logger), ``timezone``,
            ``typed_names``, ``listed_names`` and ``max_names`` are as for `MozDefRenderer`;
            ``tags``, ``processors``, ``sequence`` and ``redact`` as for `configure`, but sequence
            is False by default. The processors are run with the record's logger and the name of its
            level; a formatter that makes the events itself has its own. The others are for a URL,
            as for `Sink`: ``spool``, ``verify``, ...

    Raises:
        TypeError: an option does not exist, or not for this URL.
        ValueError: an unknown level, or as for `MozDefRenderer` and `Sink`.
    """

    @clears_locals
    @shows_errors
    def __init__(
        self,
        sink: Sink | str | _Given | None = _NOTHING,
        level: int | str = logging.NOTSET,
        *,
        url: str | _Given | None = _NOTHING,
        **options: Unpack[ShippingOptions],
    ) -> None:
        check_names(options, ShippingOptions.__annotations__, "a handler")
        if (sink is _NOTHING) == (url is _NOTHING):
            both = "no sink and no url" if sink is _NOTHING else "a sink and a url"
            raise ValueError(f"there is {both}; a handler needs one of them")
        destination = sink if url is _NOTHING else url
        chain = part_of(options, ChainOptions)
        if is_sealed(destination, options):
            chain["sequence"] = False  # the sink numbers what it seals
        self._redactor = redactor_of(chain.get("redact", True))
        renderer = renderer_of({**chain, "redact": self._redactor or False})
        processors = own_processors(chain, sequence=False)
        shipping = destination_of(destination, rest_of(options, ChainOptions))
        super().__init__(shipping, level, processors, renderer)
        end_streams_in(shipping, (*self._processors, renderer))

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - logging's name
        """Use *fmt*; see `MozDefHandler` for what each kind of formatter does."""
        self.ships_by_formatter = False
        if isinstance(fmt, structlog.stdlib.ProcessorFormatter):
            *before, last = fmt.processors
            if isinstance(last, MozDefRenderer):
                # The formatter would turn bytes into their repr, with a warning: its last step
                # ships them, and its result is ignored.
                fmt = copy.copy(fmt)
                ship = Ship(last.with_redactor(self._redactor), self._sink)
                fmt.processors = (*followed_by(before, ship), ship)
                self.ships_by_formatter = True
        elif type(fmt) is logging.Formatter and fmt._fmt == logging.BASIC_FORMAT:  # noqa: SLF001
            fmt = None  # level and logger are fields: they are no part of the summary
        super().setFormatter(fmt)
