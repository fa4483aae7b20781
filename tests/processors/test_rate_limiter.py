"""The same event that comes too often is counted, and told: never lost without a word."""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import logging
import pickle
import re
import threading
import time
import timeit
import tracemalloc

import pytest
import structlog
from support.destinations import KeptEvents, structlog_defaults
from support.receivers import Receiver
from support.running import start, wait_for
from support.storms import storm, stormy

import structlog_mozdef as mozdef
from structlog_mozdef._deadline import Deadline
from structlog_mozdef.processors import held_back
from structlog_mozdef.testing import MemoryTransport, capture_events

FOREVER = 3600.0


@pytest.fixture(autouse=True)
def structlog_as_it_was():
    with structlog_defaults():
        yield


@pytest.fixture
def kept():
    return KeptEvents()


@pytest.fixture
def configured(kept):
    """Configure structlog with a limiter before the sequence; return a logger."""

    def configured(*args, before=(), after=(), **options):
        structlog.configure(
            processors=[
                *before,
                mozdef.RateLimiter(*args, **options),
                *after,
                mozdef.SequenceAdder(),
                mozdef.MozDefRenderer(),
            ],
            logger_factory=mozdef.MozDefLoggerFactory(kept),
        )
        return structlog.get_logger("accounts")

    return configured


class Nowhere:
    def put(self, event):
        pass


def tell_now():
    """Have everything told, as each flush of a sink does."""
    assert mozdef.Sink(MemoryTransport()).flush()


def told(events):
    return [event for event in events if "rate_limited" in event["details"]]


def passed(events):
    return [event for event in events if "rate_limited" not in event["details"]]


def counted(events):
    """How many events are there, those that were counted included."""
    return len(passed(events)) + sum(
        event["details"]["rate_limited"]["count"] for event in told(events)
    )


def test_what_is_held_back_is_told(configured, kept):
    """When the interval is over, one event tells how many were held back, when, and which."""
    log = configured(3, 0.5, names=["username"], before=[mozdef.TagAdder("vpn")])
    for number in range(50):
        log.warning("Login failed", username="kang", number=number, category="authentication")
    assert wait_for(lambda: told(kept.events))
    assert len(kept.events) == 4
    event = kept.events[-1]
    details = event["details"]
    limited = details["rate_limited"]
    assert event["summary"] == "Login failed"
    assert (event["severity"], event["category"]) == ("WARNING", "authentication")
    assert (event["source"], event["tags"]) == ("accounts", ["vpn"])
    assert (details["username"], details["sequence"]) == ("kang", 4)
    assert (limited["count"], limited["limit"], limited["interval"]) == (47, 3, 0.5)
    assert kept.events[2]["timestamp"] <= limited["first"] <= limited["last"] < event["timestamp"]
    assert [json.loads(sample) for sample in limited["samples"]] == [
        {"number": 3},
        {"number": 4},
        {"number": 5},
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"event": "Login failed for good"},
        {"category": "audit"},
        {"username": "mallory"},
        {"username": ["kang"]},
        {"username": None},
    ],
)
def test_other_events_pass(configured, kept, other):
    """An event that differs in what makes events the same is counted for itself."""
    log = configured(1, FOREVER, names=["username"])
    same = {"event": "Login failed", "username": "kang"}
    for fields in (same, same, {**same, **other}, same):
        log.info(**fields)
    log.error(**same)
    assert len(kept.events) == 3


def test_the_next_interval_begins_again(configured, kept):
    """After the interval, events pass again, and each interval is told for itself."""
    log = configured(1, 0.3)
    for rounds in (1, 2):
        log.info("a")
        log.info("a")
        assert wait_for(lambda rounds=rounds: len(told(kept.events)) == rounds)
    assert len(kept.events) == 4


def test_no_thread_is_left(configured, kept):
    """The thread that tells ends with the flood."""
    before = set(threading.enumerate())
    log = configured(1, 0.05)
    for _ in range(9):
        log.info("a")
    assert wait_for(lambda: told(kept.events))
    assert wait_for(lambda: set(threading.enumerate()) <= before)


