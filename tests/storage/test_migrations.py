"""From an empty file, or an older one, to the present tables: by one process or several at once."""

import logging
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from storage.catalog import Catalog, CatalogError
from storage.schema import metadata

MIGRATE = """
import sys
from storage.catalog import Catalog

catalog = Catalog.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
catalog.migrate()
catalog.close()
"""


def differences(url: str) -> list[object]:
    """What Alembic would have to change to come from the database at `url` to the schema."""
    catalog = Catalog.open(url)
    with catalog.transaction() as tx:
        found = compare_metadata(
            MigrationContext.configure(tx, opts={"compare_server_default": True}), metadata
        )
    catalog.close()
    return list(found)


def definitions(url: str) -> set[str]:
    """The tables and indexes of a file in SQLite's own text, whatever the order of the constraints."""
    engine = create_engine(url)
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'"))
        found = {" ".join(sorted(row.sql.replace(",", " ").split())) for row in rows if row.sql}
    engine.dispose()
    return found


def test_a_migrated_database_is_the_schema(catalog: Catalog, catalog_url: str) -> None:
    catalog.close()
    assert differences(catalog_url) == []


def test_a_migrated_file_has_the_conditions_of_the_schema_s_indexes_too(tmp_path: Path) -> None:
    # compare_metadata looks at no index's WHERE; SQLite's own text of the tables does.
    migrated, made = f"sqlite:///{tmp_path}/migrated.db", f"sqlite:///{tmp_path}/made.db"
    catalog = Catalog.open(migrated)
    catalog.migrate()
    catalog.close()
    engine = create_engine(made)
    metadata.create_all(engine)
    engine.dispose()
    assert definitions(migrated) == definitions(made)


def test_migrating_again_changes_nothing(catalog: Catalog, catalog_url: str) -> None:
    catalog.migrate()
    catalog.close()
    assert differences(catalog_url) == []


def test_four_processes_may_migrate_one_new_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalogue.db"
    command = [sys.executable, "-W", "error", "-c", MIGRATE, url]
    with ExitStack() as stack:
        programs = [
            stack.enter_context(
                subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                )
            )
            for _ in range(4)
        ]
        for program in programs:
            assert program.stdout
            assert program.stdout.readline() == b"ready\n"
        for program in programs:
            assert program.stdin
            program.stdin.write(b"go\n")
            program.stdin.flush()
        said = [program.communicate(timeout=60) for program in programs]
    assert said == [(b"", b"")] * 4
    assert [program.returncode for program in programs] == [0] * 4
    assert differences(url) == []


def test_two_threads_may_migrate_two_files_at_once(tmp_path: Path) -> None:
    # As when both programs run in one process: Alembic's own globals are shared.
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("daemon", "wavstream")]
    catalogs = [Catalog.open(url) for url in urls]
    threads = [threading.Thread(target=catalog.migrate) for catalog in catalogs]
    for thread in threads:
        thread.start()
    for thread, catalog in zip(threads, catalogs, strict=True):
        thread.join(60)
        catalog.close()
    assert [differences(url) for url in urls] == [[], []]


def test_migrating_leaves_logging_alone_and_says_nothing(
    catalog_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    root, ours = logging.getLogger(), logging.getLogger("storage.some_module")
    before = (root.level, list(root.handlers), ours.disabled, logging.getLogger("alembic").level)
    catalog = Catalog.open(catalog_url)
    catalog.migrate()
    catalog.close()
    assert (root.level, list(root.handlers), ours.disabled, logging.getLogger("alembic").level) == before
    assert capfd.readouterr() == ("", "")


def test_a_database_of_a_newer_version_is_refused(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogError, match=r"9999.*newer version"):
        catalog.migrate()
