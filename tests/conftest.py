"""What all tests share: receivers, and the markers that `pyproject.toml` describes."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ["pytester"]
pytest.register_assert_rewrite("support")

from support.receivers import Receiver  # noqa: E402 - after the line above

# What tests start beside Python: servers, and programs as heavy as one.
_SERVERS = ("rabbitmq", "redis", "rsyslog", "moto", "valgrind", "promtool", "browser")
_IS_ROOT = not hasattr(os, "geteuid") or os.geteuid() == 0


def pytest_report_header() -> str | None:
    """Say what is left out, which is easily overlooked at the end of the output."""
    return None if _IS_ROOT else "tests marked root are deselected: this user is not root"


@pytest.fixture
def receiver():
    """A receiver that answers as MozDef does, and keeps what it got."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def collector():
    """A running collector."""
    from structlog_mozdef.collector import running_collector

    with running_collector() as running:
        yield running


@pytest.hookimpl(tryfirst=True)  # before pytest evaluates -m
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a server or root, and deselect what needs root if this user is not root."""
    for item in items:
        if any(item.get_closest_marker(name) for name in _SERVERS):
            item.add_marker("servers")
        if "small_disk" in getattr(item, "fixturenames", ()):
            item.add_marker("root")  # it mounts a file system
    if _IS_ROOT:
        return
    deselected = [item for item in items if item.get_closest_marker("root")]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if not item.get_closest_marker("root")]
