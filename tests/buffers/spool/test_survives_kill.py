"""``kill -9`` at any moment loses no event whose log call has returned."""

from __future__ import annotations

import random

import pytest
from support.running import run
from support.spool_contents import Ledger, by_stream, drain, repeated

LIVES = 100
BATCH = 100


@pytest.mark.slow
def test_a_hundred_kills(tmp_path):
    """No event whose log call returned is lost, each life in its order, few are repeated."""
    counters = tmp_path / "counters"
    counters.write_bytes(bytes(8 * LIVES))
    folder = tmp_path / "spool"
    seed = random.randrange(10**9)
    ledger = Ledger()
    with ledger.receiver as receiver:
        run("spool_lives", receiver.url, folder, counters, LIVES, seed, timeout=90)
        assert drain(receiver.url, folder)
    content = counters.read_bytes()
    returned = [int.from_bytes(content[8 * life : 8 * life + 8], "little") for life in range(LIVES)]
    arrived = by_stream(ledger.summaries)
    wrong = {
        life: count
        for life, count in enumerate(returned)
        # One more may be written whose call was about to return.
        if arrived.get(str(life), []) not in ([*range(count)], [*range(count + 1)])
    }
    print(f"seed {seed}: {sum(returned)} events, {repeated(ledger.summaries)} repeated")
    assert (wrong, repeated(ledger.summaries) <= LIVES * BATCH) == ({}, True)
    assert sum(count > 0 for count in returned) > LIVES / 2