def test_a_log_call_tells_where_no_thread_can(configured, kept, monkeypatch):
    """Where no thread can be started, the next event of any kind tells what was held back."""

    def fail(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    log = configured(1, 0.01)
    for _ in range(5):
        log.info("a")
    number = iter(range(1_000_000))
    assert wait_for(lambda: log.info("other %d", next(number)) or told(kept.events))
    assert told(kept.events)[0]["details"]["rate_limited"]["count"] == 4


@pytest.mark.parametrize("end", ["flush", "close", "return", "raise", "sigterm", "fork"])
def test_the_end_of_a_program_is_told(end):
    """What is held back arrives before a sink is closed and a program ends, which says so once."""
    with Receiver() as receiver:
        program = start("rate_limited", receiver.url, end)
        _, error = program.communicate(timeout=30)
        events = receiver.events()
    line = "490 events were held back since they came too often, the last of them 'Login failed'"
    assert re.fullmatch(rf"rate_limited\.py\[\d+\]: structlog_mozdef: {line}\n", error)
    if end == "fork":  # the child counts for itself, and its event passes
        assert [e["details"]["number"] for e in passed(events)].count(500) == 1
        assert len(told(events)) == 1
        events = [event for event in events if event["details"].get("number") != 500]
    assert (len(events), counted(events)) == (11, 500)
    sequence = [event["details"]["sequence"] for event in events]
    assert sorted(sequence) == list(range(1, 12))


def test_threads_lose_no_count(configured, kept):
    """Every event of many threads passes or is counted, while intervals end all the time."""
    log = configured(5, 0.02)

    def log_many():
        for _ in range(3000):
            log.info("a")

    threads = [threading.Thread(target=log_many) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wait_for(lambda: counted(kept.events) >= 18_000)
    assert counted(kept.events) == 18_000
    assert len(passed(kept.events)) < 9_000


def test_hostile_summaries_take_little_memory(configured):
    """A program that logs what it is sent remembers a bounded number of bytes of it."""
    log = configured(1, FOREVER)
    structlog.configure(logger_factory=mozdef.MozDefLoggerFactory(Nowhere()))
    tracemalloc.start()
    try:
        for number in range(12_000):
            log.info("%d %s", number, "x" * 5_000)
        for number in range(1_200):
            for _ in range(2):
                log.info("Upload", category=f"{number} {'x' * 5_000}", body="x" * 5_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_more_floods_than_are_kept_are_told(configured, kept):
    """Where too many different events come too often, older floods are told before their end."""
    log = configured(1, FOREVER)
    for number in range(1_100):
        for _ in range(3):
            log.info("Upload", category=str(number))
    assert wait_for(lambda: len(kept.encoded) >= 1_100 + 500)
    assert all(event["details"]["rate_limited"]["count"] == 2 for event in told(kept.events))


def test_a_handler_tells_through_its_own_chain(kept):
    """Among the processors of a handler, what is held back is told through those behind it."""
    limiter = mozdef.RateLimiter(1, FOREVER)
    handler = mozdef.MozDefHandler(kept, processors=[limiter, mozdef.TagAdder("vpn")], redact=True)
    logger = logging.getLoggerClass()("accounts")
    logger.addHandler(handler)
    for number in range(4):
        logger.warning("Login failed", extra={"number": number, "password": "hunter2"})
    tell_now()
    (event,) = told(kept.events)
    assert (event["tags"], event["source"], event["severity"]) == (["vpn"], "accounts", "WARNING")
    assert counted(kept.events) == 4
    assert b"hunter2" not in b"".join(kept.encoded)


def test_a_formatter_tells_through_its_own_chain(kept):
    """In a ProcessorFormatter of a handler, what is held back is told through those behind it."""
    handler = mozdef.MozDefHandler(kept)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                mozdef.RateLimiter(1, FOREVER),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mozdef.TagAdder("vpn"),
                mozdef.MozDefRenderer(),
            ]
        )
    )
    logger = logging.getLoggerClass()("accounts")
    logger.addHandler(handler)
    for _ in range(4):
        logger.warning("Login failed")
    tell_now()
    assert told(kept.events)[0]["tags"] == ["vpn"]
    assert counted(kept.events) == 4


