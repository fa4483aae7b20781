"""Bringing a batch of events to a destination.

Before: `structlog_mozdef.delivery` hands over a batch. After: the network, or a file.

- `base`: the contract of a transport and `SendResult`; start here.
- `registry`: which transport a URL asks for.
- `http`, `amqp`, `sqs`, `syslog`, `file`: a folder for each kind of destination.
- `memory`: `MemoryTransport`, for tests.
- `urls`, `tls`, `sockets`, `errors`, `event_id`: what several of them need.
"""
