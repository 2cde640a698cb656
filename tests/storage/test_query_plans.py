"""Nothing that runs while calls do walks through a table: a million old rows cost nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from storage import (
    applications,
    call_recordings,
    commands,
    heartbeats,
    letters,
    outbox,
    recordings,
    schema,
    sessions,
)
from storage.catalog import Catalog
from tests.storage.records import with_session


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """An SQLite file whatever the other suites run against: plans are the database's own."""
    opened = Catalog.open(f"sqlite:///{tmp_path}/catalogue.db")
    opened.migrate()
    yield opened
    opened.close()


@contextmanager
def statements(tx: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Collects what is executed in the block, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(
        _connection: object, _cursor: object, statement: str, parameters: object, *_rest: object
    ) -> None:
        seen.append((statement, parameters))

    event.listen(tx, "before_cursor_execute", note)
    yield seen
    event.remove(tx, "before_cursor_execute", note)


def plan(tx: Connection, query: Callable[[Connection], object]) -> str:
    """What SQLite does for each statement of `query`, a line a step."""
    with statements(tx) as seen:
        query(tx)
    steps = [
        row.detail
        for statement, parameters in seen
        for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]
    return "\n".join(steps)


QUERIES: dict[str, Callable[[Connection], object]] = {
    "applications.get": lambda tx: applications.get(tx, "a"),
    "sessions.get": lambda tx: sessions.get(tx, "s"),
    "sessions.end": lambda tx: sessions.end(tx, "s", cause="hangup", at=1.0),
    "sessions.page": lambda tx: sessions.page(tx, "a", limit=9),
    "sessions.page before": lambda tx: sessions.page(tx, "a", limit=9, before=(1.0, "s")),
    "sessions.unfinished": lambda tx: sessions.unfinished(tx, "n"),
    "commands.find": lambda tx: commands.find(tx, "s", "c", "u"),
    "call_recordings.of_session": lambda tx: call_recordings.of_session(tx, "s"),
    "call_recordings.stopping": lambda tx: call_recordings.stopping(tx, "r", reason="x", at=1.0),
    "call_recordings.unfinished": lambda tx: call_recordings.unfinished(tx, "n"),
    "call_recordings.live": lambda tx: call_recordings.live(tx, "n"),
    "outbox.append": lambda tx: outbox.append(
        tx, session_uuid=with_session(tx), app_id="a", event="x", fields={}, now=1.0
    ),
    "outbox.due": lambda tx: outbox.due(tx, now=1.0, limit=9),
    "outbox.due busy": lambda tx: outbox.due(tx, now=1.0, limit=9, busy=["a", "b"], busy_apps=["c"]),
    "outbox.next_due": lambda tx: outbox.next_due(tx, busy=["a"]),
    "outbox.delivered": lambda tx: outbox.delivered(tx, pending(tx), 1.0),
    "outbox.retry": lambda tx: outbox.retry(tx, "msg_1", at=1.0, error="x"),
    "outbox.backlog": outbox.backlog,
    "letters.page": lambda tx: letters.page(tx, limit=9),
    "letters.page before": lambda tx: letters.page(tx, limit=9, before=(1.0, "msg_1")),
    "letters.page of": lambda tx: letters.page(tx, limit=9, app_id="a", before=(1.0, "msg_1")),
    "letters.oldest": lambda tx: letters.oldest(tx, "a", limit=9, after=(1.0, "msg_1")),
    "letters.get": lambda tx: letters.get(tx, "msg_1"),
    "letters.resend": lambda tx: letters.resend(tx, dead(tx), 2.0),
    "letters.drop": lambda tx: letters.drop(tx, "msg_1", 1.0),
    "heartbeats.beat": lambda tx: heartbeats.beat(tx, "n", 1.0),
    "recordings.by_token": lambda tx: recordings.by_token(tx, "t"),
    "recordings.unfinished": recordings.unfinished,
    "recordings.expired": lambda tx: recordings.expired(tx, now=1.0, limit=9),
    "recordings.claim": lambda tx: recordings.claim(tx, now=1.0, limit=9),
    "recordings.condemn": lambda tx: recordings.condemn(tx, "r", now=1.0),
    "recordings.hold": lambda tx: recordings.hold(tx, "r", at=1.0, reason=None),
    "recordings.release": lambda tx: recordings.release(tx, "r"),
    "recordings.erase": lambda tx: recordings.erase(tx, "r", "s"),
    "recordings.page": lambda tx: recordings.page(tx, limit=9, before=(1.0, "r")),
    "recordings.page state": lambda tx: recordings.page(tx, limit=9, state="completed", since=1.0),
    "recordings.page name": lambda tx: recordings.page(tx, limit=9, name="n", until=1.0),
    "recordings.page name state": lambda tx: recordings.page(
        tx, limit=9, name="n", state="failed", before=(1.0, "r")
    ),
}


def pending(tx: Connection) -> str:
    return outbox.append(
        tx, session_uuid=with_session(tx), app_id="a", event="x", fields={}, now=1.0
    ).event_id


def dead(tx: Connection) -> str:
    event_id = pending(tx)
    outbox.bury(tx, event_id, error="x")
    return event_id


@pytest.mark.parametrize("name", QUERIES)
def test_every_step_is_a_search_by_an_index(catalog: Catalog, name: str) -> None:
    with catalog.transaction() as tx:
        steps = plan(tx, QUERIES[name])
    walks = {line for line in steps.splitlines() if line.startswith("SCAN")}
    # The first holds the heads of the lines alone, and its first entry outside the busy ones is the answer;
    # the second the dead letters, of which a page is taken.
    assert walks <= {
        "SCAN CONSTANT ROW",
        "SCAN outbox USING INDEX ix_outbox_due",
        "SCAN outbox USING INDEX ix_outbox_dead",
    }
    assert steps


@pytest.mark.parametrize("name", ["outbox.due", "outbox.due busy", "outbox.next_due", "recordings.expired"])
def test_what_is_due_comes_from_its_index_already_in_order(catalog: Catalog, name: str) -> None:
    index = "ix_outbox_due" if name.startswith("outbox") else "ix_recordings_due"
    with catalog.transaction() as tx:
        steps = plan(tx, QUERIES[name])
    assert f"INDEX {index}" in steps
    assert "TEMP B-TREE FOR ORDER BY" not in steps


@pytest.mark.parametrize("name", [name for name in QUERIES if name.startswith("recordings.page")])
def test_a_page_of_recordings_comes_from_its_index_already_in_order(catalog: Catalog, name: str) -> None:
    with catalog.transaction() as tx:
        assert "TEMP B-TREE" not in plan(tx, QUERIES[name])


def effort(tx: Connection, query: Callable[[Connection], object]) -> int:
    """How many hundreds of instructions SQLite's machine takes for `query`."""
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    driver = tx.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.set_progress_handler(tick, 100)
    query(tx)
    driver.set_progress_handler(None, 0)
    return ticks


def fill(tx: Connection, session_uuid: str, state: str, count: int) -> None:
    rows = [
        {
            "event_id": f"msg_{state}{number}",
            "app_id": "app",
            "session_uuid": session_uuid,
            "sequence": number,
            "event": "x",
            "payload": "{}",
            "created_at": 1.0,
            "attempts": 0,
            "next_attempt_at": 1.0,
            "state": state,
            "head": state == "pending" and number == 1,
        }
        for number in range(1, count + 1)
    ]
    tx.execute(insert(schema.outbox), rows)


def test_neither_old_events_nor_a_long_line_make_the_search_for_what_is_due_longer(catalog: Catalog) -> None:
    def due(tx: Connection) -> object:
        return outbox.due(tx, now=100.0, limit=10)

    with catalog.transaction() as tx:
        fill(tx, with_session(tx, "node1-few"), "delivered", 1)
        before = effort(tx, due)
        fill(tx, with_session(tx, "node1-many"), "dead", 5000)  # long settled
        fill(tx, with_session(tx, "node1-line"), "pending", 5000)  # one head, 4,999 behind it
        after = effort(tx, due)
        assert len(outbox.due(tx, now=100.0, limit=10)) == 1
    # One row more to fetch is some dozens of instructions; 5,000 rows would be more than 50 hundreds.
    assert after - before <= 2


def recorded(tx: Connection, count: int, **given: object) -> None:
    """So many recordings that are over, and none of them due before 1,000 s."""
    rows = [
        {
            "recording_id": f"{given}{number}",
            "token": f"{given}{number}",
            "state": "completed",
            "sample_rate": 8000,
            "channels": 1,
            "encoding": "pcm16",
            "started_at": float(number),
            "expires_at": 1000.0 + number,
            "metadata": {},
            **given,
        }
        for number in range(count)
    ]
    tx.execute(insert(schema.recordings), rows)


def test_neither_what_is_not_due_nor_what_is_held_makes_the_search_for_what_is_due_longer(
    catalog: Catalog,
) -> None:
    def due(tx: Connection) -> object:
        return recordings.claim(tx, now=100.0, limit=10)

    with catalog.transaction() as tx:
        recorded(tx, 1)
        before = effort(tx, due)
        recorded(tx, 5000, reason="stopped")
        recorded(tx, 5000, expires_at=1.0, held_at=1.0)  # long over, and kept
        assert due(tx) == []
        assert effort(tx, due) - before <= 2


def test_a_page_costs_the_same_wherever_it_lies(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        recorded(tx, 5000)
        first = effort(tx, lambda tx: recordings.page(tx, limit=10))
        last = effort(tx, lambda tx: recordings.page(tx, limit=10, before=(20.0, "r")))
        assert last - first <= 2
