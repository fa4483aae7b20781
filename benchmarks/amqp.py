"""Publish to RabbitMQ with a confirm for every event, counted in the queue.

The broker is started as in the tests, and shares the processors with what is measured.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.events import SUMMARY, fields
from benchmarks.results import Dot, Dots, Results, Table, count, lost_of, lost_share
from structlog_mozdef import Sink
from structlog_mozdef.rendering.encode import encode
from structlog_mozdef.transports.amqp import AMQPTransport

ROUNDS = 7
EVENTS = 20_000
#: Fewer for the slowest way, so that a round does not last minutes.
_EVENTS_ONE_BY_ONE = 3_000
_BATCH = 1000
_NAME = "eventtask"
_OURS = ("AMQPTransport", "Sink, from put to confirm")


def main(*, quick: bool = False) -> Results:
    """Return the medians of interleaved rounds."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from support.brokers import Broker, Queue

    ways: dict[str, tuple[int, Callable[[str, list[bytes]], None]]] = {
        "kombu, confirm_publish": (_EVENTS_ONE_BY_ONE, _kombu),
        "py-amqp, one wait a batch": (EVENTS, _py_amqp),
        "pika, one wait a batch": (EVENTS, _pika),
        _OURS[0]: (EVENTS, _transport),
        _OURS[1]: (EVENTS, _sink),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    costs: dict[str, list[float]] = {name: [] for name in ways}
    sent, lost = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0)
    with Broker() as broker, Queue(broker) as queue:
        for _ in range(2 if quick else ROUNDS):
            for name, (number, way) in ways.items():
                events = _events(number // 10 if quick else number)
                cpu, start = time.process_time(), time.perf_counter()
                way(broker.url, events)
                rates[name].append(len(events) / (time.perf_counter() - start))
                costs[name].append((time.process_time() - cpu) / len(events) * 1e6)
                sent[name] += len(events)
                lost[name] += len(events) - queue.purge()
    base = statistics.median(rates["kombu, confirm_publish"])
    rows, dots = [], []
    for name, found in rates.items():
        rate = statistics.median(found)
        cost = statistics.median(costs[name])
        missing = lost_of(lost[name], sent[name])
        rows.append([name, f"{rate / base:.2f}", missing, count(rate), f"{cost:.1f}"])
        share = lost_share(lost[name], sent[name])
        dots.append(Dot(name, rate, f"{rate / base:.1f} x", share, ours=name in _OURS))
    return Results(
        [
            Table(
                "publishing to RabbitMQ, each event confirmed and counted in the queue",
                ["way", "ratio", "lost", "events/s", "CPU us/event"],
                rows,
                f"persistent, mandatory, {len(_events(1)[0])} bytes, a durable queue, batches of"
                f" {_BATCH}; ratio: to kombu, which waits for each confirm; CPU: of the process"
                " that publishes, without the broker; connecting is included; lost: of all rounds",
            )
        ],
        [Dots("amqp", "Confirmed publishing to RabbitMQ", "events/s", dots)],
        {
            "amqp.sink": statistics.median(rates[_OURS[1]]) / base,
            "amqp.lost": lost[_OURS[1]],
        },
    )


def _events(number: int) -> list[bytes]:
    return [encode({"summary": SUMMARY, "details": fields(index)}) for index in range(number)]


def _batches(events: list[bytes]) -> list[list[bytes]]:
    return [events[start : start + _BATCH] for start in range(0, len(events), _BATCH)]


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.partition("://")[2].partition(":")
    return host, int(port)


def _kombu(url: str, events: list[bytes]) -> None:
    import kombu

    options = {"confirm_publish": True}
    with kombu.Connection(f"{url}//", transport_options=options) as connection:
        producer = connection.Producer()
        for event in events:
            producer.publish(
                event,
                exchange=_NAME,
                routing_key=_NAME,
                mandatory=True,
                delivery_mode=2,
                content_type="application/json",
                content_encoding="utf-8",
            )


def _py_amqp(url: str, events: list[bytes]) -> None:
    import amqp

    host, port = _address(url)
    waiting: set[int] = set()

    def confirmed(tag: int, multiple: bool) -> None:
        waiting.difference_update(
            [known for known in waiting if known <= tag] if multiple else [tag]
        )

    with contextlib.closing(amqp.Connection(f"{host}:{port}")) as connection:
        connection.connect()
        channel = connection.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(confirmed)
        tag = 0
        for batch in _batches(events):
            for event in batch:
                message = amqp.Message(event, content_type="application/json", delivery_mode=2)
                channel.basic_publish(message, _NAME, _NAME, mandatory=True)
                tag += 1
                waiting.add(tag)
            while waiting:
                connection.drain_events(timeout=30)


def _pika(url: str, events: list[bytes]) -> None:
    import pika

    host, port = _address(url)
    batches = iter(_batches(events))
    properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
    waiting: set[int] = set()
    tags = iter(range(1, len(events) + 1))

    def publish(channel: pika.channel.Channel) -> None:
        for event in next(batches, []):
            channel.basic_publish(_NAME, _NAME, event, properties, mandatory=True)
            waiting.add(next(tags))
        if not waiting:
            connection.ioloop.stop()

    def opened(channel: pika.channel.Channel) -> None:
        def confirmed(frame: pika.frame.Method) -> None:
            tag = frame.method.delivery_tag
            known = [one for one in waiting if one <= tag] if frame.method.multiple else [tag]
            waiting.difference_update(known)
            if not waiting:
                publish(channel)

        channel.confirm_delivery(confirmed, lambda _: publish(channel))

    connection = pika.SelectConnection(
        pika.ConnectionParameters(host, port),
        on_open_callback=lambda opening: opening.channel(on_open_callback=opened),
        on_close_callback=lambda closed, _: closed.ioloop.stop(),
    )
    connection.ioloop.start()
    connection.close()
    connection.ioloop.start()


def _transport(url: str, events: list[bytes]) -> None:
    with contextlib.closing(AMQPTransport(url)) as transport:
        for batch in _batches(events):
            assert not transport.send(batch).retry


def _sink(url: str, events: list[bytes]) -> None:
    with Sink(url, batch_events=_BATCH) as sink:
        for event in events:
            sink.put(event)
        assert sink.flush(60)


if __name__ == "__main__":
    from benchmarks.__main__ import run_alone

    run_alone(main)
