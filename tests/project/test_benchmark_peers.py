"""The libraries that are compared get their events through, and nothing shows their speed alone."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
from pathlib import Path

import pytest

from benchmarks.counting_receiver import counting_receiver
from benchmarks.peers import FLOOR, PEERS, SENDERS, Destination
from benchmarks.results import lost_of, lost_share
from benchmarks.running import Child, disk_folder, settled

ROOT = Path(__file__).parents[2]
RESULTS = (ROOT / "benchmarks" / "RESULTS.rst").read_text("utf-8")
EVENTS = 100


def installed(peer):
    try:
        for name in peer.distributions:
            importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


# The others are installed for ``make bench`` alone; MozDefEvent hangs now and then.
INSTALLED = [
    key for key, peer in SENDERS.items() if installed(peer) and key != "mozdef-client-event"
]


def with_marks(key):
    return pytest.param(key, marks=[pytest.mark.rsyslog] if key.startswith("json-file") else [])


@pytest.mark.parametrize("key", [with_marks(key) for key in INSTALLED])
def test_events_arrive(key):
    """With a receiver that is up, each event of a library arrives until it is closed."""
    with disk_folder() as folder, counting_receiver(keep=True) as receiver:
        destination = Destination(receiver.port, folder)
        with PEERS[key].agent(destination):
            child = Child("speed", key, receiver.port, folder, events=EVENTS, threads=1, seconds=20)
            assert child.wait(40), child.last_words()
            assert child.exit_status == 0, child.last_words()
            assert child.result()["logged"] == EVENTS
            settled(receiver.count, enough=EVENTS, idle=10, limit=20)
        assert (receiver.count(), receiver.distinct()) == (EVENTS, EVENTS)


@pytest.mark.parametrize("key", list(PEERS))
def test_settings_and_loss_are_named(key):
    """Each library is shown with its settings, and with what it says about loss."""
    assert PEERS[key].settings
    assert PEERS[key].loss
    assert [peer.name for peer in PEERS.values()].count(PEERS[key].name) == 1


def test_the_extra_installs_them():
    """``make bench`` installs each package that a library in the comparison needs."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    lists = setup["options"]["install_requires"] + setup["options.extras_require"]["bench"]
    packages = set(re.findall(r"^[a-z0-9-]+", lists, re.MULTILINE)) | {"structlog-mozdef"}
    needed = {name for peer in PEERS.values() for name in peer.distributions}
    # It comes with watchtower.
    assert needed - packages <= {"boto3"}


def tables():
    """The tables of RESULTS.rst: the names of their columns, and their rows as dictionaries."""
    for table in re.split(r"\n\n(?==+  =)", RESULTS)[1:]:
        rule, head, _, *rows = table.partition("\n\n")[0].splitlines()
        spans = [match.span() for match in re.finditer("=+", rule)]
        columns = [head[slice(*span)].strip() for span in spans]
        cells = [[row[slice(*span)].strip() for span in spans] for row in rows[:-1]]
        yield columns, [dict(zip(columns, row, strict=True)) for row in cells]


def test_no_speed_without_its_loss():
    """Each table with the speed of other libraries has a column for what they lost."""
    shown = 0
    for columns, rows in tables():
        if columns[0] == "library" and any(re.search(r"\b(us|\w+/s)$", name) for name in columns):
            shown += 1
            assert "lost" in columns
            for row in rows:
                measured = row["ratio"] != r"\-" if "ratio" in row else row["median us"] != r"\-"
                if measured and row["library"] != PEERS[FLOOR].name:
                    assert row["lost"][0].isdigit(), row
    assert shown >= 4


@pytest.mark.parametrize(
    ("lost", "logged", "share", "number"),
    [
        (0, 10, "0", "0 of 10"),
        (1, 1_000_000, "0.01%", "1 of 1,000,000"),
        (5, 1_000, "0.50%", "5 of 1,000"),
        (230, 1_000, "23%", "230 of 1,000"),
        (0, 0, "-", "-"),
    ],
)
def test_losses_are_not_rounded_away(lost, logged, share, number):
    """A single lost event shows as a loss, and only none at all shows as 0."""
    assert lost_share(lost, logged) == share
    assert lost_of(lost, logged) == number
