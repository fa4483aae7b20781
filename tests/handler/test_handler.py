"""Records of the standard library reach MozDef complete, by every way of setting it up."""

import contextlib
import decimal
import logging
import logging.config
import logging.handlers
import queue
import sys

import pytest
import structlog
from support import hostile
from support.destinations import KeptEvents

from structlog_mozdef import MozDefHandler, MozDefRenderer, Redactor, Sink, TagAdder, add_hostname
from structlog_mozdef.transports.memory import MemoryTransport

NOTICE = 25


class Receiver:
    """A sink, and the events that reached its other end."""

    def __init__(self):
        self.transport = MemoryTransport()
        self.sink = Sink(self.transport, linger=0)

    @property
    def events(self):
        assert self.sink.flush(10)
        return self.transport.events

    @property
    def event(self):
        (event,) = self.events
        return event


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.sink.close(5)


@contextlib.contextmanager
def logger_of(handler, name="app.module"):
    logger = logging.Logger(name)  # noqa: LOG001 - not in the tree: nothing of it stays
    logger.addHandler(handler)
    yield logger
    handler.close()


@pytest.fixture
def log(receiver):
    with logger_of(MozDefHandler(receiver.sink)) as logger:
        yield logger


def formatter_of(*before, last=None, **options):
    return structlog.stdlib.ProcessorFormatter(
        processors=[*before, last or MozDefRenderer()], **options
    )


@pytest.fixture
def formatted(receiver):
    handler = MozDefHandler(receiver.sink)
    handler.setFormatter(formatter_of())
    with logger_of(handler) as logger:
        yield logger


BOTH = pytest.mark.parametrize("way", ["log", "formatted"])


@BOTH
def test_record_is_an_event(way, receiver, request):
    """A record has its message, severity, logger, process and time in the event."""
    request.getfixturevalue(way).warning("User %s logged in", "kang")
    event = receiver.event
    assert (event["summary"], event["severity"], event["source"], event["details"]) == (
        "User kang logged in",
        "WARNING",
        "app.module",
        {},
    )


@BOTH
def test_record_without_a_name_is_an_event(way, receiver, request, capsys):
    """A record that was made without a logger's name, as by `logging.makeLogRecord`, is sent."""
    request.getfixturevalue(way).handle(
        logging.makeLogRecord({"msg": "m", "levelno": 40, "levelname": "ERROR"})
    )
    event = receiver.event
    assert (event["summary"], event["severity"], capsys.readouterr().err) == ("m", "ERROR", "")


@BOTH
def test_time_is_that_of_the_record(way, receiver, request):
    """The time of the event is that at which the record was made."""
    logger = request.getfixturevalue(way)
    record = logger.makeRecord("a", logging.INFO, "f", 1, "m", (), None)
    record.created = 1767323045.5
    logger.handle(record)
    assert receiver.event["timestamp"] == "2026-01-02T03:04:05.500000+00:00"


@BOTH
def test_extra_fields_are_details(way, receiver, request):
    """What ``extra=`` brought is among the details."""
    extra = {"username": "kang", "cost": decimal.Decimal("1.5"), "tags": ["a"]}
    request.getfixturevalue(way).info("m", extra=extra)
    event = receiver.event
    assert (event["details"], event["tags"]) == ({"username": "kang", "cost": "1.5"}, ["a"])


@BOTH
def test_exception_is_described(way, receiver, request):
    """The exception of a record is in the event, without a second copy in the summary."""
    try:
        raise ValueError("bad")
    except ValueError:
        request.getfixturevalue(way).exception("failed")
    event = receiver.event
    exception = event["details"]["exception"]
    assert (event["summary"], exception["type"], exception["message"]) == (
        "failed",
        "ValueError",
        "bad",
    )


@BOTH
def test_stack_is_a_detail(way, receiver, request):
    """The stack of a record is in the event."""
    request.getfixturevalue(way).info("m", stack_info=True)
    assert "test_stack_is_a_detail" in receiver.event["details"]["stack"]


@BOTH
def test_arguments_that_do_not_fit(way, receiver, request, capsys):
    """A message whose arguments do not fit is shipped with them, and nothing is printed."""
    request.getfixturevalue(way).info("%d items", "three")
    summary = receiver.event["summary"]
    assert ("%d items" in summary, "three" in summary, capsys.readouterr().err) == (True, True, "")


@BOTH
@pytest.mark.parametrize(
    ("name", "severity"), [("NOTICE", "NOTICE"), ("ALERT", "ALERT"), ("EMERGENCY", "EMERGENCY")]
)
def test_custom_level_is_a_severity(way, name, severity, receiver, request):
    """A level that the program has added is a severity if MozDef has one of that name."""
    before = logging.getLevelName(NOTICE)
    logging.addLevelName(NOTICE, name)
    try:
        request.getfixturevalue(way).log(NOTICE, "m")
    finally:
        logging.addLevelName(NOTICE, before)
    event = receiver.event
    assert (event["severity"], event["details"]) == (severity, {})


