"""What stands in for a sink in tests of all that comes before it."""

import contextlib
import json

import structlog


class KeptEvents:
    """A destination that keeps the events it is given."""

    def __init__(self):
        self.encoded = []

    def put(self, event):
        self.encoded.append(event)

    @property
    def events(self):
        return [json.loads(event) for event in self.encoded]

    @property
    def event(self):
        (event,) = self.events
        return event


@contextlib.contextmanager
def structlog_defaults():
    """Begin and end with structlog's own configuration, and without context variables."""
    try:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        yield
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
