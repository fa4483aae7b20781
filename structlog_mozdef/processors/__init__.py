"""What a chain adds to an event dict before it is rendered.

Before: structlog's own processors. After: `structlog_mozdef.rendering`.

- `context`: host name, process, timestamp and tags.
- `redactor`: `Redactor` replaces secrets.
- `sequence`: `SequenceAdder` numbers the events of a process.
- `trace`: the ids of OpenTelemetry's current span.
"""
