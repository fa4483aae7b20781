"""What a program can set: one list of options for all that accept them.

Before: `structlog_mozdef.configure`, `MozDefHandler` and `MozDefTee` hand over what they are given.
After: `structlog_mozdef.sink`, the processors and the renderer are made of it, and check it.

- The options are below, for type checkers (PEP 692) and, by their names and types, for all else.
- `chain`: the processors and the renderer that they ask for; `named`: processors by dotted names.
- `strings`: values from strings; `environment`: options from environment variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Any, Literal, TypedDict

from structlog.typing import Processor

from structlog_mozdef.processors.redactor import Redactor
from structlog_mozdef.sink.options import SpooledSinkOptions


class RendererOptions(TypedDict, total=False):
    """Options of `MozDefRenderer`, which documents them."""

    category: str
    source: str | None
    timezone: str | tzinfo | None
    typed_names: Mapping[str, type | str] | None
    listed_names: Iterable[str]
    max_names: int


class ChainOptions(RendererOptions, total=False):
    """Options of a chain of processors.

    Attributes:
        tags: added to every event.
        processors: of the program, in the order in which they run: before the events are numbered
            and rendered. Functions, or their dotted names; ``{"()": NAME, ...}`` makes one with the
            arguments that follow.
        sequence: whether to add ``stream_id`` and ``sequence``, by which the receiver can prove
            that no event is missing, and an event when the stream ends; see `SequenceAdder`.
        redact: whether secrets in events are replaced. A `Redactor`, or a mapping with arguments of
            one, does so by its own rules.
    """

    tags: Iterable[str]
    processors: Iterable[Processor | str | Mapping[str, Any]]
    sequence: bool
    redact: bool | Redactor | Mapping[str, Any]


class ShippingOptions(ChainOptions, SpooledSinkOptions, total=False):
    """Options of a handler or a tee: of the chain, and of the sink of its URL."""


class ConfigureOptions(ShippingOptions, total=False):
    """Options of `structlog_mozdef.configure`.

    Attributes:
        level: the minimum level of events.
        console: whether events are shown on standard error as well.
        stdlib: whether the records of the standard library's logging become events as well.
    """

    level: str | int
    console: bool | Literal["auto"]
    stdlib: bool


def part_of(options: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return those of *options* that are in *kind*, one of the classes above."""
    return {name: options[name] for name in kind.__annotations__ if name in options}


def rest_of(options: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return those of *options* that are not in *kind*."""
    return {name: options[name] for name in options if name not in kind.__annotations__}