def test_a_tee_and_a_console_are_told(kept):
    """Before a tee, what is held back is told to MozDef and on the console."""
    printed = []

    class Console:
        def info(self, line):
            printed.append(line)

    structlog.configure(
        processors=[
            mozdef.RateLimiter(1, FOREVER),
            mozdef.MozDefTee(kept),
            structlog.processors.KeyValueRenderer(),
        ],
        logger_factory=lambda *_: Console(),
    )
    for _ in range(4):
        structlog.get_logger().info("a")
    tell_now()
    assert len(printed) == 2
    assert counted(kept.events) == 4
    assert kept.events[1]["source"] == kept.events[0]["source"] == __name__
    assert "'count': 3" in printed[1]


def test_a_second_limiter_lets_it_pass(configured, kept):
    """What one limiter tells is not held back by another one."""
    log = configured(2, FOREVER, after=[mozdef.RateLimiter(2, FOREVER)])
    for _ in range(4):
        log.info("a")
    tell_now()
    assert counted(kept.events) == 4


def test_a_chain_of_its_own_is_given(kept):
    """Outside of structlog's configuration, `then` is what follows."""
    then = [mozdef.MozDefRenderer(category="mine")]
    limiter = mozdef.RateLimiter(1, FOREVER, then=then)
    log = structlog.wrap_logger(mozdef.MozDefLogger(kept), processors=[limiter, *then])
    for _ in range(4):
        log.info("a")
    tell_now()
    assert {event["category"] for event in kept.events} == {"mine"}


def test_without_a_chain_it_is_told_all_the_same(kept):
    """Where it is not known what follows, the event is rendered as by default."""
    limiter = mozdef.RateLimiter(1, FOREVER)
    log = structlog.wrap_logger(
        mozdef.MozDefLogger(kept), processors=[limiter, mozdef.MozDefRenderer()]
    )
    for _ in range(4):
        log.info("a")
    tell_now()
    assert counted(kept.events) == 4


def test_samples_are_redacted(configured, kept):
    """Samples have no secrets, whether the redactor stands before the limiter or behind it."""
    log = configured(1, FOREVER, after=[mozdef.Redactor(names=["badge"])])
    for _ in range(3):
        log.info("a", badge="1234", password="hunter2")
    tell_now()
    assert told(kept.events)
    assert b"1234" not in b"".join(kept.encoded)
    assert b"hunter2" not in b"".join(kept.encoded)


def test_what_cannot_be_told_is_warned_of(configured, caplog):
    """Where a processor of the program fails, a warning says how many events were held back."""

    def fail(logger, name, event_dict):
        if "rate_limited" in event_dict:
            raise KeyError
        return event_dict

    log = configured(1, FOREVER, after=[fail])
    for _ in range(4):
        log.info("Login failed")
    tell_now()
    (message,) = caplog.messages
    assert message == (
        "3 events were held back since they came too often, the last of them 'Login failed', and"
        " telling them failed with KeyError"
    )


def test_a_warning_says_how_many(configured, caplog):
    """Somebody who sees the warnings only learns how many were held back, of all floods."""
    log = configured(1, FOREVER)
    for summary in ("Login failed", "Token expired"):
        for _ in range(4):
            log.info(summary)
    tell_now()
    (message,) = caplog.messages  # the second one comes a minute later, or at the end
    assert message == (
        "3 events were held back since they came too often, the last of them 'Login failed'"
    )


def test_a_limiter_that_nobody_holds_tells(configured, kept):
    """A program that is configured again tells what the limiter of before has held back."""
    log = configured(1, FOREVER)
    for _ in range(4):
        log.info("a")
    structlog.configure(processors=[mozdef.MozDefRenderer()])
    del log
    gc.collect()
    tell_now()
    assert counted(kept.events) == 4


