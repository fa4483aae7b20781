"""The processors and the renderer that a program's options ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from structlog.typing import Processor

from structlog_mozdef._validate import check_choice
from structlog_mozdef.options import RendererOptions, part_of
from structlog_mozdef.options.named import processors_of
from structlog_mozdef.processors.context import TagAdder, check_tags
from structlog_mozdef.processors.guard import guarded
from structlog_mozdef.processors.redactor import redactor_of
from structlog_mozdef.processors.sequence import SequenceAdder
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.sink.nowhere import is_nowhere


def renderer_of(options: Mapping[str, Any]) -> MozDefRenderer:
    """Return the renderer for *options*, a `ChainOptions`.

    Raises:
        ValueError: as for `MozDefRenderer`.
    """
    redactor = redactor_of(options.get("redact", True))
    return MozDefRenderer(**part_of(options, RendererOptions), redactor=redactor)


def own_processors(
    options: Mapping[str, Any], *, sequence: bool, before_sequence: Iterable[Processor] = ()
) -> list[Processor]:
    """Return the processors for *options*, a `ChainOptions`, in the order in which they run.

    Those of the program come before the one that numbers events: what they drop leaves no gap.

    Args:
        options: what was given.
        sequence: the default of that option.
        before_sequence: further processors, of this package.

    Raises:
        ValueError: an option has a value that cannot work.
    """
    tags = check_tags(options.get("tags", ()))
    sequence = options.get("sequence", sequence)
    check_choice("sequence", sequence, (True, False))
    chain: list[Processor] = [TagAdder(*tags)] if tags else []
    chain += [guarded(processor) for processor in processors_of(options.get("processors", ()))]
    chain += before_sequence
    if sequence:
        chain.append(SequenceAdder())
    return chain


def is_sealed(sink: Any, options: Mapping[str, Any]) -> bool:
    """Whether a sink, or the one that is made of a URL with *options*, numbers events itself."""
    if options.get("seal") is not None:
        return not is_nowhere(sink)
    return getattr(sink, "sealer", None) is not None
