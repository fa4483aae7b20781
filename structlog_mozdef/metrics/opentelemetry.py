"""The same numbers for OpenTelemetry, which reads them when it exports."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable
from typing import Any

from structlog_mozdef.metrics.numbers import ALL_NUMBERS, Number, numbers

# Those that have the numbers already.
_registered: weakref.WeakSet[Any] = weakref.WeakSet()


def register_opentelemetry(meter: Any = None) -> bool:
    """Let OpenTelemetry export the numbers of all sinks of this process.

    Call it when the meter provider is set up, and in each process: its readers do not survive a
    fork either. A second call for the same meter does nothing.

    Args:
        meter: a ``Meter``. Default: one of the current provider.

    Returns:
        False where the program has not loaded OpenTelemetry's metrics, and nothing was done.

    .. versionadded:: 26.1.0
    """
    metrics: Any = sys.modules.get("opentelemetry.metrics")
    if metrics is None:
        return False
    if meter is None:
        meter = metrics.get_meter("structlog_mozdef")
    if meter in _registered:
        return True
    _registered.add(meter)
    for number in ALL_NUMBERS:
        create = (
            meter.create_observable_counter if number.is_counter else meter.create_observable_gauge
        )
        create(
            f"structlog_mozdef.{number.name}",
            callbacks=[_callback(number, metrics.Observation)],
            description=number.description,
        )
    return True


def _callback(number: Number, observation: Any) -> Any:
    def observe(options: object) -> Iterable[Any]:
        for labels, value in numbers.read()[number.name].items():
            attributes = dict(zip(number.labels, number.label_values(labels), strict=True))
            yield observation(value, attributes)

    return observe
