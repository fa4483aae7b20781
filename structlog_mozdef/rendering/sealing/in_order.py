"""Render in the order of the canonical form, so that the sealer need not parse what was rendered.

Parsing an event and encoding it again costs twice as much as its seal. So from the first sink on
that seals, all renderers of the process write the names of an event in order, and note each event
that is its own canonical form. The sealer recognises it as the same object: nobody else can claim
that for an event, and whatever a program does to it on the way makes another object, which is
parsed.
"""

from __future__ import annotations

import threading
from datetime import tzinfo
from typing import Any

import orjson

from structlog_mozdef.rendering.convert import NAMES_LIMIT
from structlog_mozdef.rendering.encode import OPTIONS, EventRedactor, encode
from structlog_mozdef.rendering.renderer import MozDefRenderer
from structlog_mozdef.rendering.sealing.canonical import is_canonical

_SORTED = OPTIONS | orjson.OPT_SORT_KEYS


class _Latest(threading.local):
    """The latest event of this thread that is its own canonical form.

    Attributes:
        event: of `encode_in_order`.
    """

    event = b""


latest = _Latest()


def render_in_order() -> None:
    """Let all renderers of this process use `encode_in_order`, also those that were made before."""
    MozDefRenderer._encode = staticmethod(encode_in_order)  # noqa: SLF001 - ours


def encode_in_order(
    event: dict[str, Any],
    naive_zone: tzinfo | None = None,
    are_usual: bool = False,
    max_names: int = NAMES_LIMIT,
    redactor: EventRedactor | None = None,
) -> bytes:
    """Encode as `encode` does, in order, and note the result if it is its own canonical form."""
    encoded = encode(event, naive_zone, are_usual, max_names, redactor, _SORTED, None)
    if encoded[-1:] != b"\n":
        return encoded  # it was repaired or redacted, and has any order
    encoded = encoded[:-1]
    if is_canonical(event):
        latest.event = encoded
    return encoded
