"""A process that is frozen between its calls, as serverless platforms do, delivers at once."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest
from support.receivers import OK, Receiver
from support.running import finish, start


@pytest.mark.parametrize("closing", ["cut", "announced"])
def test_a_flush_after_a_freeze(closing):
    """After a freeze longer than the server keeps connections, a flush is fast and complete."""

    def respond(request):
        # The server closes the connection after this answer; the client learns it or not.
        if closing == "announced":
            return OK.replace(b"HTTP/1.1", b"HTTP/1.0")

        def answer_and_cut(connection):
            connection.sendall(OK)
            receiver.accepted.append(request)
            time.sleep(0.3)

        return answer_and_cut

    with Receiver(respond) as receiver:
        process = start("frozen", receiver.url, stdin=subprocess.PIPE)
        lines = []
        for _ in range(3):
            process.stdin.write("\n")
            process.stdin.flush()
            lines.append(process.stdout.readline().split())
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            process.send_signal(signal.SIGCONT)
        finish(process)
        assert (lines, receiver.summaries()) == ([["True", "True"]] * 3, ["0", "1", "2"])
