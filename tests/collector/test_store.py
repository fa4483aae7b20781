"""The table of received events."""

import contextlib
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
