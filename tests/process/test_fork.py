"""A fork at any moment: nobody hangs, nothing is lost, nothing is sent twice."""

from __future__ import annotations

import ssl
import time

import pytest
import trustme
from support.receivers import OK, Receiver
from support.running import run

from structlog_mozdef.process.fork import after_fork_in_child, reset_after_fork


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def test_forks_while_threads_log_and_the_sender_sends():
    """Every event of the parent and of each child arrives exactly once, and nobody hangs."""
    with Receiver() as receiver:
        logged = run("fork_while_logging", receiver.url, 60).stdout.split()
        expected = [f"child {number} {event}" for number in range(60) for event in range(5)]
        for thread, count in enumerate(logged):
            expected += [f"parent {thread} {event}" for event in range(int(count))]
        assert sorted(receiver.summaries()) == sorted(expected)


def test_a_child_uses_a_connection_of_its_own():
    """The parent's requests come on one connection, the child's on another."""
    with Receiver() as receiver:
        run("fork_and_keep_alive", receiver.url)
        connections = {
            event["summary"]: request.connection
            for request in receiver.accepted
            for event in request.events()
        }
        assert connections["before"] == connections["after"] != connections["child"]


def test_a_child_says_nothing_on_the_parents_tls_connection(authority, tmp_path):
    """Over TLS as well the parent goes on with its connection after the child has exited."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with Receiver(tls=context) as receiver:
        run("fork_and_keep_alive", receiver.url, bundle)
        assert (sorted(receiver.summaries()), receiver.connections) == (
            ["after", "before", "child"],
            2,
        )


def test_a_child_leaves_the_parents_events_to_the_parent():
    """A flush in a child does not wait for what the parent has accepted, and sends none of it."""

    def slowly(request):
        time.sleep(0.1)
        return OK

    with Receiver(slowly) as receiver:
        run("fork_with_backlog", receiver.url)
        assert sorted(receiver.summaries()) == sorted(f"parent {number}" for number in range(20))


# What other tests have left open is reset as well: connections without a word.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_object_that_cannot_be_reset_does_not_spoil_the_others():
    """Every object is reset after a fork, whatever another one raises."""
    reset = []

    class Resettable:
        def after_fork_in_child(self):
            reset.append(self)
            raise OSError("broken")

    objects = [Resettable() for _ in range(3)]
    for instance in objects:
        reset_after_fork(instance)
    with pytest.raises(OSError):
        after_fork_in_child()
    assert set(reset) == set(objects)
