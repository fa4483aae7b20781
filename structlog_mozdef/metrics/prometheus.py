"""The numbers for prometheus_client, of one process or of several that share a folder."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from structlog_mozdef._deadline import Deadline
from structlog_mozdef._raised import pass_on
from structlog_mozdef.metrics.numbers import ALL_NUMBERS, Number, Values, numbers
from structlog_mozdef.process.exit import close_at_exit
from structlog_mozdef.process.fork import reset_after_fork
from structlog_mozdef.process.threads import start_without_signals

_PREFIX = "structlog_mozdef_"
#: Seconds to wait for another thread that writes.
_PATIENCE = 1.0
_MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# Those that have the numbers already; in the multiprocess mode with what writes them.
_registered: weakref.WeakKeyDictionary[Any, object] = weakref.WeakKeyDictionary()


def register_prometheus(registry: Any = None, *, interval: float = 5.0) -> None:
    """Let prometheus_client export the numbers of all sinks of this process.

    In its multiprocess mode (the variable ``PROMETHEUS_MULTIPROC_DIR``) each process writes its
    numbers into the common folder, by a thread, also after a fork. A second call for the same
    registry does nothing.

    Args:
        registry: a ``CollectorRegistry``. Default: that of the library.
        interval: seconds between two such writes. Default 5.

    Raises:
        ImportError: the extra ``prometheus`` is not installed.

    .. versionadded:: 26.1.0
    """
    try:
        import prometheus_client
    except ImportError as error:
        hint = 'pip install "structlog-mozdef[prometheus]"'
        raise ImportError(f"Metrics for Prometheus need an extra: {hint}") from error
    if registry is None:
        registry = prometheus_client.REGISTRY
    if registry in _registered:
        return
    if os.environ.get(_MULTIPROCESS_FOLDER):
        _registered[registry] = _Writer(registry, interval)
    else:
        registry.register(_Collector())
        _registered[registry] = None


class _Collector:
    """Reads the numbers whenever they are asked for."""

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        values = numbers.read()
        for number in ALL_NUMBERS:
            kind: Any = CounterMetricFamily if number.is_counter else GaugeMetricFamily
            family = kind(_PREFIX + number.name, number.description, labels=number.labels)
            for labels, value in values[number.name].items():
                family.add_metric(number.label_values(labels), value)
            yield family


class _Writer:
    """Writes the numbers into the folder of the multiprocess mode, again and again."""

    def __init__(self, registry: Any, interval: float) -> None:
        from prometheus_client import Counter, Gauge

        self._interval = interval
        self._metrics: dict[str, Any] = {}
        for number in ALL_NUMBERS:
            args = (_PREFIX + number.name, number.description, number.labels)
            if number.is_counter:
                self._metrics[number.name] = Counter(*args, registry=registry)
            else:
                mode: Any = "livemax" if number.of_several is max else "livesum"
                self._metrics[number.name] = Gauge(*args, registry=registry, multiprocess_mode=mode)
        self.after_fork_in_child()
        reset_after_fork(self)
        close_at_exit(self)

    def after_fork_in_child(self) -> None:
        """Write for the child as well."""
        self._written: dict[str, Values] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        thread = threading.Thread(target=self._run, name="structlog-mozdef-metrics", daemon=True)
        start_without_signals(thread)

    def _run(self) -> None:
        while not self._ended.wait(self._interval):
            try:
                self._write()
            except Exception as error:  # no room on the disk: it is tried again
                pass_on(error)

    def _write(self) -> None:
        # With a limit: a thread that wrote may have been stopped by the end of the interpreter.
        if not self._lock.acquire(timeout=_PATIENCE):
            return
        try:
            values = numbers.read()
            for number in ALL_NUMBERS:
                self._write_number(number, values[number.name])
            self._written = values
        finally:
            self._lock.release()

    def _write_number(self, number: Number, now: dict[tuple[str, str], float]) -> None:
        before = self._written.get(number.name, {})
        metric = self._metrics[number.name]
        for labels, value in now.items():
            child = metric.labels(*number.label_values(labels)) if number.labels else metric
            if number.is_counter:
                child.inc(max(0.0, value - before.get(labels, 0.0)))
            else:
                child.set(value)
        if not number.is_counter:
            for labels in before.keys() - now.keys():  # of sinks that are gone
                metric.labels(*number.label_values(labels)).set(0)

    @property
    def exit_timeout(self) -> float:
        """Seconds that the end of the process may take: it waits for nothing."""
        return 0.0

    def is_interrupted(self) -> bool:
        """Return False: a signal handler finds nothing half done."""
        return False

    def begin_exit(self, deadline: Deadline) -> None:
        """End the thread."""
        self._ended.set()

    def end_exit(self, deadline: Deadline) -> None:
        """Do nothing: see `report_exit`."""

    def report_exit(self) -> None:
        """Write the last numbers, now that the sinks are closed."""
        try:
            self._write()
        except Exception as error:  # the folder is gone, or at the very end a module
            pass_on(error)
