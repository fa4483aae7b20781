"""loguru hands its records to handlers of the standard library, and so to MozDef."""

import os
from typing import Any

from loguru import logger

import structlog_mozdef


def spread_extra(_logger: object, _method: str, event_dict: dict[str, Any]) -> dict[str, Any]:
    """Let what was bound be fields of their own: loguru puts it into one, ``extra``."""
    return {**event_dict.pop("extra", {}), **event_dict}


handler = structlog_mozdef.MozDefHandler(
    os.environ["MOZDEF_URL"], tags=["shop"], processors=[spread_extra], handle_sigterm=True
)
# A format that is a function: to one that is a text, loguru appends the traceback.
logger.add(handler, format=lambda record: "{message}")

if __name__ == "__main__":
    logger.bind(order=7).info("Order paid")
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("Order failed")
