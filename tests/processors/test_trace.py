"""Events have the ids of OpenTelemetry's current span."""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from support import hostile

from structlog_mozdef import add_trace_ids


def test_current_span_is_in_the_event():
    """Inside a span of OpenTelemetry, the event has its ids in hexadecimal."""
    with TracerProvider().get_tracer("t").start_as_current_span("s") as span:
        event_dict = add_trace_ids(None, "info", {})
    context = span.get_span_context()
    assert event_dict == {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


def test_no_span_is_no_field():
    """Outside of a span nothing is added."""
    assert add_trace_ids(None, "info", {}) == {}


def test_given_trace_is_kept():
    """A trace that the event already names stays."""
    with TracerProvider().get_tracer("t").start_as_current_span("s"):
        assert add_trace_ids(None, "info", {"trace_id": "mine"})["trace_id"] == "mine"


def test_span_that_fails(monkeypatch):
    """OpenTelemetry's own failure raises nothing into the log call."""
    monkeypatch.setattr(trace, "get_current_span", hostile.boom)
    assert add_trace_ids(None, "info", {}) == {}
