"""What all actions for spools do with a folder that they cannot use."""

from __future__ import annotations

import fcntl
import os

import pytest
from support.spool_commands import here, spool_command


@pytest.mark.parametrize("action", ["list", "drain", "dead-letters", "requeue", "purge"])
def test_no_such_folder(action, tmp_path, capsys):
    """A folder that is missing is not made: one sentence, and the status is 2."""
    arguments = ["http://127.0.0.1:9/events"] if action == "drain" else []
    result = here(capsys, action, tmp_path / "missing", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("error: spool is ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "missing").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_that_others_can_write(tmp_path, capsys):
    """A folder that others can write to is rejected in one sentence, and the status is 2."""
    tmp_path.chmod(0o777)
    result = here(capsys, "list", tmp_path)
    assert result.returncode == 2
    assert "nobody else may write to it" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("action", ["dead-letters", "requeue", "purge", "list"])
def test_dead_letters_that_are_no_file(action, tmp_path, capsys):
    """A pipe instead of the dead letters is not waited for: one sentence, status 2."""
    os.mkfifo(tmp_path / "dead-letters.ndjson")
    result = here(capsys, action, tmp_path)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)


def test_dead_letters_that_a_stopped_process_has_locked(tmp_path):
    """`list` and `dead-letters` do without the lock; `purge` says in a sentence why it cannot."""
    file = tmp_path / "dead-letters.ndjson"
    file.write_text('{"reason": "x", "event": {}}\n')
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "1 dead letter" in spool_command("list", tmp_path, timeout=20).stdout
        assert "reason" in spool_command("dead-letters", tmp_path, timeout=20).stdout
        result = spool_command("purge", tmp_path, timeout=20)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
        assert "another process keeps dead-letters.ndjson locked" in result.stderr
    assert spool_command("purge", tmp_path).stdout == "1 dead letter removed\n"
