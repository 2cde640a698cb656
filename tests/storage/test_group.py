"""Group commit: what many ask for at once is one transaction, and each has its own outcome all the same."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import outcome
import pytest
import trio
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from trio.testing import wait_all_tasks_blocked

from storage import group, sessions
from storage.catalog import Catalog, CatalogError, ConflictError
from storage.group import GroupCommit, Results, Work
from tests.storage.records import a_session

BOUND = 10.0


class OurError(Exception):
    pass


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    opened = Catalog.open(f"sqlite:///{tmp_path}/catalogue.db")
    opened.migrate()
    return opened


class Crowd:
    """Tasks that ask while the database is busy, so that all of them come into the next transaction."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.results: dict[str, object] = {}
        self._go = threading.Event()

    def _block(self, begun: trio.Event) -> Callable[[Connection], None]:
        def work(_tx: Connection) -> None:
            trio.from_thread.run_sync(begun.set)
            assert self._go.wait(BOUND)

        return work

    async def _one(self, name: str, work: Callable[[Connection], object]) -> None:
        try:
            self.results[name] = await self.catalog.run(work)
        except (OurError, CatalogError) as wrong:
            self.results[name] = wrong

    async def ask(self, **works: Callable[[Connection], object]) -> None:
        begun = trio.Event()
        with trio.fail_after(BOUND):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.catalog.run, self._block(begun))
                await begun.wait()
                for name, work in works.items():
                    nursery.start_soon(self._one, name, work)
                    await wait_all_tasks_blocked()  # one after the other: their order is then known
                self._go.set()


async def kept(catalog: Catalog, uuid: str) -> object:
    return await catalog.run(lambda tx: sessions.get(tx, uuid))


def insert(uuid: str) -> Callable[[Connection], object]:
    return lambda tx: sessions.insert(tx, a_session(uuid))


def transactions(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pieces of work each transaction was made of."""
    made: list[int] = []
    together = catalog._together

    def count(works: Sequence[Work]) -> Results:
        made.append(len(works))
        return together(works)

    assert catalog._group is not None
    monkeypatch.setattr(catalog._group, "_perform", count)
    return made


async def test_all_that_ask_while_it_is_busy_share_the_next_transaction(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = transactions(catalog, monkeypatch)
    crowd = Crowd(catalog)
    await crowd.ask(**{name: insert(name) for name in "abcde"})
    assert made == [1, 5]
    for name in "abcde":
        assert await kept(catalog, name) == a_session(name)


async def test_what_fails_is_undone_alone_and_tells_its_own_caller(catalog: Catalog) -> None:
    def write_and_raise(tx: Connection) -> None:
        sessions.insert(tx, a_session("undone"))
        raise OurError

    crowd = Crowd(catalog)
    await crowd.ask(
        first=insert("a"),
        twice=insert("a"),
        ours=write_and_raise,
        sees=lambda tx: sessions.get(tx, "a"),
        last=insert("b"),
    )
    assert crowd.results["first"] is None
    assert isinstance(crowd.results["twice"], ConflictError)
    assert isinstance(crowd.results["ours"], OurError)
    assert crowd.results["sees"] == a_session("a")
    found = [await kept(catalog, name) for name in ("a", "b", "undone")]
    assert found == [a_session("a"), a_session("b"), None]


async def test_a_commit_that_fails_fails_for_all_but_those_who_had_failed_before(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(_tx: Connection) -> None:
        raise OurError

    def full(_connection: object) -> None:
        raise SQLAlchemyError("database or disk is full")

    def then_full(tx: Connection) -> None:
        sessions.insert(tx, a_session("b"))
        monkeypatch.setattr(catalog._engine.dialect, "do_commit", full)

    crowd = Crowd(catalog)
    await crowd.ask(a=insert("a"), no=no, b=then_full)
    monkeypatch.undo()
    assert isinstance(crowd.results["a"], CatalogError)
    assert isinstance(crowd.results["b"], CatalogError)
    assert isinstance(crowd.results["no"], OurError)
    for name in ("a", "b"):
        assert await kept(catalog, name) is None


async def test_no_transaction_is_made_of_more_than_its_bound(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "MOST_TOGETHER", 3)
    made = transactions(catalog, monkeypatch)
    await Crowd(catalog).ask(**{name: insert(name) for name in "abcdefgh"})
    assert made == [1, 3, 3, 2]


class Gate:
    """A database that is busy until it is let go, and then does what it is told."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.go = threading.Event()
        self.tx: Any = None  # nobody looks at it

    def __call__(self, works: Sequence[Work]) -> list["outcome.Outcome[Any]"]:
        self.batches.append(len(works))
        assert self.go.wait(BOUND)
        return [outcome.capture(work, self.tx) for work in works]


async def test_whoever_is_cancelled_while_waiting_leaves_the_line_and_the_others_keep_their_places() -> None:
    gate = Gate()
    together = GroupCommit(gate)
    done: list[int] = []
    scopes = [trio.CancelScope() for _ in range(4)]

    async def ask(number: int) -> None:
        with scopes[number]:
            await together.run(lambda _tx: done.append(number))

    with trio.fail_after(BOUND):
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(ask, number)
                await wait_all_tasks_blocked()
            scopes[1].cancel()
            await wait_all_tasks_blocked()
            gate.go.set()
    assert done == [0, 2, 3]
    assert gate.batches == [1, 2]
    assert scopes[1].cancelled_caught
    assert not together._busy


async def test_the_next_in_the_line_leads_where_its_leader_is_cancelled_as_its_turn_comes() -> None:
    gate = Gate()
    together = GroupCommit(gate)
    done: list[int] = []
    scopes = [trio.CancelScope() for _ in range(3)]

    async def ask(number: int) -> None:
        with scopes[number]:
            await together.run(lambda _tx: done.append(number))
            if number == 0:
                scopes[1].cancel()  # it has been told to lead in this very instant

    with trio.fail_after(BOUND):
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(ask, number)
                await wait_all_tasks_blocked()
            gate.go.set()
    assert done == [0, 2]
    assert scopes[1].cancelled_caught
    assert not together._busy


async def test_a_database_that_breaks_down_leaves_nobody_waiting() -> None:
    gate = Gate()

    def breaks(works: Sequence[Work]) -> Results:
        gate(works)
        raise OurError

    together = GroupCommit(breaks)
    failed: list[int] = []

    async def ask(number: int) -> None:
        with pytest.raises(OurError):
            await together.run(lambda _tx: None)
        failed.append(number)

    with trio.fail_after(BOUND):
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(ask, number)
                await wait_all_tasks_blocked()
            gate.go.set()
    assert sorted(failed) == [0, 1, 2, 3]
    assert not together._busy
