"""Processors that add to an event dict, or remove secrets from it, before it is rendered.

Before: structlog's own processors. After: `structlog_mozdef.rendering`.

- `context`: host name, process, timestamp and tags.
- `rate_limiter`: `RateLimiter` holds back the same event where it comes too often; `floods` tells
  what was held back, each `flood` by one event, also when a sink is flushed (`held_back`).
- `redactor`: `Redactor` replaces secrets. `secret_look`: whether an event can have one, which
  `secret_lines` sees in a rendered line with hyperscan, and `secret_searches` without.
  `secret_names`: which names are those of secrets. `secret_strings`: secrets inside strings.
- `sequence`: `SequenceAdder` numbers the events of a process.
- `trace`: the ids of OpenTelemetry's current span.
"""
