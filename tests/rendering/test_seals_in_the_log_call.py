"""Events are sealed as the documents say, by keys that move on, and a log call never raises."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import logging
import multiprocessing
import os
import pickle
import signal
import stat
import sys
import threading
from decimal import Decimal

import orjson
import pytest
import structlog
from support.destinations import structlog_defaults
from support.running import forks
from support.sealing import RENDERER, Sealing, rendered

from structlog_mozdef import (
    MozDefHandler,
    MozDefLogger,
    MozDefRenderer,
    MozDefTee,
    Sink,
    configure,
)
from structlog_mozdef.rendering.fields import FIELDS
from structlog_mozdef.rendering.sealing.key_file import KeyFile, create_key
from structlog_mozdef.testing import MemoryTransport


@pytest.fixture
def sealing(tmp_path):
    tmp_path.chmod(0o700)
    return Sealing(tmp_path)


def step(key, label):
    return hmac.new(key, label.encode(), hashlib.sha256).digest()


def expected_mac(first_key, event):
    """The seal of *event* after the documents, with the standard library alone."""
    details = event["details"]
    version, key_id, start, _ = details["seal"].split(".")
    stream_id, number = details["stream_id"], details["sequence"]
    assert (version, key_id) == ("1", step(first_key, "id").hex()[:8])
    key = first_key
    for _ in range(int(start) - 1):
        key = step(key, "start")
    chapter = step(key, f"stream {stream_id}")
    epoch = (number - 1) // 100
    for _ in range(epoch // 1000):
        chapter = step(chapter, "chapter")
    key = step(chapter, "first epoch")
    for _ in range(epoch % 1000):
        key = step(key, "epoch")
    kept = {
        name: details[name] for name in details if name not in ("seal", "sequence", "stream_id")
    }
    form = json.dumps(
        {**event, "details": kept}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    header = f"structlog-mozdef seal 1 {key_id} {start} {stream_id} {number}\n"
    return step(step(key, "seal"), header + form).hex()


def test_the_seal_is_what_the_documents_say(sealing):
    """Whoever has the verification key and the documents can check a seal without this package."""
    sealing.stream(1)
    events = sealing.stream(1_050, text="Zoë", list=[1, 2.5], nested={"b": 1, "a": None})
    for event in (events[0], events[99], events[100], events[-2]):
        assert event["details"]["seal"].split(".")[3] == expected_mac(sealing.first_key, event)


def test_chapters(sealing, monkeypatch):
    """The keys of a later chapter follow from those before it."""
    sink = Sink(MemoryTransport(), seal=sealing.path)
    sealer = sink._sealer
    sealer.seal(rendered("x"))
    for _ in range(1_001):
        epoch = sealer._epoch
        for _ in epoch.numbered:
            pass
        sealer._advance(epoch)
    event = json.loads(sealer.seal(rendered("x")))
    assert event["details"]["sequence"] == 100_101
    assert event["details"]["seal"].split(".")[3] == expected_mac(sealing.first_key, event)


def test_keys_are_wiped(sealing):
    """The key of an epoch is overwritten once the next one has begun, and cannot be found again."""
    sink = Sink(MemoryTransport(), seal=sealing.path)
    sink.put(rendered("x"))
    epoch = sink._sealer._epoch
    key = bytes(epoch._key)
    for _ in range(100):
        sink.put(rendered("x"))
    assert bytes(epoch._key) == bytes(32) == bytes(epoch._next_chapter)
    assert bytes(sink._sealer._epoch._key) != key


def test_the_key_file_moves_on(sealing):
    """Each start replaces the key; the old content is overwritten, and nobody else can read it."""
    before = sealing.path.read_bytes()
    with sealing.path.open("rb") as old:
        sealing.stream(1)
        assert old.read() == bytes(len(before))
    after = sealing.path.read_bytes()
    assert before.split()[4] not in after
    assert stat.S_IMODE(sealing.path.stat().st_mode) == 0o600
    assert [each.name for each in sealing.path.parent.iterdir()] == ["sealing.key"]


def test_a_sink_without_events_does_not_begin(sealing):
    """A process that logs nothing takes no number: nothing of it would be missing."""
    before = sealing.path.read_bytes()
    sink = Sink(MemoryTransport(), seal=sealing.path)
    sink.end_streams()
    sink.close()
    assert sealing.path.read_bytes() == before


def test_threads(sealing):
    """Threads that log together get numbers without a gap, each with its key."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    event = rendered("x")

    def log():
        for _ in range(1_000):
            sink.put(event)

    threads = [threading.Thread(target=log) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.end_streams()
    sink.close()
    report = sealing.verify(transport.events)
    assert (report["proved"], report["streams"][0]["authentic"]) == (True, 6_001)


def test_a_signal_handler_that_logs(sealing):
    """A handler that logs in the middle of a log call gets numbers of its own, and none is lost."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    event = rendered("x")
    handled = []

    def log(*_):
        sink.put(event)
        handled.append(1)

    before = signal.signal(signal.SIGVTALRM, log)
    # By the time that this process runs: on a busy machine, too, it gets on between two signals.
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.002, 0.002)
    try:
        count = 0
        while len(handled) < 30:
            sink.put(event)
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    sink.close()
    (stream,) = sealing.verify(transport.events, partial=True)["streams"]
    assert (stream["authentic"], stream["missing"]["count"]) == (count + len(handled), 0)


@forks
def test_a_forked_child(sealing, tmp_path):
    """A child is a stream of its own, and does not keep its parent's keys."""
    sink = Sink(f"file://{tmp_path}/parent.ndjson", seal=sealing.path)
    sink.put(rendered("parent"))
    epoch = sink._sealer._epoch
    child = os.fork()
    if not child:
        wiped = bytes(epoch._key) == bytes(32)
        sink.put(rendered("child"))
        sink.close()
        os._exit(0 if wiped else 1)
    assert os.waitpid(child, 0)[1] == 0
    sink.put(rendered("parent again"))
    sink.close()
    events = list(map(json.loads, (tmp_path / "parent.ndjson").read_text().splitlines()))
    report = sealing.verify(events)
    assert report["proved"]
    assert sorted(stream["authentic"] for stream in report["streams"]) == [1, 2]


def begin(path, times):
    for _ in range(times):
        KeyFile(path).begin("0" * 16)


def test_processes_share_a_key_file(sealing):
    """Processes that start at the same moment get a start each."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=begin, args=(sealing.path, 10)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 3
    assert sealing.path.read_text().split()[3] == "31"


def test_after_a_crash_in_the_middle(sealing):
    """What a process has left that died while it replaced the key file is destroyed: a key."""
    leftover = sealing.path.parent / ".sealing.key.new"
    leftover.write_text("half of a key")
    with leftover.open("rb") as file:
        assert sealing.verify(sealing.stream(1))["proved"]
        assert file.read() == bytes(len("half of a key"))
    assert not leftover.exists()


@forks
def test_a_fork_while_the_key_file_is_locked(sealing):
    """A child that is forked while another thread has the lock does not keep it."""
    key_file = KeyFile(sealing.path)
    child = 0
    try:
        with key_file._opened():
            child = os.fork()
            if not child:
                signal.pause()
        assert key_file.begin("0" * 16).number == 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_key_file_that_is_used_up(sealing):
    """An auditor knows no more starts: the file says so before events are sealed in vain."""
    words = sealing.path.read_text().split(" ")
    words[3] = "10000001"
    sealing.path.write_text(" ".join(words))
    assert "make another key" in refused(sealing.path)


# All that ships by the same sink


def test_handler_tee_and_others(sealing):
    """Whatever puts an event into the sink has it sealed, in one stream."""
    transport = MemoryTransport()
    with structlog_defaults():
        sink = configure(transport, seal=sealing.path, tags=["web"])
        structlog.get_logger().info("configured", stream_id="mine", sequence=7, seal="x")
        handler = MozDefHandler(sink)
        handler.handle(logging.makeLogRecord({"msg": "handled", "name": "n", "levelno": 20}))
        MozDefTee(sink)(None, "info", {"event": "tee"})
        sink.put(json.dumps({**json.loads(rendered("by hand")), "details": {}}).encode())
        sink.put(rendered("numbered", stream_id="0" * 16, sequence=1))
        sink.end_streams()
        sink.close()
    report = sealing.verify(transport.events)
    (stream,) = report["streams"]
    assert (report["proved"], stream["authentic"], stream["state"]) == (True, 6, "ended")
    details = transport.events[0]["details"]
    assert (details["stream_id_2"], details["sequence_2"], details["seal_2"]) == ("mine", 7, "x")
    assert transport.events[-1]["tags"] == ["web"]


def by_chain(sink, tmp_path):
    log = structlog.wrap_logger(MozDefLogger(sink), processors=[MozDefRenderer()])
    log.info("chain", number=1)


def by_configure(sink, tmp_path):
    with structlog_defaults():
        configure(sink._transport, seal=sink.config.seal)
        structlog.get_logger().info("configured", number=1)


def by_tee(sink, tmp_path):
    MozDefTee(sink)(None, "info", {"event": "tee", "number": 1})


def by_handler(sink, tmp_path):
    record = {"msg": "handled", "name": "n", "levelno": 20, "number": 1}
    MozDefHandler(sink).handle(logging.makeLogRecord(record))


def by_formatter(sink, tmp_path):
    handler = MozDefHandler(sink)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[MozDefRenderer()]))
    handler.handle(logging.makeLogRecord({"msg": "formatted", "name": "n", "levelno": 20}))


def by_a_copy(sink, tmp_path):
    """By a copy of a renderer that was made before any sink sealed."""
    sink.put(copy.deepcopy(RENDERER)(None, "info", {"event": "x", "number": 1}))


@pytest.mark.parametrize(
    "way", [by_chain, by_configure, by_tee, by_handler, by_formatter, by_a_copy]
)
def test_no_way_of_logging_parses(sealing, tmp_path, way):
    """An event that a renderer has made is sealed as it is, whatever has logged it."""
    sink = Sink(MemoryTransport(), seal=sealing.path)
    called = []

    def note(_frame, event, function):
        if event == "c_call":
            called.append(function)

    sys.setprofile(note)
    try:
        way(sink, tmp_path)
    finally:
        sys.setprofile(None)
    assert orjson.dumps in called
    assert orjson.loads not in called
    sink.close()


def test_what_is_changed_after_rendering(sealing):
    """An event that a program has changed on the way is sealed as it is put into the sink."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    event = rendered("x", z=1, a=2)
    sink.put(b"\t" + json.dumps(dict(reversed(json.loads(event).items()))).encode())
    sink.put(event.replace(b'"x"', b'"y"'))
    rendered("another one, which is the latest now")
    sink.put(event)
    sink.close()
    report = sealing.verify(transport.events)
    assert (report["proved"], report["streams"][0]["authentic"]) == (True, 3)


@pytest.mark.parametrize("field", ["summary", "tags", "source"])
def test_whole_floats_outside_the_details(sealing, field):
    """A number without a fraction is an integer in the seal, in each field, and stays as it is."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    value = {"tags": [1.0]}.get(field, 1.0)
    sink.put(json.dumps({**json.loads(rendered("x", a=1)), field: value}).encode())
    sink.close()
    assert isinstance(transport.events[0][field], (float, list))
    assert sealing.verify(transport.events)["streams"][0]["authentic"] == 1


@pytest.mark.parametrize(
    "event",
    [
        b"no json",
        b"[1]",
        b"{}",
        b'{"details": 1}',
        b'{"summary": "x", "details": {}}',
        json.dumps({**dict.fromkeys(FIELDS, 1), "details": []}).encode(),
        json.dumps({name: {"details": {}} for name in FIELDS}).encode(),
    ],
)
def test_what_is_no_event_passes(sealing, event):
    """What is no event of MozDef's goes on as it is, and takes no number."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    sink.put(event)
    sink.put(rendered("x"))
    sink.close()
    first, second = (each for batch in transport.batches for each in batch)
    assert (first, json.loads(second)["details"]["sequence"]) == (event, 1)


def test_braces_in_texts_and_other_orders(sealing):
    """Neither what looks like JSON in a text, nor another order of fields, misleads the sealer."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    trick = '","details":{"a":1},"x":"'
    sink.put(rendered(trick, category=trick, details={"details": {"details": {}}}))
    event = json.loads(rendered("x", details={"a": 1}))
    sink.put(json.dumps(dict(reversed(event.items()))).encode())
    sink.put(json.dumps({**event, "category": {"a": 1, "details": {}}}).encode())
    sink.put(json.dumps({"extra": {"details": {}}, **event}, separators=(",", ":")).encode())
    sink.close()
    report = sealing.verify(transport.events)
    assert report["streams"][0]["authentic"] == 4


def test_pickled_sinks_seal(sealing):
    """A sink that comes to another process seals there as well."""
    sink = Sink("file:///dev/null", seal=sealing.path)
    assert pickle.loads(pickle.dumps(sink)).sealer is not None


# What cannot work


def refused(path):
    with pytest.raises(ValueError, match=r"^seal is .*") as caught:
        Sink(MemoryTransport(), seal=path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_key_files_that_cannot_be_used(sealing):
    """The constructor says in one sentence what is wrong."""
    folder = sealing.path.parent
    content = sealing.path.read_bytes()
    assert "No such file" in refused(folder / "missing")
    assert "whose folder is missing" in refused(folder / "no" / "key")
    for odd in (None, 5, ""):
        if odd is not None:
            assert "must be the path" in refused(odd)
    sealing.path.chmod(0o640)
    assert "mode 640" in refused(sealing.path)
    sealing.path.chmod(0o600)
    (folder / "link").symlink_to(sealing.path)
    refused(folder / "link")
    refused(folder)
    for bad in (b"", content[:-2], content * 2, content.replace(b"sealing", b"verification")):
        sealing.path.write_bytes(bad)
        assert "no sealing key" in refused(sealing.path)
    sealing.path.write_bytes(content)
    folder.chmod(0o777)
    assert "mode 777" in refused(sealing.path)


def test_secrets_are_not_in_errors(sealing):
    """No part of a key is in a message."""
    sealing.path.write_bytes(b"x" + sealing.path.read_bytes())
    assert sealing.first_key.hex() not in refused(sealing.path)


def test_a_seal_needs_its_numbers(sealing):
    """``sequence=False`` contradicts a seal."""
    with pytest.raises(ValueError, match="sequence"):
        configure(MemoryTransport(), seal=sealing.path, sequence=False)


def test_a_key_is_not_replaced(sealing):
    """A key file that exists is left alone."""
    before = sealing.path.read_bytes()
    with pytest.raises(ValueError, match="exists"):
        create_key(str(sealing.path))
    assert sealing.path.read_bytes() == before


@pytest.mark.parametrize(
    "fields",
    [
        {"number": 1, "text": "Zo\xeb", "none": None, "success": True},
        {"whole": 1.0},
        {"nested": {"z": 1, "a": [2.0, 1.5]}, "list": [3.0]},
        {"float": 0.5, "text": "x.0,"},
        {"seal": "x", "sequence": "y", "stream_id": None},
        {"nested": {"seal": "x"}},
        {"timestamp": "2026-01-02T03:04:05+02:00"},
        {"timestamp": "2026-01-02T03:04:05.000006+00:00"},
        {"processid": "main"},
        {"processid": 5},
        {"nothing": float("nan")},
        {"large": "x" * 40_000},
        {"details": {"z": 1, "a": 2}},
        {"decimal": Decimal("1.0")},
        {"exc_info": ValueError("x")},
        {},
    ],
    ids=lambda fields: str(fields)[:50],
)
def test_both_ways_to_the_canonical_form(sealing, fields):
    """What `configure` renders in order, and what is parsed for its seal, is authentic."""
    transport = MemoryTransport()
    with structlog_defaults():
        sink = configure(transport, seal=sealing.path)
        structlog.get_logger("app").info("x", **fields)
        sink.put(MozDefRenderer()(None, "info", {"event": "x", **fields}))
        sink.close()
    report = sealing.verify(transport.events)
    assert (report["proved"], report["streams"][0]["authentic"]) == (True, 2)


def test_a_key_file_that_goes(sealing, caplog):
    """Where the key file is gone at the first event, events pass without a seal, with a warning."""
    transport = MemoryTransport()
    sink = Sink(transport, seal=sealing.path)
    sealing.path.unlink()
    for _ in range(3):
        sink.put(MozDefRenderer()(None, "info", {"event": "x", "source": "tests"}))
    sink.close()
    assert all(event.startswith(b"{") for batch in transport.batches for event in batch)
    assert ["seal" in event["details"] for event in transport.events] == [False] * 3
    assert sum("events are not sealed" in message for message in caplog.messages) == 1
    assert sealing.verify(transport.events)["unsealed"] == 3
