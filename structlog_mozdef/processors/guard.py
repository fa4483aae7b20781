"""Processors of the program in a chain of ours: where one fails, the log call does not."""

from __future__ import annotations

import threading
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from structlog_mozdef._raised import pass_on, shows_half_made
from structlog_mozdef.processors.rate_limiter import RateLimiter
from structlog_mozdef.rendering.convert import name_of_type
from structlog_mozdef.rendering.fields import claim_detail


def guarded(processor: Processor) -> Processor:
    """Return *processor* in such a way that its errors raise in no log call.

    The event goes on without it, with the detail ``failed_processor``. Processors of this package
    never fail.
    """
    module = getattr(processor, "__module__", None) or ""
    if isinstance(processor, RateLimiter) or module.startswith("structlog_mozdef."):
        return processor
    return Guarded(processor)


class Guarded:
    """Run *processor*; where it raises or returns no event dict, the event goes on without it.

    So does an event that it logs itself, which would call it again without an end.
    """

    __slots__ = ("_running", "processor")

    def __init__(self, processor: Processor) -> None:
        self.processor = processor
        self._running = threading.local()

    def __call__(self, logger: WrappedLogger, name: str, event_dict: EventDict) -> EventDict:
        running = self._running.__dict__
        if running:
            return self._without(event_dict, "it was running already")
        try:
            running["now"] = True
            processed: Any = self.processor(logger, name, event_dict)
            if type(processed) is dict:
                return processed
            if isinstance(processed, dict):  # whose methods may be others, and fail
                return dict(processed)
        except structlog.DropEvent:
            raise
        except Exception as error:
            pass_on(error)
            failure = name_of_type(type(error))
        else:
            failure = "it returned no event dict"
        finally:
            running.clear()
        return self._without(event_dict, failure)

    def _without(self, event_dict: EventDict, reason: str) -> EventDict:
        claim_detail(event_dict, "failed_processor", f"{_name_of(self.processor)}: {reason}")
        return event_dict

    def __reduce__(self) -> tuple[type[Guarded], tuple[Processor]]:
        return Guarded, (self.processor,)

    @shows_half_made
    def __repr__(self) -> str:
        return repr(self.processor)


def _name_of(processor: Processor) -> str:
    return str(getattr(processor, "__qualname__", None) or type(processor).__qualname__)
