"""What is particular to a catalogue in an SQLite file: durability, locks, and death in the middle."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import catalog as module
from storage import sessions
from storage.catalog import Catalog, CatalogError
from tests.storage.records import a_session

WRITER = """
import sys
from storage import schema, sessions
from storage.catalog import Catalog
from tests.storage.records import a_session

catalog = Catalog.open(sys.argv[1])
catalog.migrate()
with catalog.transaction() as tx:
    sessions.insert(tx, a_session("node1-kept"))
with catalog.transaction() as tx:
    sessions.activate(tx, "node1-kept")
    for number in range(4000):
        sessions.insert(tx, a_session(f"node1-{number}", caller_id="x" * 1000))
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/catalogue.db"


def pragma(catalog: Catalog, name: str) -> object:
    with catalog.transaction() as tx:
        return tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_a_commit_is_on_the_disk_and_references_are_checked(url: str) -> None:
    catalog = Catalog.open(url)
    catalog.migrate()
    assert pragma(catalog, "journal_mode") == "wal"
    assert pragma(catalog, "synchronous") == 2  # FULL: the log is synced at every commit
    assert pragma(catalog, "foreign_keys") == 1
    assert pragma(catalog, "busy_timeout") == 10_000  # milliseconds
    catalog.close()


def test_a_transaction_is_a_writer_from_its_beginning(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog.open(url)
    catalog.migrate()
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    other = Catalog.open(url)
    with catalog.transaction(), pytest.raises(CatalogError, match="locked"), other.transaction():
        pass
    with other.transaction() as tx:
        assert sessions.get(tx, "node1-s") is None
    catalog.close()
    other.close()


def test_a_turn_that_never_comes_is_an_error_not_a_hang(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog.open(url)
    catalog.migrate()
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    with catalog.transaction(), pytest.raises(CatalogError, match="busy for"), catalog.transaction():
        pass
    catalog.close()


def test_its_folder_is_made_and_not_everybody_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "catalogue.db"
    catalog = Catalog.open(f"sqlite:///{path}")
    catalog.migrate()
    assert path.stat().st_mode & 0o007 == 0
    catalog.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "nonsense",
        "nosuchdatabase://host/name",
        "postgresql+no_such_driver://host/name",
    ],
)
def test_a_url_that_cannot_be_used_is_said_in_one_line(url: str) -> None:
    with pytest.raises(CatalogError, match="the catalogue's URL cannot be used") as caught:
        Catalog.open(url)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    catalog = Catalog.open(f"sqlite:///{tmp_path}/file/catalogue.db")
    with pytest.raises(CatalogError, match=r"catalogue\.db: (Not a directory|File exists)"):
        catalog.migrate()


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path: Path, url: str) -> None:
    (tmp_path / "catalogue.db").write_text("certainly not a database" * 100)
    catalog = Catalog.open(url)
    with pytest.raises(CatalogError, match="file is not a database"):
        catalog.migrate()
    catalog.close()


class Busy:
    """A connection on which the change to WAL is refused so many times."""

    def __init__(self, refusals: int, code: int = sqlite3.SQLITE_BUSY) -> None:
        self.refusals = refusals
        self.error = sqlite3.OperationalError("refused")
        self.error.sqlite_errorcode = code

    def execute(self, _statement: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise self.error


use_wal: Callable[[object], None] = module._use_wal  # type: ignore[assignment]


def test_the_change_to_wal_waits_for_another_process() -> None:
    connection = Busy(refusals=2)
    use_wal(connection)
    assert connection.refusals == 0


def test_the_change_to_wal_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.0)
    with pytest.raises(sqlite3.OperationalError):
        use_wal(Busy(refusals=1_000_000))


def test_the_change_to_wal_waits_for_nothing_but_a_lock() -> None:
    connection = Busy(refusals=2, code=sqlite3.SQLITE_READONLY)
    with pytest.raises(sqlite3.OperationalError):
        use_wal(connection)
    assert connection.refusals == 1


def test_a_writer_killed_in_mid_transaction_leaves_what_was_committed(tmp_path: Path, url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WRITER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"ready\n"
        # 4,000 rows of 1,000 bytes are more than SQLite's cache of 2 MB: uncommitted pages are in the log.
        assert (tmp_path / "catalogue.db-wal").stat().st_size > 1_000_000
        writer.kill()
    catalog = Catalog.open(url)
    catalog.migrate()
    assert pragma(catalog, "integrity_check") == "ok"
    with catalog.transaction() as tx:
        assert sessions.page(tx, "app", limit=10) == [a_session("node1-kept")]
        assert sessions.activate(tx, "node1-kept")
    catalog.close()
