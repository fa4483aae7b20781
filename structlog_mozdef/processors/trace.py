"""Add the ids of OpenTelemetry's current span."""

from __future__ import annotations

import sys
from typing import Any

from structlog.typing import EventDict, WrappedLogger

from structlog_mozdef._raised import pass_on


def add_trace_ids(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
    """Add ``trace_id`` and ``span_id`` of OpenTelemetry's current span, in its hexadecimal form.

    Does nothing if the program has not loaded OpenTelemetry, or no span is active.
    """
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is not None:
        try:
            context = trace.get_current_span().get_span_context()
            if context.is_valid:
                event_dict.setdefault("trace_id", f"{context.trace_id:032x}")
                event_dict.setdefault("span_id", f"{context.span_id:016x}")
        except Exception as error:  # another thread is importing it, or the span is another object
            pass_on(error)
    return event_dict
