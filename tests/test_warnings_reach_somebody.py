"""A warning of the package reaches somebody, whatever the logging of the program does."""

from __future__ import annotations

import contextlib
import logging
import logging.config
import os

import pytest

from structlog_mozdef import MozDefHandler
from structlog_mozdef._log import RateLimitedLogger
from structlog_mozdef.process import identity
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport

LOGGER = logging.getLogger("structlog_mozdef")


@contextlib.contextmanager
def unset_logging():
    """Begin without a handler, as a program does; pytest's own return afterwards."""
    root, level = logging.root, logging.root.level
    handlers, root.handlers = root.handlers, []
    try:
        yield
    finally:
        root.handlers, LOGGER.handlers = handlers, []
        root.setLevel(level)
        LOGGER.setLevel(logging.NOTSET)
        LOGGER.disabled, LOGGER.propagate = False, True
        logging.disable(logging.NOTSET)


class Kept(logging.Handler):
    def __init__(self, level=logging.NOTSET):
        super().__init__(level)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def no_handler():
    """The state of a program that never set up its logging."""


def ours_only():
    logging.root.addHandler(MozDefHandler(Sink(MemoryTransport())))


def errors_only():
    logging.root.addHandler(Kept(logging.ERROR))


def root_at_error():
    logging.root.addHandler(Kept())
    logging.root.setLevel(logging.ERROR)


def silent_root():
    logging.root.addHandler(logging.NullHandler())


def disabled_by_dict_config():
    kept = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    logging.config.dictConfig(
        {"version": 1, "handlers": {"kept": kept}, "root": {"handlers": ["kept"]}}
    )


DEAF = [no_handler, ours_only, errors_only, root_at_error, silent_root, disabled_by_dict_config]


@pytest.mark.parametrize("set_up", DEAF, ids=lambda function: function.__name__)
def test_unheard_goes_to_standard_error(set_up, capsys):
    """Where no handler takes it, a warning is one line that names package and process."""
    with unset_logging():
        set_up()
        RateLimitedLogger().warn("down", "3 events were dropped")
    process = f"{identity.process_name()}[{os.getpid()}]"
    expected = f"{process}: structlog_mozdef: 3 events were dropped\n"
    assert capsys.readouterr() == ("", expected)


def own_handler(kept):
    LOGGER.addHandler(kept)


def root_handler(kept):
    logging.root.addHandler(kept)
    ours_only()


@pytest.mark.parametrize("set_up", [own_handler, root_handler], ids=lambda f: f.__name__)
def test_heard_once(set_up, capsys):
    """Where a handler takes it, a warning goes there and nowhere else."""
    kept = Kept()
    with unset_logging():
        set_up(kept)
        RateLimitedLogger().warn("down", "3 events were dropped")
    assert (kept.messages, capsys.readouterr().err) == (["3 events were dropped"], "")


UNWANTED = {
    "level": lambda: LOGGER.setLevel(logging.CRITICAL),
    "null handler": lambda: LOGGER.addHandler(logging.NullHandler()),
    "disable": lambda: logging.disable(logging.CRITICAL),
}


@pytest.mark.parametrize("name", UNWANTED)
def test_unwanted_is_not_shown(name, capsys):
    """A program that has silenced this package's logger, or all of them, hears nothing."""
    with unset_logging():
        UNWANTED[name]()
        RateLimitedLogger().warn("down", "3 events were dropped")
    assert capsys.readouterr().err == ""


def test_no_standard_error(monkeypatch):
    """Without a standard error, a warning raises nothing."""
    monkeypatch.setattr("sys.stderr", None)
    with unset_logging():
        RateLimitedLogger().warn("down", "3 events were dropped")