def test_limiters_are_made_while_others_tell(kept):
    """A flush while another thread makes limiters raises nothing."""
    end = threading.Event()

    def make():
        while not end.is_set():
            kept_limiters.append(mozdef.RateLimiter())
            del kept_limiters[:-50]

    kept_limiters = []
    thread = threading.Thread(target=make)
    thread.start()
    try:
        for _ in range(300):
            held_back.tell(Deadline.after(1.0))
    finally:
        end.set()
        thread.join()


def test_what_was_held_back_is_counted(configured):
    """A limiter counts what it has held back."""
    limiter = mozdef.RateLimiter(2, FOREVER)
    for number in range(5):
        with contextlib.suppress(structlog.DropEvent):
            limiter(None, "info", {"event": "a", "number": number})
    assert limiter.held_back == 3
    tell_now()
    assert limiter.held_back == 3


class Logs:
    """A value whose representation logs the event that it is in."""

    def __init__(self, log):
        self.log = log

    def __repr__(self):
        self.log.info("a")
        return "logs"


class Fails:
    def __repr__(self):
        raise ValueError


@pytest.mark.parametrize("kind", [Logs, lambda log: Fails()])
def test_values_do_what_they_like(configured, kept, kind):
    """A value that logs or raises while a sample is taken stops nothing, and no event is lost."""
    log = configured(1, FOREVER)
    for _ in range(3):
        log.info("a", value=kind(log))
    tell_now()
    assert told(kept.events)
    assert counted(kept.events) >= 3


@stormy
def test_signal_handlers_may_raise(configured, kept):
    """Events whose log call has returned passed or are counted, whatever signal handlers raise."""
    log = configured(3, 0.01)
    returned = calls = 0

    def call():
        nonlocal returned, calls
        calls += 1
        log.info("a")
        returned += 1

    assert storm(call, raises=1500) == 1500
    log.info("a")  # where the last one was interrupted in the start of the thread
    assert wait_for(lambda: counted(kept.events) > returned)
    assert counted(kept.events) <= calls + 1
    assert told(kept.events)


def test_a_capture_counts_from_the_beginning(configured):
    """Tests that capture events do not depend on what was logged before them, and need not wait."""
    log = configured(2, FOREVER)
    structlog.configure(
        logger_factory=mozdef.MozDefLoggerFactory(mozdef.Sink("http://127.0.0.1:1/events"))
    )
    for _ in range(2):
        with capture_events() as events:
            for _ in range(5):
                log.info("a")
            assert counted(events) == 5
            assert len(events) == 3


def test_an_event_that_passes_costs_less_than_a_microsecond():
    """The quickest of many rounds is about a third of that, whatever else the machine does."""
    limiter = mozdef.RateLimiter(limit=1_000_000_000)
    event_dict = {"event": "User logged in", "username": "kang"}
    rounds = timeit.repeat(
        lambda: limiter(None, "info", event_dict), timer=time.thread_time, number=2_000, repeat=50
    )
    assert min(rounds) / 2_000 < 1e-6


def test_copies_count_for_themselves():
    """A copy, by a pickle or not, has the same settings and counts for itself."""
    limiter = mozdef.RateLimiter(1, FOREVER, names=["username"])
    for each in (limiter, copy.copy(limiter), copy.deepcopy(limiter), pickle.dumps(limiter)):
        used = pickle.loads(each) if isinstance(each, bytes) else each
        assert repr(used) == "RateLimiter(limit=1, interval=3600.0, names=('username',))"
        assert used(None, "info", {"event": "a"}) == {"event": "a"}


@pytest.mark.parametrize(
    "options",
    [
        {"limit": 0},
        {"limit": True},
        {"interval": 0},
        {"interval": "10"},
        {"names": "username"},
        {"names": [5]},
        {"names": 5},
        {"samples": -1},
    ],
)
def test_settings_that_cannot_work_are_refused(options):
    """A bad argument is one sentence that names it."""
    with pytest.raises(ValueError, match=f"{next(iter(options))}.* is .*; it must be"):
        mozdef.RateLimiter(**options)
