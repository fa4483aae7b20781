"""The table of received events."""

import contextlib
import json
import sqlite3
import stat
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from support.storms import ends_elsewhere, storm, stormy

from structlog_mozdef.collector import CollectorError, Difference, Row, Store
from structlog_mozdef.collector.differences import Outcome
from structlog_mozdef.collector.ingest import ReceivedEvent

NOW = datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC)
DROPPED = Difference("dropped", "x\ud800", "A reason.")


def kept(number=0, **more):
    return ReceivedEvent("raw", Outcome({"number": number, **more}))


LOST = ReceivedEvent("lost", Outcome(None, (DROPPED,)))


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    store = Store() if request.param == "memory" else Store(tmp_path / "events.db")
    yield store
    store.close()


def test_rows_hold_all_that_was_added(store):
    """A row gives back the time in UTC, the path, the source, the document and the differences."""
    store.add("/events", NOW.astimezone(timezone(timedelta(hours=5))), [kept(1), LOST])
    assert list(store.rows()) == [
        Row(1, NOW, "/events", "raw", {"number": 1}, ()),
        Row(2, NOW, "/events", "lost", None, (DROPPED,)),
    ]


def test_times_are_in_utc(store):
    """Whatever the zone of the clock, the time of arrival is kept in UTC."""
    store.add("/events", NOW.astimezone(timezone(timedelta(hours=5))), [kept()])
    assert [row.received.isoformat() for row in store.rows()] == [NOW.isoformat()]


def test_counts(store):
    """Lost events count as received, not as stored."""
    store.add("/_bulk", NOW, [kept(), LOST, kept()])
    assert (store.received, store.stored) == (3, 2)


def test_documents_come_in_order_of_arrival(store):
    """Documents beyond one page of the database come complete and in order."""
    store.add("/_bulk", NOW, [kept(number) for number in range(1234)])
    assert [document["number"] for document in store.documents()] == list(range(1234))


def test_documents_can_be_limited(store):
    """A limit selects the first documents."""
    store.add("/_bulk", NOW, [LOST, kept(0), kept(1), kept(2)])
    assert [document["number"] for document in store.documents(limit=2)] == [0, 1]


def test_documents_can_be_chosen_by_tag(store):
    """A tag must match exactly; documents without a list of tags have none."""
    store.add(
        "/_bulk", NOW, [kept(0, tags=["auth"]), kept(1, tags=["authx"]), kept(2, tags="auth")]
    )
    assert [document["number"] for document in store.documents(tag="auth")] == [0]


def test_differences_come_in_order(store):
    """The differences of all events come one after the other."""
    store.add("/_bulk", NOW, [LOST, kept(), LOST])
    assert list(store.differences()) == [DROPPED, DROPPED]


def test_store_can_be_added_to_while_it_is_read(store):
    """Reading holds no lock between two rows, and sees what arrives meanwhile."""
    store.add("/events", NOW, [kept(0)])
    seen = []
    for document in store.documents():
        seen.append(document["number"])
        if len(seen) < 3:
            store.add("/events", NOW, [kept(len(seen))])
    assert seen == [0, 1, 2]


def test_threads_can_add_at_once(store):
    """Nothing is lost when several threads add."""

    def add():
        for _ in range(50):
            store.add("/_bulk", NOW, [kept(), kept()])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.received == len(list(store.documents())) == 400


def test_failing_request_adds_nothing(store):
    """The events of one request are inserted all or none."""
    bad = ReceivedEvent(None, Outcome({}))
    with pytest.raises(Exception, match="NOT NULL"):
        store.add("/_bulk", NOW, [kept(), bad])
    assert (list(store.rows()), store.received, store.stored) == ([], 0, 0)


def numbers(store):
    return [row.number for row in store.rows()]


@pytest.mark.parametrize("at_once", [1, 2, 7, 20])
def test_oldest_events_go(tmp_path, at_once):
    """No more events are kept than were allowed; those that went are counted."""
    with contextlib.closing(Store(keep=3)) as store:
        for _ in range(0, 20, at_once):
            store.add("/events", NOW, [kept()] * at_once)
        last = store.totals.last
        assert numbers(store) == [last - 2, last - 1, last]
        assert (store.first, store.received) == (last - 2, last)
        assert store.totals.forgotten == last - 3


def test_large_events_go():
    """A bound in bytes holds, whatever the number of events."""
    large = ReceivedEvent("x" * 100_000, Outcome({}))
    with contextlib.closing(Store(keep=1_000_000, keep_bytes=2_000_000)) as store:
        for _ in range(50):
            store.add("/events", NOW, [large])
        assert 0 < len(numbers(store)) <= 20
        assert numbers(store)[-1] == 50
        assert store.totals.forgotten == 50 - len(numbers(store))


