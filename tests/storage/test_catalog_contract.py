"""What every catalogue promises, whatever database is behind it: transactions, errors, threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
import trio.testing
from sqlalchemy import Connection, text

from storage import commands, outbox, sessions
from storage.catalog import Catalog, CatalogError, ConflictError
from tests.storage.records import a_command, a_session, with_session

BOUND = 10.0


class OurError(Exception):
    pass


@contextmanager
def undone(catalog: Catalog) -> Iterator[Connection]:
    """A transaction that ends with an exception of ours."""
    with pytest.raises(OurError), catalog.transaction() as tx:  # noqa: PT012 -- the caller's block is in it
        yield tx
        raise OurError


def test_what_a_transaction_wrote_is_there_for_the_next_program(catalog: Catalog, catalog_url: str) -> None:
    with catalog.transaction() as tx:
        sessions.insert(tx, a_session())
    catalog.close()
    again = Catalog.open(catalog_url)
    with again.transaction() as tx:
        assert sessions.get(tx, "node1-s") == a_session()
    again.close()


def test_an_exception_undoes_the_transaction_and_passes_unchanged(catalog: Catalog) -> None:
    with undone(catalog) as tx:
        sessions.insert(tx, a_session())
    with catalog.transaction() as tx:
        assert sessions.get(tx, "node1-s") is None


@pytest.mark.contract("webhook-outbox")
def test_a_transaction_undone_leaves_no_event_and_no_hole_in_the_sequence(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
    with undone(catalog) as tx:
        outbox.append(tx, session_uuid="node1-s", app_id="app", event="call.new", fields={}, now=1.0)
    with catalog.transaction() as tx:
        assert outbox.due(tx, now=1e12, limit=10) == []
        event = outbox.append(tx, session_uuid="node1-s", app_id="app", event="call.new", fields={}, now=1.0)
        assert event.sequence == 1


def test_a_key_that_is_taken_is_a_conflict(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        sessions.insert(tx, a_session())
    with pytest.raises(ConflictError), catalog.transaction() as tx:
        sessions.insert(tx, a_session())


def test_a_reference_to_what_is_not_there_is_a_conflict(catalog: Catalog) -> None:
    with pytest.raises(ConflictError), catalog.transaction() as tx:
        commands.insert(tx, a_command(session_uuid="node1-unknown"))


def test_an_error_speaks_of_the_cause_and_tells_no_values(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="no_such_table") as caught, catalog.transaction() as tx:
        tx.execute(text("SELECT * FROM no_such_table WHERE secret = :secret"), {"secret": "whsec_1"})
    assert "whsec_1" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_catalogue_goes_on_after_an_error(catalog: Catalog) -> None:
    with pytest.raises(CatalogError), catalog.transaction() as tx:
        tx.execute(text("nonsense"))
    with catalog.transaction() as tx:
        assert sessions.get(tx, "node1-s") is None


async def test_run_gives_back_what_the_work_returns(catalog: Catalog) -> None:
    await catalog.run(lambda tx: sessions.insert(tx, a_session()))
    assert await catalog.run(lambda tx: sessions.get(tx, "node1-s")) == a_session()


async def test_run_undoes_the_work_that_raises(catalog: Catalog) -> None:
    def work(tx: Connection) -> None:
        sessions.insert(tx, a_session())
        raise OurError

    with pytest.raises(OurError):
        await catalog.run(work)
    assert await catalog.run(lambda tx: sessions.get(tx, "node1-s")) is None


async def test_work_that_has_begun_is_finished_and_reported_in_spite_of_cancellation(
    catalog: Catalog,
) -> None:
    begun, go, results = trio.Event(), threading.Event(), []

    def work(tx: Connection) -> str:
        trio.from_thread.run_sync(begun.set)
        assert go.wait(BOUND)
        return with_session(tx)

    async def runner() -> None:
        results.append(await catalog.run(work))

    with trio.fail_after(BOUND):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runner)
            await begun.wait()
            nursery.cancel_scope.cancel()
            go.set()
        assert results == ["node1-s"]
        assert await catalog.run(lambda tx: sessions.get(tx, "node1-s")) == a_session()


async def test_work_that_waits_for_its_turn_can_be_cancelled(catalog_url: str) -> None:
    if not catalog_url.startswith("sqlite"):
        pytest.skip("has several connections")
    catalog = Catalog.open(catalog_url)
    catalog.migrate()
    begun, go = trio.Event(), threading.Event()
    calls: list[Connection] = []

    def long(_tx: Connection) -> None:
        trio.from_thread.run_sync(begun.set)
        assert go.wait(BOUND)

    with trio.fail_after(BOUND):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(catalog.run, long)
            await begun.wait()
            async with trio.open_nursery() as waiting:
                waiting.start_soon(catalog.run, calls.append)
                await trio.testing.wait_all_tasks_blocked()
                waiting.cancel_scope.cancel()
            go.set()
    assert calls == []
    catalog.close()


@pytest.mark.contract("webhook-outbox")
def test_threads_take_a_session_s_sequence_without_gaps(catalog: Catalog, catalog_url: str) -> None:
    # 4 threads on this catalogue and 2 on another one of the same database, as another process would have it,
    # each with 20 events: 6 x 20 = 120 events, so the sequences are 1 to 120, each once.
    with catalog.transaction() as tx:
        with_session(tx)
    other = Catalog.open(catalog_url)
    taken: list[int] = []

    def append(through: Catalog) -> None:
        for _ in range(20):
            with through.transaction() as tx:
                event = outbox.append(tx, session_uuid="node1-s", app_id="app", event="x", fields={}, now=1.0)
            taken.append(event.sequence)

    threads = [threading.Thread(target=append, args=[through]) for through in [catalog] * 4 + [other] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    assert sorted(taken) == list(range(1, 121))
