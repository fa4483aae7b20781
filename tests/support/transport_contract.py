"""What every transport promises. Subclass `TransportContract` and fill in the destination.

A destination is where the events of a transport end up, under the control of a test: `working`
accepts everything, `broken` fails every attempt, `unreachable` cannot be talked to at all.
"""

from __future__ import annotations

import json
import pickle

import pytest

from structlog_mozdef.exceptions import TransportError
from structlog_mozdef.transports.base import SendResult

EVENTS = [json.dumps({"summary": f"event {number}"}).encode() for number in range(5)]


class TransportContract:
    """Tests of one transport; a subclass makes it, and says what arrived."""

    def working(self):
        """Return a context manager that gives a transport and a function for what arrived."""
        raise NotImplementedError

    def broken(self):
        """Return a context manager that gives a transport whose destination fails; or None."""
        return

    def unreachable(self):
        """Return a context manager that gives a transport whose destination is away; or None."""
        return

    @pytest.mark.parametrize("count", [1, 2, 5])
    def test_all_events_arrive_in_order(self, count):
        """A batch of any size arrives once, in order and unchanged."""
        with self.working() as (transport, arrived):
            transport.send(EVENTS[:count])
            assert arrived() == EVENTS[:count]

    def test_success_names_no_event(self):
        """The result of a success names no event."""
        with self.working() as (transport, _):
            result = transport.send(EVENTS)
            assert (dict(result.rejected), list(result.retry)) == ({}, [])

    def test_batches_keep_their_order(self):
        """Batches that are sent one after the other arrive so."""
        with self.working() as (transport, arrived):
            for event in EVENTS:
                transport.send([event])
            assert arrived() == EVENTS

    def test_sequence_of_any_kind(self):
        """Events come in any sequence, which is left as it was."""
        with self.working() as (transport, arrived):
            transport.send(tuple(EVENTS))
            assert arrived() == EVENTS

    @pytest.mark.parametrize(
        "text", ["", "\u65e5\u672c\U0001f600", 'quote " backslash \\', "x" * 90_000]
    )
    def test_bytes_are_not_changed(self, text):
        """What the renderer wrote is what arrives."""
        event = json.dumps({"summary": text}, ensure_ascii=False).encode()
        with self.working() as (transport, arrived):
            transport.send([event])
            assert arrived() == [event]

    def test_send_after_close(self):
        """A transport that was closed opens a new connection for the next event."""
        with self.working() as (transport, arrived):
            transport.send(EVENTS[:1])
            transport.close()
            transport.send(EVENTS[1:2])
            assert arrived() == EVENTS[:2]

    def test_close_twice(self):
        """Closing is harmless, before the first event and twice."""
        with self.working() as (transport, _):
            transport.close()
            transport.close()

    def test_send_after_fork(self):
        """A forked child makes connections of its own."""
        with self.working() as (transport, arrived):
            transport.send(EVENTS[:1])
            transport.after_fork_in_child()
            transport.send(EVENTS[1:2])
            assert arrived()[-1:] == EVENTS[1:2]

    def test_failure_is_a_transport_error(self):
        """A destination that fails causes an error of this package, or is in the result."""
        if (context := self.broken()) is None:
            pytest.skip("it never fails")
        with context as transport:
            try:
                result = transport.send(EVENTS)
            except TransportError:
                return
            assert result.retry or result.rejected

    def test_unreachable_destination(self):
        """A destination that is away deserves another attempt soon, and has stored nothing."""
        if (context := self.unreachable()) is None:
            pytest.skip("it is always there")
        with context as transport:
            with pytest.raises(TransportError) as caught:
                transport.send(EVENTS)
            assert (caught.value.retryable, caught.value.ambiguous) == (True, False)

    def test_errors_come_alone(self):
        """No foreign exception hangs on to an error: its text could hold secrets."""
        if (context := self.unreachable()) is None:
            pytest.skip("it is always there")
        with context as transport:
            with pytest.raises(TransportError) as caught:
                transport.send(EVENTS)
            assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    def test_attributes(self):
        """Name, loggers and recovery are as the contract types them."""
        with self.working() as (transport, _):
            assert [
                type(transport.name),
                type(transport.loggers),
                type(transport.recovery_probes),
                transport.recovery_pause >= 0,
            ] == [str, frozenset, int, True]

    def test_result_is_a_value(self):
        """A result can be compared, and kept."""
        with self.working() as (transport, _):
            result = transport.send(EVENTS)
            assert pickle.loads(pickle.dumps(result)) == result == SendResult()
