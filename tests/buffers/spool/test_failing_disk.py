"""A disk that fails at random, and processes that are killed on it, lose no event."""

from __future__ import annotations

import json
import mmap
import re
import shutil
import subprocess
from collections import Counter

import pytest
from support.handmade_spools import drain, spool_on
from support.running import PROGRAMS, run

from structlog_mozdef.buffers.spool.folder import SpoolFolder
from structlog_mozdef.cli.spool.letters import read_letters

LIVES = 100


def whole_lines(path):
    """Yield the lines of the file that the killed processes wrote what they delivered to.

    A kill can end a write(2) of several pages after any of them. What is cut off so was not settled
    and comes again.
    """
    content, line = path.read_bytes(), re.compile(rb'\{"summary": "\d+ \d+"\}\n')
    at = 0
    while at < len(content):
        if found := line.match(content, at):
            yield found[0]
            at = found.end()
        else:
            following = content.find(b"{", at + 1)
            at = len(content) if following < 0 else following
            assert at % mmap.PAGESIZE == 0


@pytest.mark.skipif(shutil.which("gcc") is None, reason="a C compiler makes the disk fail")
@pytest.mark.parametrize("one_in", [8, 40, 300])
def test_hundreds_of_lives(tmp_path, one_in):
    """Writes, locks, renames and all else fail; every event that was safe is delivered, whole."""
    library = tmp_path / "failing_disk.so"
    source = PROGRAMS / "failing_disk.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    folder, safe, delivered = (tmp_path / name for name in ("the-spool", "safe", "delivered"))
    folder.mkdir(0o700)
    safe.write_bytes(bytes(8 * LIVES))
    environment = {"LD_PRELOAD": str(library), "FAULTS_ON": "/the-spool", "FAULTS_IN": str(one_in)}
    run("spool_on_failing_disk", folder, safe, delivered, LIVES, env=environment, timeout=200)
    spool = spool_on(folder)
    found = [*whole_lines(delivered), *drain(spool)]
    spool.close()
    arrived = Counter(json.loads(line)["summary"] for line in found)
    counts = safe.read_bytes()
    expected = {
        f"{life} {number}"
        for life in range(LIVES)
        for number in range(int.from_bytes(counts[8 * life : 8 * life + 8], "little"))
    }
    assert len(expected) > LIVES * 10
    missing = expected - arrived.keys()
    assert not missing
    # Parts of events are dead letters, and no event is.
    letters = read_letters(SpoolFolder.existing(folder))
    assert not [letter for letter in letters if "event" in letter.values]
