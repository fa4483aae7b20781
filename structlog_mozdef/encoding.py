"""JSON encoding that never fails.

orjson does the work. Only when it refuses an event, or when its output shows that MozDef or
Elasticsearch would (an empty key, great depth, great size), `repair` rebuilds the event: the
event that a sane program logs never pays for that.
"""

from __future__ import annotations

from typing import Any

import orjson

from structlog_mozdef.limits import DEPTH_LIMIT, STRING_LIMIT_BYTES
from structlog_mozdef.repair import repair
from structlog_mozdef.values import plain

# PASSTHROUGH: a datetime needs its offset, a dataclass may hide fields from its repr.
# STRICT_INTEGER refuses what may be beyond the signed 64 bits of Elasticsearch, at no cost for the
# rest. The newline is asked for so that cutting it off makes a copy of the right size: orjson's
# own result keeps 4 kB for 450 bytes, which a buffer of waiting events would have to pay for.
_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_APPEND_NEWLINE
)
_BRACE, _BRACKET = b"{["
_EMPTY_KEY = b'"":'


def encode(event: dict[str, Any]) -> bytes:
    """One line of JSON for a MozDef event whose values may be anything. Never raises.

    Args:
        event: the ten top-level fields; ``details`` is a dict.
    """
    try:
        encoded = orjson.dumps(event, plain, _OPTIONS)[:-1]
        if len(encoded) < STRING_LIMIT_BYTES:
            # An event without objects or arrays but details and tags is done. Looking for the
            # brackets is faster than looking at each value; one in a text costs a longer look.
            if (
                encoded.find(_BRACE, 1) == encoded.rfind(_BRACE)
                and encoded.find(_BRACKET) == encoded.rfind(_BRACKET)
                and "" not in event["details"]
            ):
                return encoded
            openings = encoded.count(_BRACE) + encoded.count(_BRACKET)
            if openings <= DEPTH_LIMIT and encoded.find(_EMPTY_KEY) < 0:
                return encoded
    except Exception:
        pass  # whatever it was, the repair finds it again
    return repair(event)
