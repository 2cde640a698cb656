"""Nothing here speaks to a PostgreSQL; it shows that nothing in the catalogue is SQLite's alone."""

import sys
from types import ModuleType

import pytest
from sqlalchemy import Index, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from storage.catalog import Catalog, CatalogError
from storage.schema import metadata, outbox, recordings, sessions

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_said_in_postgresql_s_words(table: Table) -> None:
    assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=DIALECT))


def index(table: Table, name: str) -> Index:
    return next(index for index in table.indexes if index.name == name)


def test_the_partial_indexes_are_partial_there_too() -> None:
    due = CreateIndex(index(outbox, "ix_outbox_due")).compile(dialect=DIALECT)
    live = CreateIndex(index(sessions, "ix_sessions_live")).compile(dialect=DIALECT)
    assert str(due).endswith("WHERE head")
    assert str(live).endswith("WHERE ended_at IS NULL")
    free = CreateIndex(index(recordings, "ix_recordings_due")).compile(dialect=DIALECT)
    assert str(free).endswith("WHERE held_at IS NULL")


def test_no_name_is_longer_than_postgresql_keeps() -> None:
    names = [str(index.name) for table in metadata.sorted_tables for index in table.indexes]
    names += [str(rule.name) for table in metadata.sorted_tables for rule in table.constraints if rule.name]
    assert max(map(len, names)) <= 63


class DriverError(Exception):
    pass


def unreachable(**_where: object) -> object:
    raise DriverError("connection refused\nDETAIL: values of a row")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalogue in a server that nobody can reach."""
    driver = ModuleType("pg8000")
    driver.__dict__.update(
        Error=DriverError,
        InterfaceError=DriverError,
        connect=unreachable,
        paramstyle="format",
        __version__="1.31.0",
    )
    monkeypatch.setitem(sys.modules, "pg8000", driver)
    return Catalog.open("postgresql+pg8000://user:swordfish@host/name")


def test_a_server_that_cannot_be_reached_is_said_in_one_line_without_the_password(server: Catalog) -> None:
    with pytest.raises(CatalogError, match="host/name: connection refused") as caught:
        server.migrate()
    assert "swordfish" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_takes_several_transactions_at_a_time(server: Catalog) -> None:
    assert server._limiter.total_tokens > 1