def test_one_event_beyond_the_bound_is_kept():
    """The newest event stays, even if it is larger than all that may be kept."""
    with contextlib.closing(Store(keep=10, keep_bytes=1000)) as store:
        store.add("/events", NOW, [kept(), ReceivedEvent("x" * 100_000, Outcome({}))])
        assert numbers(store) == [2]


def test_clear(store):
    """After a clear nothing is there or counted, and no number is given twice."""
    store.add("/_bulk", NOW, [kept(), LOST])
    assert store.clear() == 2
    assert (list(store.rows()), store.received, store.stored) == ([], 0, 0)
    store.add("/_bulk", NOW, [kept()])
    assert (numbers(store), store.received) == ([3], 1)


def test_totals_survive(tmp_path):
    """The totals of a file, and the last number, are known when it is opened again."""
    for clears in (False, True):
        with contextlib.closing(Store(tmp_path / "events.db", keep=2)) as store:
            store.add("/_bulk", NOW, [kept(), LOST, kept()])
            if clears:
                store.clear()
            totals = store.totals
        with contextlib.closing(Store(tmp_path / "events.db")) as store:
            assert store.totals == totals
    assert (totals.received, totals.last) == (0, 6)


def test_two_stores_add_to_one_file(tmp_path):
    """Two collectors on the same file give no number twice, and count together."""
    path = tmp_path / "events.db"
    with contextlib.closing(Store(path)) as one, contextlib.closing(Store(path)) as other:
        for _ in range(3):
            one.add("/events", NOW, [kept()])
            other.add("/events", NOW, [kept(), LOST])
        assert numbers(one) == numbers(other) == list(range(1, 10))
        assert (other.totals.received, other.totals.dropped) == (9, 3)


def test_file_of_an_earlier_version(tmp_path):
    """A file that has no totals is counted once, and goes on with the next number."""
    with contextlib.closing(sqlite3.connect(tmp_path / "events.db")) as connection, connection:
        connection.execute(
            "CREATE TABLE events (number INTEGER PRIMARY KEY, received TEXT NOT NULL,"
            " path TEXT NOT NULL, raw TEXT NOT NULL, document TEXT, differences TEXT NOT NULL)"
        )
        for document, kind in ((None, "refused"), (None, "dropped"), ("{}", "mangled")):
            differences = json.dumps([{"kind": kind, "field": "x", "reason": "A reason."}])
            connection.execute(
                "INSERT INTO events VALUES (NULL, ?, '/events', 'raw', ?, ?)",
                (NOW.isoformat(), document, differences),
            )
    with contextlib.closing(Store(tmp_path / "events.db")) as store:
        store.add("/events", NOW, [kept()])
        totals = store.totals
        assert (totals.stored, totals.refused, totals.dropped, totals.last) == (2, 1, 1, 4)
        assert numbers(store) == [1, 2, 3, 4]


def test_file_is_private(tmp_path):
    """A new database file can be read by its owner only."""
    Store(tmp_path / "events.db").close()
    assert stat.S_IMODE((tmp_path / "events.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["missing/events.db", ".", "text.db"])
def test_unusable_file_is_a_clear_error(tmp_path, name):
    """A path that is not a database is named in one sentence."""
    (tmp_path / "text.db").write_text("This is not a database. " * 100)
    with pytest.raises(CollectorError, match=r"database .* cannot be"):
        Store(tmp_path / name)


@pytest.mark.parametrize(
    "table", ["places (url)", "events (id, name)", "EVENTS (number, received)"]
)
def test_database_of_another_program_is_not_touched(tmp_path, table):
    """A database that no collector has made is named, and stays as it is."""
    path = tmp_path / "places.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE {table}")
    content = path.read_bytes()
    with pytest.raises(CollectorError, match=r"database .*places.* is that of another program"):
        Store(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_pages_of_large_events_are_small():
    """A page ends where it becomes large, and only at the end it is empty."""
    with contextlib.closing(Store()) as store:
        large = ReceivedEvent("x" * 3_000_000, Outcome(None, ()))
        store.add("/events", NOW, [large] * 5)
        assert [row[0] for row in store.page(0)] == [1, 2]
        assert [row[0] for row in store.page(4)] == [5]
        assert store.page(5) == []
        assert numbers(store) == [1, 2, 3, 4, 5]


def test_closing_twice_does_no_harm(store):
    """Closing a closed store does nothing."""
    store.close()
    store.close()


@stormy
def test_no_lock_is_kept():
    """After thousands of exceptions of a signal handler another thread can read and add."""
    with contextlib.closing(Store()) as store:
        store.add("/events", NOW, [kept(1), LOST])
        assert storm(lambda: list(store.documents())) > 1000
        assert ends_elsewhere(lambda: store.add("/events", NOW, [kept(2)]))
        assert [document["number"] for document in store.documents()] == [1, 2]
