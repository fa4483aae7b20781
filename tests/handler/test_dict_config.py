"""`MozDefHandler` is set up by ``logging.config.dictConfig``: from a dict, YAML or JSON."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.config

import pytest
import structlog
import yaml
from support.destinations import structlog_defaults
from support.receivers import Receiver

from structlog_mozdef import MozDefHandler, MozDefRenderer
from structlog_mozdef.testing import capture_events

URL = "https://mozdef.example.com:8443/events"


@contextlib.contextmanager
def configured(handlers, **more):
    """Loggers with the names of *handlers*, each with one of them."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": handlers,
            "loggers": {name: {"level": "DEBUG", "handlers": [name]} for name in handlers},
            **more,
        }
    )
    try:
        yield [logging.getLogger(name) for name in handlers]
    finally:
        for name in handlers:
            logging.getLogger(name).handlers.clear()


def handler(**options):
    return {"class": "structlog_mozdef.MozDefHandler", "url": URL, **options}


#: A module of a program.
LOGS = """
import structlog

def drop_health(logger, name, event_dict):
    if event_dict["event"] == "GET /health":
        raise structlog.DropEvent
    return event_dict

class Adder:
    def __init__(self, name="added", value=1):
        self.name, self.value = name, value

    def __call__(self, logger, name, event_dict):
        return {**event_dict, self.name: self.value}
"""


YAML = """
version: 1
disable_existing_loggers: false
handlers:
  by_yaml:
    class: structlog_mozdef.MozDefHandler
    level: INFO
    url: {url}
    spool: {spool}
    tags: [vpn, duo]
    category: access
    linger: 0
    verify: true
    headers: {{X-Own: "1"}}
    retry: {{wait_max: 30}}
    processors:
      - structlog.stdlib.add_logger_name
      - "()": structlog_mozdef.RateLimiter
        limit: 2
loggers:
  by_yaml:
    level: DEBUG
    handlers: [by_yaml]
"""


@pytest.mark.parametrize("form", [yaml.safe_load, lambda text: json.loads(_as_json(text))])
def test_settings_in_a_file(form, tmp_path):
    """A file is all it takes: destination, spool, tags, and processors by their names."""
    with Receiver() as receiver:
        settings = form(YAML.format(url=receiver.url, spool=tmp_path / "spool"))
        logging.config.dictConfig(settings)
        log = logging.getLogger("by_yaml")
        log.debug("below")
        for _ in range(5):
            log.info("password=hunter2")
        (made,) = log.handlers
        assert made._sink.close(10)
        log.handlers.clear()
        first, _, told = receiver.events()
    assert (first["tags"], first["category"]) == (["vpn", "duo"], "access")
    assert (first["summary"], first["source"]) == ("password=[redacted]", "by_yaml")
    assert told["details"]["rate_limited"]["count"] == 3
    assert receiver.requests[-1].headers["x-own"] == "1"
    assert (tmp_path / "spool").is_dir()
    assert made._sink.config.policy.wait_max == 30


def _as_json(text):
    return json.dumps(yaml.safe_load(text))


