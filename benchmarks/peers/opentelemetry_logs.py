"""OpenTelemetry's logs: the handler of its logging instrumentation, in batches, OTLP over HTTP."""

from __future__ import annotations

from benchmarks.peers.base import QUEUE_EVENTS, Destination, Peer, StandardLogger


def _open(destination: Destination, queue: int | None) -> StandardLogger:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider()
    exporter = OTLPLogExporter(endpoint=f"{destination.base}/v1/logs")
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=queue))
    # shutdown() gives up after 30 s, force_flush() does not.
    return StandardLogger(LoggingHandler(logger_provider=provider), provider.force_flush)


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
