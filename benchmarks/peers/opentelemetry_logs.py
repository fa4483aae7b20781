"""OpenTelemetry's logs, in batches, OTLP over HTTP: from logging, and through structlog."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.base import (
    QUEUE_EVENTS,
    Destination,
    Peer,
    StandardLogger,
    StructlogLogger,
    render_nothing,
)


def _provider(destination: Destination, queue: int | None) -> Any:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider()
    exporter = OTLPLogExporter(endpoint=f"{destination.base}/v1/logs")
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=queue))
    return provider


def _open(destination: Destination, queue: int | None) -> StandardLogger:
    from opentelemetry.instrumentation.logging.handler import LoggingHandler

    provider = _provider(destination, queue)
    # shutdown() gives up after 30 s, force_flush() does not.
    return StandardLogger(LoggingHandler(logger_provider=provider), provider.force_flush)


def _open_structlog(destination: Destination) -> StructlogLogger:
    from opentelemetry.instrumentation.structlog import StructlogProcessor

    provider = _provider(destination, QUEUE_EVENTS)
    return StructlogLogger(
        StructlogProcessor(logger_provider=provider), render_nothing, close=provider.force_flush
    )


_DISTRIBUTIONS = (
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-instrumentation-logging",
)
_IMPORTS = (
    "import opentelemetry.exporter.otlp.proto.http._log_exporter,"
    " opentelemetry.instrumentation.logging.handler, opentelemetry.sdk._logs.export"
)

DEFAULTS = Peer(
    name="OpenTelemetry logs, defaults",
    distributions=_DISTRIBUTIONS,
    imports=_IMPORTS,
    open=lambda destination: _open(destination, None),
    settings="BatchLogRecordProcessor and OTLPLogExporter with their defaults: a queue of 2,048",
    loss="a full queue drops the oldest; a batch is dropped after its retries",
    events=50_000,
)
LARGE_QUEUE = Peer(
    name="OpenTelemetry logs, queue of 500,000",
    distributions=_DISTRIBUTIONS,
    imports=_IMPORTS,
    open=lambda destination: _open(destination, QUEUE_EVENTS),
    settings="max_queue_size=500,000, so that nothing is dropped",
    loss="a batch is dropped after its retries",
    events=30_000,
)
STRUCTLOG = Peer(
    name="OpenTelemetry through structlog",
    distributions=(*_DISTRIBUTIONS[:2], "opentelemetry-instrumentation-structlog", "structlog"),
    imports=_IMPORTS.replace("logging.handler", "structlog"),
    open=_open_structlog,
    settings="add_log_level, TimeStamper, its StructlogProcessor; nothing is rendered besides;"
    " max_queue_size=500,000",
    loss="a batch is dropped after its retries",
    events=30_000,
)