def test_processors_by_name(monkeypatch, tmp_path):
    """A function, a class and a class with arguments are found by their names."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "logs.py").write_text(LOGS)
    monkeypatch.syspath_prepend(tmp_path)
    names = [
        "shop.logs.drop_health",
        "ext://shop.logs.Adder",
        {"()": "shop.logs:Adder", "name": "size", "value": {"a": 2}},
        structlog.stdlib.add_logger_name,
    ]
    with (
        capture_events() as events,
        configured({"web": handler(url="", processors=names)}) as (log,),
    ):
        log.info("GET /health")
        log.info("GET /")
        details = events.one()["details"]
    assert (details["added"], details["size"]) == (1, {"a": 2})


@pytest.mark.parametrize(
    "options",
    [
        {"redact": {"names": ["badge"], "keep": ["password"]}},
        {"redact": {"hash_names": ["badge"], "hash_key": "0123456789abcdef"}},
        {"typed_names": {"status": "str", "retried": "bool"}},
        {"retry": {"wait_initial": 2, "wait_max": 30}},
        {"auth": ["kang", "secret"]},
        {"api_key": ["id", "key"], "url": "https://h/_bulk"},
        {"url": "syslog+udp://127.0.0.1", "facility": 4, "framing": "octet-counting"},
        {"timezone": "Europe/Berlin", "listed_names": ["headers"], "max_names": 50},
        {"sequence": True, "source": None, "when_full": "block", "max_events": 10},
    ],
    ids=str,
)
def test_all_options_are_plain_values(options):
    """Each option can stand in JSON."""
    options = json.loads(json.dumps(options))
    with configured({"plain": handler(**options)}) as (log,):
        assert isinstance(log.handlers[0], MozDefHandler)


def test_a_file_with_a_mode(tmp_path):
    """Permissions are octal in a string: JSON has no octal numbers."""
    url = f"file://{tmp_path}/events"
    with configured({"file": handler(url=url, mode="0640", linger=0)}) as (log,):
        log.info("x")
        assert log.handlers[0]._sink.close(10)
    assert oct((tmp_path / "events").stat().st_mode & 0o777) == "0o640"


def test_plain_values_do_what_they_say():
    """A mapping for ``redact`` is a `Redactor` with those arguments; names of types are types."""
    options = {"redact": {"names": ["badge"]}, "typed_names": {"status": "str"}, "sequence": True}
    with capture_events() as events, configured({"plain": handler(url="", **options)}) as (log,):
        log.info("x", extra={"badge": "b1", "status": 7})
        details = events.one()["details"]
    assert (details["badge"], details["status"]) == ("[redacted]", "7")
    assert details["sequence"] == 1


def test_handlers_with_the_same_settings_share_a_sink():
    """One connection and one thread serve them, whatever each does with its events."""
    handlers = {
        "one": handler(linger=1, tags=["one"]),
        "two": handler(linger=1, level="ERROR"),
        "other": handler(linger=2),
    }
    with configured(handlers) as logs:
        one, two, other = [log.handlers[0]._sink for log in logs]
        assert (one is two, one is other) == (True, False)


SENTENCES = [
    ({"linger": "soon"}, "linger is 'soon'; it must be a number of 0 or more"),
    ({"lingr": 1}, "lingr is no option of a handler; do you mean linger?"),
    ({"facility": 4}, "facility is no option of https://; allowed are bulk, "),
    ({"url": "htps://h/events"}, "url is 'htps://h/events'; it must be a full address"),
    ({"url": "https://kang:hunter2/events"}, "url is 'https://kang:.../events'; "),
    ({"tags": "vpn"}, "tags is 'vpn'; it must be a list of strings"),
    ({"processors": "a.b"}, "processors is 'a.b'; it must be a list"),
    ({"processors": ["no.such"]}, "processors has 'no.such'; it must be the dotted name of a"),
    ({"processors": ["os.nothing"]}, "processors has 'os.nothing'; it must be the dotted name"),
    ({"processors": ["os.sep"]}, "processors has 'os.sep'; it must be a function"),
    (
        {"processors": [{"()": "structlog_mozdef.RateLimiter", "limit": 0}]},
        "processors has {'()': 'structlog_mozdef.RateLimiter', 'limit': 0}, which cannot be made",
    ),
    ({"redact": {"nmes": []}}, "nmes is no option of redact; do you mean names?"),
    ({"retry": {"max": 1}}, "retry is {'max': 1}; it must be a RetryPolicy, None, or an object"),
    ({"typed_names": {"a": "text"}}, "typed_names has 'a': 'text'; it must be the name"),
    ({"spool": "/proc/none"}, "spool is '/proc/none'; it must be a folder"),
    ({"sink": "https://h/events"}, "there is a sink and a url; a handler needs one of them"),
]


@pytest.mark.parametrize("factory", ["class", "()"])
@pytest.mark.parametrize(("options", "sentence"), SENTENCES, ids=lambda value: str(value)[:40])
def test_an_error_says_what_is_wrong(options, sentence, factory):
    """The message of the error that dictConfig raises names the handler, and what is wrong."""
    settings = handler(**options)
    settings[factory] = settings.pop("class")
    with pytest.raises(ValueError) as caught, configured({"mozdef": settings}):
        pass
    assert str(caught.value).startswith(f"handler 'mozdef': {sentence}")
    assert "hunter2" not in str(caught.value)


def test_a_handler_without_a_destination_is_an_error():
    """A URL that was forgotten is not one that is empty."""
    with (
        pytest.raises(ValueError, match="there is no sink and no url"),
        configured({"mozdef": {"class": "structlog_mozdef.MozDefHandler"}}),
    ):
        pass


@pytest.mark.parametrize(
    ("options", "kind"), [({"linger": -1}, ValueError), ({"lnger": 1}, TypeError)]
)
def test_elsewhere_errors_are_as_ever(options, kind):
    """Without dictConfig, the error is the one of the constructor, and has no cause."""
    with pytest.raises(kind) as caught:
        MozDefHandler(URL, **options)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_errors_of_other_handlers_are_theirs():
    """What dictConfig does with other handlers is not changed."""
    with (
        pytest.raises(ValueError, match=r"^Unable to configure handler 'other'$"),
        configured(
            {
                "mozdef": handler(url=""),
                "other": {"class": "logging.FileHandler", "filename": "/no/x"},
            }
        ),
    ):
        pass


def test_structlog_through_the_standard_library():
    """``wrap_for_formatter`` hands events over as they are: no formatter is needed."""
    with (
        structlog_defaults(),
        capture_events() as events,
        configured({"shop": handler(url="", tags=["vpn"])}) as (log,),
    ):
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
        )
        structlog.contextvars.bind_contextvars(request="r1")
        structlog.get_logger("shop").warning("paid", order=7)
        log.warning("paid %d", 8, extra={"order": 8})
        ours, theirs = events
    assert (ours["summary"], ours["severity"], ours["source"]) == ("paid", "WARNING", "shop")
    assert ours["details"] == {"order": 7, "request": "r1"}
    assert (theirs["summary"], theirs["details"]) == ("paid 8", {"order": 8})
    assert {*ours["tags"], *theirs["tags"]} == {"vpn"}


def test_a_formatter_that_renders():
    """A ``ProcessorFormatter`` that ends in a `MozDefRenderer` makes the events itself."""
    formatter = {
        "()": "structlog.stdlib.ProcessorFormatter",
        "processors": [
            structlog.processors.EventRenamer("summary"),
            MozDefRenderer(category="shop"),
        ],
    }
    with (
        capture_events() as events,
        configured(
            {"shop": handler(url="", formatter="events")}, formatters={"events": formatter}
        ) as (log,),
    ):
        log.warning("paid %d", 8)
        event = events.one()
    assert (event["summary"], event["category"]) == ("paid 8", "shop")
    assert event["details"] == {}


def test_the_format_of_basic_config_is_no_summary():
    """``logging.basicConfig(handlers=[...])`` gives each handler a format for terminals."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    root.handlers[:] = []
    try:
        with capture_events() as events:
            logging.basicConfig(level="INFO", handlers=[MozDefHandler("")])
            logging.getLogger("shop").info("paid")
            assert events.one()["summary"] == "paid"
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
