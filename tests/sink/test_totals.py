"""At its end a sink says in one line how many events did not arrive, and why."""

from __future__ import annotations

import gc
import re

from support.receivers import Receiver, answer
from support.running import dead_url, run
from support.transport_doubles import DownTransport

from structlog_mozdef.delivery.retry import RetryPolicy
from structlog_mozdef.sink import Sink
from structlog_mozdef.transports.memory import MemoryTransport


def last_line(stderr: str) -> str:
    """The last line, without the address and the process."""
    return re.sub(r"http://\S+(?=:)", "URL", stderr.splitlines()[-1]).partition(": ")[2]


def test_a_with_block_says_what_it_could_not_send(caplog):
    """When the block ends in an outage, a warning says how many events are left."""
    transport = DownTransport()
    with Sink(transport, retry=RetryPolicy(3e7, 3e7)) as sink:
        for _ in range(3):
            sink.put(b"{}")
    transport.down = False
    assert any(text.startswith("3 events could not be sent to ") for text in caplog.messages)
    assert sink.close()


def test_what_a_collected_sink_has_left_is_sent_at_exit():
    """A sink that goes while events wait in it sends them when the process ends."""
    answers = [answer(503), answer(503)]
    with Receiver(lambda request: answers.pop() if answers else answer(200)) as receiver:
        result = run("exit_cases", "collected", receiver.url)
        assert set(receiver.summaries()) == {"main"}
        assert "did not arrive" not in result.stderr


def test_what_a_collected_sink_has_left_is_said_at_exit():
    """Where that fails as well, the end says how many are lost."""
    stderr = run("exit_cases", "collected", dead_url()).stderr
    assert last_line(stderr).startswith("structlog_mozdef: 1 event did not arrive at URL: 1 not se")


def test_a_sink_that_lost_nothing_goes_silently(capsys):
    """A sink whose events arrived is collected without a word."""
    with Sink(MemoryTransport()) as sink:
        sink.put(b"{}")
    del sink
    gc.collect()
    assert capsys.readouterr().err == ""


def test_what_is_left_is_said_again_when_the_process_ends():
    """A with block has said so, and the end of the process says it once more."""
    lines = run("exit_cases", "with_block", dead_url()).stderr.splitlines()
    assert "3 events could not be sent to " in lines[-2]
    assert last_line(lines[-1]).startswith(
        "structlog_mozdef: 3 events did not arrive at URL: 3 not sent ("
    )


def test_the_end_says_how_many_were_dropped():
    """The first warning may say 3; the last line has all, and those that were not sent."""
    stderr = run("exit_cases", "losses", dead_url()).stderr
    assert re.search(r": [123] events? w\w+ dropped: buffer full$", stderr, re.MULTILINE)
    assert last_line(stderr).startswith(
        "structlog_mozdef: 55 events did not arrive at URL: 45 dropped (buffer full), 10 not sent ("
    )


def test_the_end_says_how_many_were_rejected():
    """Dead letters are in the last line as well."""
    with Receiver(lambda request: answer(400 if b"poison" in request.body else 200)) as receiver:
        stderr = run("exit_cases", "rejected", receiver.url).stderr
    assert (
        last_line(stderr)
        == "structlog_mozdef: 3 events did not arrive at URL: 1 dropped (not bytes), 2 rejected"
    )


def test_the_end_of_a_spool_says_nothing_of_what_it_keeps(tmp_path):
    """Events that wait on disk are not lost, and are no part of the last line."""
    stderr = run("exit_cases", "outage", dead_url(), env={"SPOOL": str(tmp_path)}).stderr
    assert "did not arrive" not in stderr


def test_the_end_of_a_spool_whose_disk_failed(tmp_path):
    """Only those events are lost, and in the last line, that wait in memory."""
    stderr = run("exit_cases", "disk_fails", dead_url(), env={"SPOOL": str(tmp_path)}).stderr
    assert re.findall(r"(\d+) events? did not arrive at \S+ (.*) \(", stderr) == [
        ("2", "2 not sent")
    ]


def test_one_event_waits(caplog):
    """A warning counts in words as a person does."""
    sink = Sink(DownTransport(), retry=RetryPolicy(3e7, 3e7))
    sink.put(b"{}")
    sink.close(5)
    assert any("; 1 event waits, the next attempt" in text for text in caplog.messages)
    assert "1 event waits" in repr(sink)
    sink.mark_reported()
