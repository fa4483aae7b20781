"""Prometheus and OpenTelemetry export the numbers of all sinks; dashboard and alerts use them."""

from __future__ import annotations

import contextlib
import gc
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import prometheus_client
import pytest
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.multiprocess import MultiProcessCollector
from support.receivers import Receiver
from support.running import dead_url, run

import structlog_mozdef as mozdef
from structlog_mozdef.metrics import register_opentelemetry, register_prometheus
from structlog_mozdef.testing import MemoryTransport

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"


class Named(MemoryTransport):
    def __init__(self, name):
        super().__init__()
        self.name = name


@pytest.fixture
def registry():
    registry = prometheus_client.CollectorRegistry()
    register_prometheus(registry)
    return registry


def sample(registry, name, **labels):
    return registry.get_sample_value(f"structlog_mozdef_{name}", labels)


def test_prometheus_has_the_numbers(registry, tmp_path):
    """All sinks to a destination are summed up, and losses are counted by their reasons."""
    sinks = [mozdef.Sink(Named("numbers")) for _ in range(2)]
    for sink in sinks:
        sink.put(b"{}")
        sink.put("no bytes")
        sink.close()
    for name in ("accepted", "delivered"):
        total = sum(getattr(sink.stats(), name) for sink in sinks)
        assert sample(registry, f"events_{name}_total", destination="numbers") == total > 0
    reason = "not bytes"
    assert sinks[0].stats().dropped_by_reason == {reason: 1}
    assert sample(registry, "events_dropped_total", destination="numbers", reason=reason) == 2
    # Known from the beginning: what appears only with its first value has not increased.
    assert (
        sample(registry, "events_dropped_total", destination="numbers", reason="buffer full") == 0
    )
    assert sample(registry, "events_buffered", destination="numbers") == 0
    assert sample(registry, "failing", destination="numbers") == 0


def test_a_second_call_does_nothing(registry):
    """A program that registers twice, as its tests may do, has each number once."""
    register_prometheus(registry)
    text = prometheus_client.generate_latest(registry).decode()
    assert text.count("# TYPE structlog_mozdef_failing") == 1


def test_counters_do_not_fall(registry):
    """What a sink has counted still counts when nobody holds it any more."""
    sink = mozdef.Sink(Named("gone"))
    sink.put(b"{}")
    sink.close()
    assert sample(registry, "events_delivered_total", destination="gone") == 1
    del sink
    gc.collect()
    assert sample(registry, "events_delivered_total", destination="gone") == 1
    assert sample(registry, "events_buffered", destination="gone") is None


def test_workers_share_a_folder(tmp_path):
    """In the multiprocess mode, the numbers of forked workers are in the folder at their end."""
    with Receiver() as receiver:
        run("prometheus_workers", receiver.url, env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})
        registry = prometheus_client.CollectorRegistry()
        MultiProcessCollector(registry, path=str(tmp_path))
        (destination,) = {
            sample.labels["destination"]
            for metric in registry.collect()
            for sample in metric.samples
            if "destination" in sample.labels
        }
    for name in ("events_accepted_total", "events_delivered_total"):
        # Of three processes, each with an event at its end.
        assert sample(registry, name, destination=destination) == 8 + 3


def test_gauges_of_sinks_that_are_gone_are_zero(tmp_path):
    """In the multiprocess mode, where values stay in the folder, a failing sink that goes is well.

    What its process has counted stays.
    """
    run(
        "prometheus_gone_sink",
        dead_url(),
        tmp_path / "spool",
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
    )


def held_back(registry):
    return sample(registry, "events_held_back_total")


def test_events_that_are_held_back_are_counted(registry):
    """What a RateLimiter holds back, which no sink ever sees, is exported for the process."""
    before = held_back(registry)
    limiter = mozdef.RateLimiter(1, 3600, then=[])
    for _ in range(4):
        with contextlib.suppress(structlog.DropEvent):
            limiter(structlog.ReturnLogger(), "info", {"event": "a"})
    assert held_back(registry) == before + 3
    assert mozdef.Sink(Named("flushed")).flush()
    del limiter
    gc.collect()
    assert held_back(registry) == before + 3


def test_opentelemetry_has_the_same_numbers():
    """OpenTelemetry's reader gets each number, with the same labels."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    for _ in range(2):  # the second call does nothing
        assert register_opentelemetry(provider.get_meter("test"))
    sink = mozdef.Sink(Named("otel"))
    sink.put(b"{}")
    sink.put("no bytes")
    sink.close()
    sink.mark_reported()
    data = json.loads(reader.get_metrics_data().to_json())
    found = {
        (metric["name"], *sorted(point["attributes"].values())): point["value"]
        for metric in data["resource_metrics"][0]["scope_metrics"][0]["metrics"]
        for point in metric["data"]["data_points"]
    }
    provider.shutdown()
    assert found["structlog_mozdef.events_accepted", "otel"] == sink.stats().accepted
    assert found["structlog_mozdef.events_dropped", "not bytes", "otel"] == 1
    assert found["structlog_mozdef.failing", "otel"] == 0
    assert found["structlog_mozdef.events_held_back",] >= 0


def test_opentelemetry_is_not_loaded():
    """Where the program does not use OpenTelemetry, nothing of it is loaded."""
    program = (
        "import sys; from structlog_mozdef.metrics import register_opentelemetry;"
        "assert not register_opentelemetry();"
        "assert not {'opentelemetry', 'prometheus_client'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_missing_extra_is_named(monkeypatch):
    """Without prometheus_client, the message says what to install."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match=r"structlog-mozdef\[prometheus\]"):
        register_prometheus()


def promtool(*arguments, **options):
    assert shutil.which("promtool"), "promtool is missing; sh .ci/servers installs it"
    checked = subprocess.run(["promtool", *arguments], capture_output=True, text=True, **options)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.promtool
def test_names_and_types_are_as_prometheus_wants_them(registry):
    """Prometheus' own check has nothing to say about the metrics."""
    with mozdef.Sink(Named("checked")):
        text = prometheus_client.generate_latest(registry).decode()
    promtool("check", "metrics", input=text)


@pytest.mark.promtool
def test_alerts_fire(tmp_path):
    """The alert rules are valid, and fire when they are to."""
    promtool("check", "rules", str(MONITORING / "alerts.yml"))
    for file in (MONITORING / "alerts.yml", Path(__file__).with_name("alerts_test.yml")):
        shutil.copy(file, tmp_path)
    promtool("test", "rules", str(tmp_path / "alerts_test.yml"))


def queries():
    dashboard = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


@pytest.mark.promtool
def test_queries_of_the_dashboard_are_valid(tmp_path):
    """Prometheus can read the query of each panel."""
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries())
    ]
    file = tmp_path / "queries.yml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_dashboard_and_alerts_use_what_there_is(registry):
    """Each metric that a panel, an alert or the documentation names is exported."""
    with mozdef.Sink(Named("used")):
        exposed = prometheus_client.generate_latest(registry).decode()
    exported = set(re.findall(r"^# TYPE (\w+)", exposed, re.MULTILINE))
    text = "\n".join(queries()) + (MONITORING / "alerts.yml").read_text("utf-8")
    used = set(re.findall(r"structlog_mozdef_\w+", text))
    assert used
    assert used - exported == set()
    page = (MONITORING.parent / "monitoring.rst").read_text("utf-8")
    table = page[page.index("``structlog_mozdef_...``") : page.index("All others have the label")]
    documented = set(re.findall(r"``(\w+)``", table)) - {"reason"}
    assert {f"structlog_mozdef_{name}" for name in documented} == exported