@BOTH
def test_unknown_level_is_kept(way, receiver, request):
    """A level that MozDef does not know is kept as a detail, and INFO stands in."""
    request.getfixturevalue(way).log(33, "m")
    event = receiver.event
    assert (event["severity"], event["details"]) == ("INFO", {"level": "Level 33"})


@BOTH
@pytest.mark.parametrize("name", hostile.VALUES)
def test_hostile_value_is_survived(way, name, receiver, request, capsys):
    """Hostile objects as message, argument or field cost neither the record nor the program."""
    logger = request.getfixturevalue(way)
    value = hostile.VALUES[name]()
    for message, arguments in (("m", ()), ("m %s", (value,)), (value, ())):
        if "shared" in name and message != "m":
            continue  # their own str never ends
        record = logger.makeRecord("a", logging.INFO, "f", 1, message, (), None, None, {"v": value})
        record.args = arguments  # the constructor of a record looks into them
        logger.handle(record)
    assert (len(receiver.events) in (1, 3), capsys.readouterr().err) == (True, "")


@BOTH
@pytest.mark.parametrize("level", [None, 5, "", ["x"]])
def test_odd_level_name_is_survived(way, level, receiver, request):
    """A record whose level has no proper name is shipped."""
    logger = request.getfixturevalue(way)
    record = logger.makeRecord("a", logging.INFO, "f", 1, "m %d", ("x",), None)
    record.levelname = level
    try:
        logger.handle(record)
    except AttributeError:
        pytest.fail("raised into the program")
    assert receiver.event["summary"].startswith("m %d")


def test_level_of_the_handler(receiver):
    """Records below the level of the handler are not sent."""
    with logger_of(MozDefHandler(receiver.sink, "ERROR")) as logger:
        logger.warning("below")
        logger.error("above")
    assert receiver.event["summary"] == "above"


def test_filter_of_the_handler(receiver):
    """Records that a filter of the handler stops are not sent."""
    handler = MozDefHandler(receiver.sink)
    handler.addFilter(lambda record: "keep" in record.getMessage())
    with logger_of(handler) as logger:
        logger.info("drop")
        logger.info("keep")
    assert receiver.event["summary"] == "keep"


def test_plain_formatter_makes_the_summary(receiver):
    """A formatter of the standard library makes the summary, without the traceback."""
    handler = MozDefHandler(receiver.sink)
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    with logger_of(handler) as logger:
        try:
            raise ValueError
        except ValueError:
            logger.exception("failed")
    event = receiver.event
    assert (event["summary"], event["source"], event["details"]["error"]) == (
        "app.module: failed",
        "app.module",
        True,
    )


def test_formatter_that_fails(receiver):
    """A record whose formatter fails is shipped with its message and level."""
    handler = MozDefHandler(receiver.sink)
    handler.setFormatter(logging.Formatter("%(unknown)s"))
    with logger_of(handler) as logger:
        logger.error("m")
    event = receiver.event
    assert (event["summary"], event["severity"], event["details"]) == (
        "m",
        "ERROR",
        {"formatting": "failed with ValueError"},
    )


def test_processors_of_the_formatter_run(receiver):
    """The processors of a ProcessorFormatter see each record, `Redactor` among them."""
    handler = MozDefHandler(receiver.sink)
    handler.setFormatter(
        formatter_of(
            structlog.stdlib.ExtraAdder(),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            Redactor(),
        )
    )
    with logger_of(handler) as logger:
        logger.info("m", extra={"password": "x"})
    assert receiver.event["details"] == {"password": "[redacted]"}


def test_renderer_of_the_formatter_counts(receiver):
    """The category of the formatter's renderer is that of the events."""
    handler = MozDefHandler(receiver.sink, category="unused")
    handler.setFormatter(formatter_of(last=MozDefRenderer("authentication", "ldap")))
    with logger_of(handler) as logger:
        logger.info("m")
    event = receiver.event
    assert (event["category"], event["source"]) == ("authentication", "ldap")


def test_bytes_of_the_renderer_cause_no_warning(receiver, recwarn):
    """The bytes that the renderer gives to a ProcessorFormatter are shipped without its warning."""
    handler = MozDefHandler(receiver.sink)
    handler.setFormatter(formatter_of())
    with logger_of(handler) as logger, structlog_over(logger) as log:
        logger.info("foreign")
        log.info("own")
    assert (len(receiver.events), list(recwarn)) == (2, [])


