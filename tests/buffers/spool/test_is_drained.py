"""A spool is said to be drained when nothing waits for it, and at no moment before."""

from __future__ import annotations

from support.handmade_spools import drain, events, orphan, spool_on
from support.interruptions import Interruption

from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.buffers.spool.inspect import is_drained


def test_at_each_point_of_an_adoption(tmp_path):
    """An orphan that is locked, and not counted yet, waits."""
    number, happened = 0, True
    while happened:
        path = tmp_path / str(number)
        orphan(path, events(1), events(2, 3))
        folder, spool, answers = SpoolFolder.existing(path), spool_on(path), []

        def ask(folder=folder, spool=spool, answers=answers):
            answers.append(is_drained(folder, spool))

        with Interruption(number, ask) as interruption:
            spool.adopt_orphans()
        happened = interruption.happened
        assert (number, answers) == (number, [False] * happened)
        assert drain(spool) == events(1, 2, 3)
        assert is_drained(folder, spool)
        spool.close()
        folder.close()
        number += 1
    assert number > 50


def test_at_each_point_of_the_look(tmp_path):
    """An orphan that is adopted in the middle of the look waits."""
    number, happened = 0, True
    while happened:
        path = tmp_path / str(number)
        orphan(path, events(1))
        folder, spool = SpoolFolder.existing(path), spool_on(path)
        with Interruption(number, spool.adopt_orphans) as interruption:
            assert not is_drained(folder, spool), number
        happened = interruption.happened
        spool.close()
        folder.close()
        number += 1
    assert number > 20
