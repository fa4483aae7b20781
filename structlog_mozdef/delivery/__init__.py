"""From a buffer to a transport, through every kind of failure.

Before: `structlog_mozdef.buffers`, where events wait. After: `structlog_mozdef.transports`.

- `dispatcher`: `Dispatcher`, the rules of delivery as single steps; start here.
- `worker`: `SenderThread`, the thread that makes the steps.
- `retry`: `RetryPolicy`, when to try again.
- `loss_report`: the event that tells MozDef what it will never get.
- `feedback`: which log records the sender itself causes. `progress`: waiting for another thread.
"""
