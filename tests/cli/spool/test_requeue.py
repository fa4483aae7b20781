"""``spool requeue`` sends dead letters again, and loses none."""

from __future__ import annotations

import json
import threading

import orjson
from support.handmade_spools import events, letters, orphan
from support.receivers import OK, Receiver, answer
from support.running import finish, start_command
from support.spool_commands import SPOOL, here, orphan_for, sent, spool_command
from support.spool_contents import waiting

from structlog_mozdef.buffers.spool.dead_letters import DeadLetterFile
from structlog_mozdef.buffers.spool.folder import SpoolFolder


def test_requeue(tmp_path):
    """Dead letters that are queued again are delivered by the next drain."""
    rejects = True
    with Receiver(lambda request: answer(400) if rejects else OK) as receiver:
        orphan_for(receiver, tmp_path, events(1, 2))
        assert spool_command("drain", tmp_path, receiver.url).returncode == 1
        assert len(letters(tmp_path)) == 2
        rejects = False
        result = spool_command("requeue", tmp_path)
        assert result.stdout == "2 dead letters will be sent again by the next sink or drain\n"
        assert letters(tmp_path) == []
        assert spool_command("drain", tmp_path, receiver.url).returncode == 0
        assert sent(receiver) == ["event 1", "event 2"]


def dead_letter(destination, event, reason="HTTP 400", **more):
    """A line as a sink writes it."""
    head = {"time": "2026-03-18T23:20:31.013344+00:00", "reason": reason, **more}
    head["destination"] = getattr(destination, "url", destination)
    return orjson.dumps({**head, "event": orjson.Fragment(event)}) + b"\n"


def test_what_is_no_event_stays(receiver, tmp_path, capsys):
    """Damaged lines stay among the dead letters, byte for byte, and are counted."""
    no_event = b'{"reason":"torn","destination":"x","line":"{"}\n'
    file = tmp_path / "dead-letters.ndjson"
    file.write_bytes(no_event + dead_letter(receiver, b"{}") + b"garbage \xff")
    result = here(capsys, "requeue", tmp_path)
    assert result.stdout.startswith("1 dead letter will be sent again")
    assert result.stderr == "2 damaged dead letters cannot be sent again\n"
    assert file.read_bytes() == no_event + b"garbage \xff"


def test_nothing_to_requeue(tmp_path, capsys):
    """Without dead letters, or without any that are selected, nothing is written."""
    assert here(capsys, "requeue", tmp_path).stdout.startswith("0 dead letters will")
    (tmp_path / "dead-letters.ndjson").write_bytes(dead_letter("http://x/", b"{}"))
    result = here(capsys, "requeue", tmp_path, "--reason", "another")
    assert (result.returncode, result.stdout[:14]) == (0, "0 dead letters")
    assert [path.name for path in tmp_path.iterdir()] == ["dead-letters.ndjson"]


def test_the_event_is_the_same(tmp_path, capsys):
    """What is sent again are the bytes that were rejected: large numbers are not rounded, say."""
    event = '{ "n": 123456789012345678901234567890,\t"f": 1.0, "summary": "\u00e9\x7f" }'.encode()
    (tmp_path / "dead-letters.ndjson").write_bytes(dead_letter("http://x/", event))
    assert here(capsys, "requeue", tmp_path).returncode == 0
    assert waiting(tmp_path) == [event]


def test_requeue_of_a_selection(receiver, tmp_path, capsys):
    """Only the selected letters are sent again; all the others stay as they are."""
    lines = [
        dead_letter(receiver, b'{"summary":"one"}', "HTTP 413"),
        dead_letter(receiver, b'{"summary":"two"}', "HTTP 400"),
        dead_letter(receiver, b'{"summary":"TWO"}', "HTTP 413"),
    ]
    (tmp_path / "dead-letters.ndjson").write_bytes(b"".join(lines))
    result = here(capsys, "requeue", tmp_path, "--reason", "413", "--summary", "two")
    assert result.stdout.startswith("1 dead letter will")
    assert waiting(tmp_path) == [b'{"summary":"TWO"}']
    assert (tmp_path / "dead-letters.ndjson").read_bytes() == b"".join(lines[:2])


def test_letters_for_two_destinations(tmp_path, capsys):
    """A folder serves one destination: nothing is requeued, unless it is said where to."""
    lines = [dead_letter("http://one/", b'{"n":1}'), dead_letter("http://two/", b'{"n":2}')]
    file = tmp_path / "dead-letters.ndjson"
    file.write_bytes(b"".join(lines))
    result = here(capsys, "requeue", tmp_path)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "--to URL" in result.stderr
    assert (list(tmp_path.iterdir()), file.read_bytes()) == ([file], b"".join(lines))
    to = here(capsys, "requeue", tmp_path, "--to", "https://user:secret@three/")
    assert to.returncode == 0, to.stderr
    [stream] = tmp_path.iterdir()
    assert json.loads((stream / "stream.json").read_text())["destination"] == "https://three/"
    assert waiting(tmp_path) == [b'{"n":1}', b'{"n":2}']


def test_a_process_that_writes_meanwhile(receiver, tmp_path):
    """Letters that are added while others are requeued or purged are all kept, or sent."""
    own = SpoolFolder(tmp_path, receiver.url)
    file = DeadLetterFile(own, 10**9)
    numbers = range(3000)
    added, done = threading.Event(), threading.Event()

    def add():
        for number in numbers:
            reason = "again" if number % 2 else "purge"
            file.write(file.encode(b'{"summary":"%d"}' % number, reason), patience=30.0)
            if number > 100:
                added.set()
        done.set()

    thread = threading.Thread(target=add)
    thread.start()
    assert added.wait(20)
    while not done.is_set():
        for action in (["requeue", "--reason", "again"], ["purge", "--summary", "5"]):
            result = spool_command(*action, tmp_path)
            assert result.returncode == 0, result.stderr
    thread.join()
    own.close()
    assert spool_command("requeue", tmp_path, "--reason", "again").returncode == 0
    found = [
        orjson.loads(event)["summary"] for event in waiting(tmp_path) if b"reason" not in event
    ]
    kept = [letter["event"]["summary"] for letter in letters(tmp_path)]
    assert len(found) == len(set(found))
    assert {*found, *kept} >= {str(number) for number in numbers if "5" not in str(number)}
    assert not set(found) & set(kept)


def test_two_at_once(tmp_path):
    """Of several commands at the same moment, each letter is removed by one."""
    lines = [
        dead_letter("http://x/", b'{"n":%d}' % number, "ab"[number % 2]) for number in range(5000)
    ]
    (tmp_path / "dead-letters.ndjson").write_bytes(b"".join(lines))
    processes = [
        start_command([*SPOOL, "requeue", "--reason", text, str(tmp_path)])
        for text in ("a", "b", "a")
    ]
    said = [finish(process).stdout for process in processes]
    counts = [int(text.split()[0].replace(",", "")) for text in said]
    assert sum(counts) == 5000
    assert sorted(orjson.loads(event)["n"] for event in waiting(tmp_path)) == list(range(5000))
    assert not list(tmp_path.glob("dead-letters*"))


def test_requeue_for_another_destination(receiver, tmp_path, capsys):
    """Letters for a destination that is not the spool's are kept, with a sentence."""
    orphan(tmp_path, events(1))
    letter = {"reason": "HTTP 400", "destination": receiver.url, "event": {"summary": "event"}}
    (tmp_path / "dead-letters.ndjson").write_text(json.dumps(letter) + "\n")
    result = here(capsys, "requeue", tmp_path)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert letters(tmp_path) == [letter]
