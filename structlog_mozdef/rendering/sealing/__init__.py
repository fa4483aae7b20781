r"""Seals: a MAC in each event, by a key that moves on, so that the past cannot be forged.

Before: a rendered event, in bytes. After: the same event with ``stream_id``, ``sequence`` and
``seal`` in its details, in the buffer of a sink. `structlog_mozdef.audit` checks the seals.

- `sealer`: seals events, in the log call.
- `keys`: how keys follow from each other. `key_file`: the file that holds the current one.
- `canonical`: a form of an event that MozDef and an index leave alone. `in_order`: renders in it.

A seal is ``1.KEY.START.MAC``: the version, the id of the key, the number of the start of a process,
and 64 hexadecimal digits: the HMAC-SHA-256, with the key of the event's epoch, of ::

    structlog-mozdef seal 1 KEY START STREAM_ID SEQUENCE\n

and the canonical form of the event.
"""
