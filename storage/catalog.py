"""The catalogue: a database, by transactions."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import outcome
import trio
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from storage import migrations
from storage.group import GroupCommit, Results, Work

T = TypeVar("T")

WAIT_SECONDS = 10.0
"""How long a transaction waits for its turn in the process, and again for others: each takes milliseconds."""

_RETRY_SECONDS = 0.01
_SERVER_CONNECTIONS = 4
"""With a database server, so many transactions at a time; SQLite has one writer."""


class CatalogError(Exception):
    """The catalogue could not be read or changed; the transaction left nothing. Its text holds no values."""


class ConflictError(CatalogError):
    """A row contradicts what is there: its key is taken, or what it refers to is missing."""


class Catalog:
    """A database and its transactions; `open` makes one. It may be shared between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        connections = 1 if engine.dialect.name == "sqlite" else _SERVER_CONNECTIONS
        # SQLite waits for its lock by polling: between threads of one process, this hands it over at once.
        self._turns = threading.BoundedSemaphore(connections)
        self._limiter = trio.CapacityLimiter(connections)
        self._group = GroupCommit(self._together) if connections == 1 else None

    @classmethod
    def open(cls, url: str) -> "Catalog":
        """The catalogue at an SQLAlchemy URL, e.g. `sqlite:///PATH`. Connects to nothing yet.

        Raises CatalogError for a URL that cannot be used.
        """
        try:
            parsed = make_url(url)
            sqlite = parsed.get_backend_name() == "sqlite"
            if sqlite and (parsed.database in {None, "", ":memory:"} or parsed.query):
                raise CatalogError("the catalogue's URL cannot be used: SQLite takes sqlite:///PATH")
            engine = create_engine(parsed, hide_parameters=True)
        except (SQLAlchemyError, ImportError, ValueError) as wrong:
            raise CatalogError(f"the catalogue's URL cannot be used: {wrong}") from None
        if sqlite:
            _prepare_sqlite(engine)
        return cls(engine)

    def migrate(self) -> None:
        """Bring the tables up to date, from nothing if need be. Two processes may do it at once.

        Raises CatalogError, also for a database that a newer version has written.
        """
        if self._engine.dialect.name == "sqlite":
            self._make_file()
        try:
            with self.transaction() as tx:
                migrations.upgrade(tx)
        except migrations.MigrationError as wrong:
            raise CatalogError(f"catalogue {self._engine.url!r}: {wrong}") from None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed, to the disk, at the end of the block; undone by any exception.

        It may wait WAIT_SECONDS, so it belongs into a thread; it is not to be nested. Raises CatalogError for
        what the database refuses, in the block or at its end; the block's other exceptions pass unchanged.
        """
        if not self._turns.acquire(timeout=WAIT_SECONDS):
            raise CatalogError(f"catalogue {self._engine.url!r}: busy for {WAIT_SECONDS:g} s")
        try:
            with self._engine.begin() as tx:
                yield tx
        except SQLAlchemyError as wrong:
            raise self._in_words(wrong) from wrong
        finally:
            self._turns.release()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, called in a thread with a transaction around it.

        With SQLite, others may share that transaction: each sees what those before it did, and what fails is
        undone alone; only a commit fails for all. Waiting for its turn can be cancelled; once begun, it runs
        to its end in spite of cancellation, and its result is given back. Raises as `transaction`.
        """
        if self._group is not None:
            return await self._group.run(work)
        return await trio.to_thread.run_sync(self._within, work, limiter=self._limiter)

    def close(self) -> None:
        """Let go of the connections. A transaction under way keeps its own."""
        self._engine.dispose()

    def _within(self, work: Callable[[Connection], T]) -> T:
        with self.transaction() as tx:
            return work(tx)

    def _together(self, works: Sequence[Work]) -> Results:
        """Several pieces of work in one transaction, in a thread; what became of each."""
        if len(works) == 1:
            return [outcome.capture(self._within, works[0])]
        results: list[outcome.Outcome[Any]] = []
        try:
            with self.transaction() as tx:
                results.extend(self._apart(tx, work) for work in works)
        except CatalogError as wrong:
            before = [*results, *[None] * (len(works) - len(results))]
            return [each if isinstance(each, outcome.Error) else outcome.Error(wrong) for each in before]
        return results

    def _apart(self, tx: Connection, work: Work) -> "outcome.Outcome[Any]":
        """One of several: undone by its exception, which leaves the others alone."""
        tx.exec_driver_sql("SAVEPOINT apart")
        try:
            result: outcome.Outcome[Any] = outcome.Value(work(tx))
        except SQLAlchemyError as wrong:
            tx.exec_driver_sql("ROLLBACK TO apart")
            result = outcome.Error(self._in_words(wrong))
        except Exception as wrong:  # noqa: BLE001 - the caller's own, handed on to it
            tx.exec_driver_sql("ROLLBACK TO apart")
            result = outcome.Error(wrong)
        tx.exec_driver_sql("RELEASE apart")
        return result

    def _in_words(self, wrong: SQLAlchemyError) -> CatalogError:
        cause = getattr(wrong, "orig", None) or wrong
        words = str(cause).partition("\n")[0]  # what PostgreSQL adds below quotes the row's values
        kind = ConflictError if isinstance(wrong, IntegrityError) else CatalogError
        return kind(f"catalogue {self._engine.url!r}: {words}")

    def _make_file(self) -> None:
        """Webhook secrets lie in it, so it is not for everybody to read."""
        path = Path(str(self._engine.url.database))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o640)
        except OSError as wrong:
            raise CatalogError(f"catalogue {path}: {wrong.strerror}") from None


def _prepare_sqlite(engine: Engine) -> None:
    """Make every connection durable and every transaction a writer from its beginning.

    A transaction that begins as a reader fails at once (SQLITE_BUSY) when it comes to write after another,
    hence BEGIN IMMEDIATE; the driver, which would begin late or not at all, is told to leave that to us.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000:.0f}")
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let readers and the writer not wait for each other. The change to WAL itself ignores busy_timeout."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as wrong:
            if wrong.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return
