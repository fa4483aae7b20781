"""The renderer of events that are sealed next."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import orjson

from structlog_mozdef.rendering.encode import OPTIONS, EventRedactor, encode
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.rendering.sealing.canonical import marked

_SORTED = OPTIONS | orjson.OPT_SORT_KEYS


def _encode(
    event: dict[str, Any],
    naive_zone: tzinfo | None,
    are_usual: bool,
    max_names: int,
    redactor: EventRedactor | None,
) -> bytes:
    encoded = encode(event, naive_zone, are_usual, max_names, redactor, _SORTED, None)
    if encoded[-1:] != b"\n":
        return encoded  # it was repaired, and has any order
    return marked(event, encoded[:-1])


class SortingRenderer(MozDefRenderer):
    """Render as `MozDefRenderer` does, but in the canonical form, if that needs nothing but order.

    Sealing the events of another renderer costs twice as much: they are parsed for it.
    """

    __slots__ = ()
    _encode = staticmethod(_encode)

    @classmethod
    def like(cls, renderer: Any) -> SortingRenderer:
        """Return one with the options of *renderer*, a `MozDefRenderer`."""
        sorting = cls.__new__(cls)
        for name in MozDefRenderer.__slots__:
            setattr(sorting, name, getattr(renderer, name))
        return sorting
