"""Sessions: their states, their pages, what a restarted node finds."""

from storage import sessions
from storage.catalog import Catalog
from tests.storage.records import a_session


def test_a_session_comes_back_as_it_was_inserted(catalog: Catalog) -> None:
    session = a_session(caller_id="+49 30 1", did="100", legs=2, created_at=1_700_000_000.123456)
    with catalog.transaction() as tx:
        sessions.insert(tx, session)
        assert sessions.get(tx, "node1-s") == session
        assert sessions.get(tx, "node1-other") is None


def test_a_session_waits_is_active_and_ends_once(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        sessions.insert(tx, a_session())
        assert sessions.activate(tx, "node1-s")
        assert not sessions.activate(tx, "node1-s")
        assert sessions.end(tx, "node1-s", cause="hangup", at=160.5)
        assert not sessions.end(tx, "node1-s", cause="shutdown", at=170.0)
        assert not sessions.activate(tx, "node1-s")
        assert sessions.get(tx, "node1-s") == a_session(state="ended", cause="hangup", ended_at=160.5)


def test_an_unknown_session_neither_becomes_active_nor_ends(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        assert not sessions.activate(tx, "node1-s")
        assert not sessions.end(tx, "node1-s", cause="hangup", at=1.0)


def test_pages_run_from_the_newest_to_the_oldest_and_miss_none(catalog: Catalog) -> None:
    # b and c began in the same instant: their UUIDs tell them apart.
    times = {"a": 1.0, "b": 2.0, "c": 2.0, "d": 3.0}
    with catalog.transaction() as tx:
        for name, time in times.items():
            sessions.insert(tx, a_session(name, created_at=time))
        sessions.insert(tx, a_session("e", app_id="other", created_at=2.0))
        first = sessions.page(tx, "app", limit=2)
        second = sessions.page(tx, "app", limit=2, before=(first[-1].created_at, first[-1].session_uuid))
        third = sessions.page(tx, "app", limit=2, before=(second[-1].created_at, second[-1].session_uuid))
    assert [[session.session_uuid for session in page] for page in (first, second, third)] == [
        ["d", "c"],
        ["b", "a"],
        [],
    ]


def test_a_node_finds_its_own_sessions_that_have_not_ended(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for name, node in (("waits", "node1"), ("talks", "node1"), ("over", "node1"), ("elsewhere", "node2")):
            sessions.insert(tx, a_session(name, node=node))
        sessions.activate(tx, "talks")
        sessions.end(tx, "over", cause="hangup", at=101.0)
        assert [session.session_uuid for session in sessions.unfinished(tx, "node1")] == ["talks", "waits"]