def test_processor_that_drops(receiver):
    """An event that a processor of the formatter drops is not sent."""

    def drop(logger, name, event_dict):
        raise structlog.DropEvent

    handler = MozDefHandler(receiver.sink)
    handler.setFormatter(formatter_of(drop))
    with logger_of(handler) as logger:
        logger.info("m")
    assert receiver.events == []


def test_formatter_itself_is_left_alone(receiver):
    """A formatter that other handlers use as well is not changed."""
    formatter = formatter_of()
    before = formatter.processors
    MozDefHandler(receiver.sink).setFormatter(formatter)
    assert formatter.processors is before


@contextlib.contextmanager
def structlog_over(logger, *processors):
    log = structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.add_log_level,
            *processors,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    yield log.bind(username="kang")


@BOTH
def test_structlogs_own_record_is_an_event(way, receiver, request):
    """A record that structlog made has the fields of its event dict, with or without formatter."""
    logger = request.getfixturevalue(way)
    with structlog_over(logger, add_hostname) as log:
        log.error("failed", tags=["a"])
    event = receiver.event
    assert (event["summary"], event["severity"], event["details"], event["tags"]) == (
        "failed",
        "ERROR",
        {"username": "kang"},
        ["a"],
    )


@BOTH
def test_exception_of_structlogs_own_record(way, receiver, request):
    """So is its exception."""
    with structlog_over(request.getfixturevalue(way)) as log:
        try:
            raise ValueError("bad")
        except ValueError:
            log.exception("failed")
    assert receiver.event["details"]["exception"]["message"] == "bad"


def test_queue_handler_passes_records_on(receiver):
    """A record that went through a QueueHandler, which formats its exception, is complete."""
    handler = MozDefHandler(receiver.sink)
    records = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, handler)
    listener.start()
    with logger_of(logging.handlers.QueueHandler(records)) as logger:
        try:
            raise ValueError("bad")
        except ValueError:
            logger.exception("failed", extra={"username": "kang"})
    listener.stop()
    event = receiver.event
    assert (event["details"], "ValueError: bad" in str(event)) == ({"username": "kang"}, True)


def test_dict_config_sets_it_up(receiver):
    """``logging.config.dictConfig`` can make the handler, with a ProcessorFormatter too."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "mozdef": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [MozDefRenderer("authentication")],
                }
            },
            "handlers": {
                "mozdef": {
                    "class": "structlog_mozdef.MozDefHandler",
                    "sink": receiver.sink,
                    "formatter": "mozdef",
                    "level": "INFO",
                }
            },
            "loggers": {"dict.config": {"handlers": ["mozdef"], "propagate": False}},
        }
    )
    try:
        logging.getLogger("dict.config").error("m", extra={"a": 1})
        event = receiver.event
    finally:
        logging.getLogger("dict.config").handlers.clear()
        root.handlers[:], root.level = before
    assert (event["category"], event["details"]) == ("authentication", {"a": 1})


def test_record_is_left_alone_for_other_handlers(receiver):
    """Another handler formats the record afterwards as it would without this one."""
    seen = []

    class Other(logging.Handler):
        def emit(self, record):
            seen.append(self.format(record))

    with logger_of(MozDefHandler(receiver.sink)) as logger:
        logger.addHandler(Other())
        try:
            raise ValueError("bad")
        except ValueError:
            logger.exception("failed %s", "twice")
    assert (seen[0].startswith("failed twice\nTraceback"), len(receiver.events)) == (True, 1)


def test_own_records_are_no_events(receiver):
    """The package's own records are not fed back to it."""
    with logger_of(MozDefHandler(receiver.sink), "structlog_mozdef.sink") as logger:
        logger.warning("cannot reach the server")
    assert receiver.events == []


def test_records_of_the_sending_are_no_events():
    """The records of the HTTP library while an event is sent, at level DEBUG, are not sent."""
    http_library = logging.Logger("urllib3.connectionpool")  # noqa: LOG001 - as above

    class Logging(MemoryTransport):
        loggers = frozenset({"urllib3"})

        def send(self, events):
            http_library.debug("POST /events")
            return super().send(events)

    transport = Logging()
    with Sink(transport, linger=0) as sink:
        http_library.addHandler(MozDefHandler(sink))
        for number in range(3):
            http_library.info("own %d", number)
            assert sink.flush(10)
    assert [event["summary"] for event in transport.events] == ["own 0", "own 1", "own 2"]


def test_library_records_at_debug_level(receiver):
    """Records of urllib3 in the program's own threads are events like others."""
    with logger_of(MozDefHandler(receiver.sink), "urllib3.connectionpool") as logger:
        logger.debug("Starting new connection")
    assert receiver.event["severity"] == "DEBUG"


