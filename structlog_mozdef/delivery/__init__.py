"""From a buffer to a transport, through every kind of failure.

Before: `structlog_mozdef.buffers`, where events wait. After: `structlog_mozdef.transports`.

- `dispatcher`: `Dispatcher`, the rules of delivery as single steps; start here. Its `states` send
  batches or wait, those of `recovery` follow a failure that proves nothing; `pending` has the
  events to send next.
- `retry`: `RetryPolicy`, when to try again.
- `worker`: `SenderThread`, the thread that makes the steps. `wakeup`: what it waits for, and who
  waits for it; `shutdown`: how it ends.
- `loss_report`: the event that tells MozDef what it will never get.
- `feedback`: which log records the sender itself causes.
"""
