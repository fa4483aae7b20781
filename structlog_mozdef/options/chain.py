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


def renderer_of(options: Mapping[str, Any]) -> MozDefRenderer:
    """Return the renderer for *options*, a `ChainOptions`.

    Raises:
        ValueError: as for `MozDefRenderer`.
    """
    redactor = redactor_of(options.get("redact", True))
    return MozDefRenderer(**part_of(options, RendererOptions), redactor=redactor)


def own_processors(
    tags: Iterable[str] = (),
    processors: Iterable[Any] = (),
    *,
    sequence: bool,
    before_sequence: Iterable[Processor] = (),
) -> list[Processor]:
    """Return the processors of `ChainOptions`, in the order in which they run.

    Those of the program come before the one that numbers events: what they drop leaves no gap.

    Args:
        tags: as in `ChainOptions`.
        processors: as in `ChainOptions`.
        sequence: as in `ChainOptions`.
        before_sequence: further ones, of this package.

    Raises:
        ValueError: an option has a value that cannot work.
    """
    tags = check_tags(tags)
    check_choice("sequence", sequence, (True, False))
    chain: list[Processor] = [TagAdder(*tags)] if tags else []
    chain += [guarded(processor) for processor in processors_of(processors)]
    chain += before_sequence
    if sequence:
        chain.append(SequenceAdder())
    return chain