def test_closing_the_handler_keeps_the_sink(receiver):
    """``logging.shutdown`` does not close the sink, which others may use."""
    handler = MozDefHandler(receiver.sink)
    handler.flush()
    handler.close()
    with logger_of(MozDefHandler(receiver.sink)) as logger:
        logger.info("later")
    assert receiver.event["summary"] == "later"


def test_captured_warnings_are_events(receiver):
    """A warning that logging captures is an event."""
    handler = MozDefHandler(receiver.sink)
    logger = logging.getLogger("py.warnings")
    logger.addHandler(handler)
    logging.captureWarnings(True)
    try:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging._showwarning("odd", UserWarning, "file.py", 1)
    finally:
        logging.captureWarnings(False)
        logger.removeHandler(handler)
    assert "UserWarning: odd" in receiver.event["summary"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="taskName is new in 3.12")
def test_name_of_the_task_is_no_field(receiver, log):
    """An attribute that newer Pythons add to every record is not a field of the program."""
    log.info("m")
    assert receiver.event["details"] == {}


class TestProcessorsOfTheHandler:
    """The handler runs processors of its own, as a structlog chain does."""

    def shipped(self, *processors, message="hello", **options):
        transport = MemoryTransport()
        with Sink(transport) as sink:
            handler = MozDefHandler(sink, processors=processors)
            record = logging.makeLogRecord({"msg": message, "name": "app", **options})
            handler.emit(record)
        return transport.events

    def test_they_change_the_event(self):
        """A tag adder and a redactor of the handler reach records of the standard library."""
        (event,) = self.shipped(TagAdder("django"), Redactor(), password="hunter2")
        assert (event["tags"], event["details"]["password"]) == (["django"], "[redacted]")

    def test_one_that_fails_does_not_keep_the_others_from_redacting(self):
        """Where one processor raises, the event arrives, and without its secrets."""

        def fail(logger, name, event_dict):
            raise KeyError

        (event,) = self.shipped(fail, Redactor(), message="password=hunter2")
        assert event["summary"] == "password=[redacted]"

    def test_one_can_drop_the_event(self):
        """A processor that raises DropEvent drops the record."""

        def drop(logger, name, event_dict):
            raise structlog.DropEvent

        assert self.shipped(drop) == []

    @pytest.mark.parametrize("native", [False, True])
    def test_they_are_called_with_level_and_logger(self, native):
        """Structlog's own processors find the name of the level and of the logger, as always."""
        transport = MemoryTransport()
        called = []

        def remember(logger, name, event_dict):
            called.append((logger.name, name, event_dict["level"], event_dict["logger"]))
            return event_dict

        processors = [structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, remember]
        with Sink(transport) as sink, logger_of(MozDefHandler(sink, processors=processors)) as log:
            if native:
                with structlog_over(log) as bound:
                    bound.warning("hello")
            else:
                log.warning("hello")
        assert called == [("app.module", "warning", "warning", "app.module")]
        assert transport.events[0]["severity"] == "WARNING"


COLOURED = "\x1b[31m\x1b[1m127.0.0.1\x1b[0m"


@pytest.mark.parametrize("formatter", [None, logging.Formatter("%(message)s")])
def test_colours_are_taken_out(formatter, receiver):
    """The codes that colour a line on a terminal, as werkzeug logs it, are no part of the event."""
    handler = MozDefHandler(receiver.sink)
    handler.setFormatter(formatter)
    with logger_of(handler, "werkzeug") as log:
        log.info("%s - GET", COLOURED)
    assert receiver.event["summary"] == "127.0.0.1 - GET"


def test_coloured_copy_of_uvicorn_is_left_out(receiver):
    """Uvicorn gives each message twice, the second time with colours."""
    with logger_of(MozDefHandler(receiver.sink), "uvicorn.error") as log:
        log.info("Started %d", 7, extra={"color_message": "Started \x1b[36m%d\x1b[0m", "x": 1})
    assert (receiver.event["summary"], receiver.event["details"]) == ("Started 7", {"x": 1})


def test_colours_in_fields_stay(receiver, log):
    """Such codes in a field may be what an attacker sent: they are kept as they are."""
    log.info("hello", extra={"username": COLOURED})
    assert receiver.event["details"]["username"] == COLOURED


def test_events_of_failing_processors_can_be_dropped():
    """A processor that drops an event is heard also where one before it has failed."""

    def fail(logger, name, event_dict):
        raise KeyError

    def drop(logger, name, event_dict):
        raise structlog.DropEvent

    kept = KeptEvents()
    MozDefHandler(kept, processors=[fail, drop]).handle(logging.makeLogRecord({"msg": "hello"}))
    assert kept.encoded == []
