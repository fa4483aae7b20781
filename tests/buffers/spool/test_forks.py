"""Forks of a process with a spool: nothing is lost, nothing is sent twice, nobody hangs."""

from __future__ import annotations

import os
import signal
import sys
import time
import urllib.request
from collections import Counter

import pytest
from support.receivers import OK, Receiver
from support.running import PROGRAMS, finish, free_port, run, start, start_command, wait_for
from support.spool_contents import drain, streams

WORKERS = sorted(["main", *(f"{number} {event}" for number in range(4) for event in range(10))])


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


def test_a_child_leaves_the_parents_events_to_the_parent(folder):
    """A flush in a child does not wait for what the parent has accepted, and sends none of it."""

    def slowly(request):
        time.sleep(0.1)
        return OK

    with Receiver(slowly) as receiver:
        run("fork_with_backlog", receiver.url, env={"SPOOL": str(folder)})
        assert sorted(receiver.summaries()) == sorted(f"parent {number}" for number in range(20))


def test_a_child_has_a_stream_of_its_own_from_its_first_event_on(folder):
    """A child makes no stream without an event, its own with one, and leaves the parent's alone."""
    with Receiver() as receiver:
        seen = run("spool_child", receiver.url, folder).stdout.split()
        assert seen == ["1", "1", "unchanged", "2", "unchanged"]


def test_forks_while_threads_log_and_the_sender_sends(folder):
    """Every event of the parent and of each child arrives exactly once, and nobody hangs."""
    with Receiver() as receiver:
        environment = {"SPOOL": str(folder)}
        logged = run("fork_while_logging", receiver.url, 60, env=environment).stdout.split()
        assert drain(receiver.url, folder)
        expected = [f"child {number} {event}" for number in range(60) for event in range(5)]
        for thread, count in enumerate(logged):
            expected += [f"parent {thread} {event}" for event in range(int(count))]
        assert sorted(receiver.summaries()) == sorted(expected)


def test_processes_that_look_into_the_folder_at_once(folder):
    """A parent and its children see every stream, though they share a descriptor of the folder."""
    assert run("spool_look", folder).stdout.split() == ["0", "0"]


def test_forks_while_the_sink_is_closed(folder):
    """A fork in the middle of `Sink.close` leaves the child a sink that works."""
    with Receiver() as receiver:
        logged = int(run("spool_fork_and_close", receiver.url, folder).stdout)
        assert drain(receiver.url, folder)
        arrived = set(receiver.summaries())
        assert arrived == {
            *(f"parent {number}" for number in range(logged)),
            *(f"child {number}" for number in range(150)),
        }


def test_a_child_holds_no_lock_of_its_dead_parent(folder):
    """What a parent held that adopts while it forks is adopted once it is dead, children or not."""
    with Receiver() as receiver:
        run("spool_orphans", receiver.url, folder, 150, 2)
        process = start("spool_fork_and_adopt", receiver.url, folder, stdin=-1)
        assert process.stdout.readline() == "forked\n"
        process.kill()
        try:
            assert drain(receiver.url, folder, 20)
            assert len(set(receiver.summaries())) == 300
        finally:
            process.communicate("end")  # its children read the same pipe


@pytest.mark.slow
def test_a_thousand_children(folder):
    """All events arrive, and once; but for a child that dies in the middle of its own sending."""
    with Receiver() as receiver:
        logged = run("spool_fork_loop", receiver.url, folder, 1000, timeout=240).stdout.split()
        assert drain(receiver.url, folder)
        expected = [f"child {number}" for number in range(1000)]
        for thread, count in enumerate(logged):
            expected += [f"parent-{thread} {event}" for event in range(int(count))]
        arrived = Counter(receiver.summaries())
        repeats = {name for name, count in arrived.items() if count > 1}
        dying = {f"child {number}" for number in range(1000) if number % 4}
        assert sorted(arrived) == sorted(expected)
        assert repeats <= dying
        assert len(repeats) < 100


@pytest.mark.parametrize("library", ["multiprocessing", "pool", "billiard"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_events_of_workers_arrive(library, method, folder):
    """Every event of a worker process arrives once, however it was started."""
    with Receiver() as receiver:
        environment = {"MOZDEF_URL": receiver.url, "SPOOL": str(folder)}
        run("workers", library, method, env=environment)
        assert drain(receiver.url, folder)
        assert sorted(receiver.summaries()) == WORKERS


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.read() == b"done"
    except OSError:
        return False


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["each", "preload"])
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
def test_events_under_gunicorn_arrive(preload, end, folder):
    """Every request's event arrives: once, unless all are killed while it is on its way."""
    with Receiver() as receiver:
        url = f"http://127.0.0.1:{free_port()}/?"
        server = start_command(
            [
                *[sys.executable, "-m", "gunicorn", "--bind", url[7:-2], "--workers", "2"],
                *[*preload, "gunicorn_app:application"],
            ],
            env={"MOZDEF_URL": receiver.url, "SPOOL": str(folder)},
            cwd=PROGRAMS,
            start_new_session=True,
        )
        try:
            assert wait_for(lambda: answers(f"{url}ready"))
            for number in range(20):
                assert answers(f"{url}{number}")
        finally:
            if end == signal.SIGKILL:
                # The workers are in the session of the master.
                os.killpg(server.pid, signal.SIGKILL)
                server.communicate()
            else:
                server.send_signal(end)
                finish(server)
        assert drain(receiver.url, folder)
        summaries = receiver.summaries()
        requests = [name for name in summaries if name.isdigit()]
        assert set(requests) == set(map(str, range(20)))
        assert end == signal.SIGKILL or len(requests) == 20
        # A worker that was killed while it started had logged nothing.
        assert 1 <= summaries.count("imported") <= (1 if preload else 2)
        assert streams(folder) == []
