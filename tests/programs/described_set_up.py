"""Print what a set-up has made of the process, as JSON.

The arguments are ``document PAGE NUMBER`` (of a Python example), ``set_up NAME`` (of a function of
`benchmarks.set_ups`), or ``logger NAME`` (of a function of `benchmarks.loggers`).
"""

import functools
import inspect
import json
import logging
import os
import re
import sys
from pathlib import Path

import structlog

import structlog_mozdef as mozdef
from benchmarks import loggers, set_ups
from structlog_mozdef.sink import sinks

ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:9/events"  # nobody listens there
#: What looks for secrets has seen so far: the id of this very stream among it.
REMEMBERED = ("_decided", "_harmless", "_harmless_texts")
HANDLED = ("level", "formatter", "_processors", "_renderer", "_sink")


@functools.singledispatch
def described(value):
    """*value* as what makes an equal one: JSON."""
    if inspect.ismethod(value):
        return [value.__name__, described(value.__self__)]
    if inspect.isroutine(value) or isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return [described(part) for part in value.__reduce_ex__(4) if part is not None]


for leaf in (str, bytes, int, float, type(None)):
    described.register(leaf)(repr)


@described.register(list)
@described.register(tuple)
def _(value):
    return [described(each) for each in value]


@described.register(set)
@described.register(frozenset)
def _(value):
    return sorted(json.dumps(described(each)) for each in value)


@described.register
def _(value: dict):
    return {repr(key): described(each) for key, each in value.items() if key not in REMEMBERED}


@described.register
def _(value: mozdef.Sink):
    return ["Sink", repr(value.settings)]


@described.register
def _(value: logging.Handler):
    return [type(value).__name__, *(described(getattr(value, name)) for name in HANDLED)]


def block(page, number):
    """The Python example *number* of *page*."""
    text = (ROOT / page).read_text("utf-8")
    found = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text)[number]
    code = inspect.cleandoc("\n" + found)
    assert "https://mozdef.example.com:8443/events" in code
    return code.replace("https://mozdef.example.com:8443/events", URL)


def log_one(log):
    """Log as an example does: loggers are made with the first event."""
    log.info("one", username="kang", sourceipaddress="10.0.0.7", success=True)


kind, name, *number = sys.argv[1:]
output, sys.stdout = sys.stdout, sys.stderr  # some examples print
if kind == "document":
    exec(block(name, int(number[0])), {"__name__": "example"})
elif kind == "set_up":
    held = getattr(set_ups, name)(URL)
if kind == "logger":
    log = getattr(loggers, name)(loggers.Nowhere())
    log_one(log)
    configuration = {"processors": log._processors, "wrapper_class": type(log)}
elif structlog.is_configured():
    log_one(structlog.get_logger())
    configuration = structlog.get_config()
else:
    configuration = {}
handlers = [each for each in logging.getLogger().handlers if isinstance(each, mozdef.MozDefHandler)]
found = {
    "structlog": {name: described(value) for name, value in configuration.items()},
    "handlers": described(handlers),
    "level": logging.getLogger().level,
    "sinks": described(sinks()),
}
print(json.dumps(found, indent=1), file=output, flush=True)
os._exit(0)  # nothing is to be sent
