"""Whether a call could be recorded: with a real file, a real lock, and a disk that is really full."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from daemon import readiness as module
from daemon.readiness import Readiness
from storage import heartbeats
from storage.catalog import Catalog
from tests.daemon.running import settings


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Catalog]:
    """A catalogue whose transactions are made in threads, as in the daemon."""
    opened = Catalog.open(f"sqlite:///{tmp_path / 'daemon.db'}")
    opened.migrate()
    yield opened
    opened.close()


class Wavstream:
    """Answers as it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = True
        self.hangs = False

    async def reachable(self) -> bool:
        self.asked += 1
        if self.hangs:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        return self.answers


def readiness(catalog: Catalog, folder: Path, wavstream: Wavstream, **given: Any) -> Readiness:
    return Readiness(settings(folder, **given), "node1", catalog, wavstream.reachable)


async def test_with_all_of_them_well_it_is_ready_and_has_left_a_row(kept: Catalog, tmp_path: Path) -> None:
    assert await readiness(kept, tmp_path, Wavstream()).obstacles() == ()
    with kept.transaction() as tx:
        assert heartbeats.last(tx, "node1") is not None


async def test_whoever_asks_again_within_a_second_gets_the_same_answer_at_no_cost(
    kept: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 1000.0)
    wavstream = Wavstream()
    ready = readiness(kept, tmp_path, wavstream)
    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(ready.obstacles)
    wavstream.answers = False
    assert await ready.obstacles() == ()
    assert wavstream.asked == 1


async def test_it_is_found_out_anew_when_the_answer_is_old(
    kept: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    wavstream = Wavstream()
    ready = readiness(kept, tmp_path, wavstream)
    assert await ready.obstacles() == ()
    wavstream.answers = False
    assert await ready.obstacles() == ("wavstream does not answer",)
    wavstream.answers = True
    assert await ready.obstacles() == ()


async def test_a_catalogue_that_another_has_locked_is_not_waited_for_and_leaves_one_thread(
    kept: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    ready = readiness(kept, tmp_path, Wavstream())
    other = sqlite3.connect(tmp_path / "daemon.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        assert "the catalogue does not answer within 0.05 s" in await ready.obstacles()
    assert ready._catalogs_thread.borrowed_tokens == 1
    other.execute("ROLLBACK")
    other.close()
    monkeypatch.setattr(module, "ANSWER_SECONDS", 20.0)
    assert await ready.obstacles() == ()


async def test_a_wavstream_that_hangs_is_not_waited_for(
    kept: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
    wavstream = Wavstream()
    wavstream.hangs = True
    words = await readiness(kept, tmp_path, wavstream).obstacles()
    assert words == ("wavstream does not answer within 0.5 s",)


async def test_a_catalogue_that_can_be_read_and_not_written_is_an_obstacle(
    kept: Catalog, tmp_path: Path
) -> None:
    with kept.transaction() as tx:  # SQLite's own word for a file system that was mounted read-only
        driver = tx.connection.dbapi_connection
        assert driver is not None
        tx.exec_driver_sql("PRAGMA query_only = ON")
    words = await readiness(kept, tmp_path, Wavstream()).obstacles()
    assert words == ("the catalogue cannot be written: the log says why",)


async def test_a_full_disk_is_an_obstacle_although_a_transaction_could_begin(
    kept: Catalog, tmp_path: Path
) -> None:
    with kept.transaction() as tx:
        # The file may not grow by a page, as on a full disk (SQLITE_FULL): the row of a new node needs one in
        # the end. So much is written before that no page has room.
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    full = Readiness(settings(tmp_path), "n" * 100_000, kept, Wavstream().reachable)
    assert await full.obstacles() == ("the catalogue cannot be written: the log says why",)


@pytest.mark.parametrize(("free", "ready"), [(99_999_999, False), (100_000_000, True)])
async def test_a_disk_below_its_mark_is_an_obstacle(
    kept: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, ready: bool
) -> None:
    class Usage:
        def __init__(self, _path: Path) -> None:
            self.free = free

    monkeypatch.setattr(shutil, "disk_usage", Usage)
    found = await readiness(kept, tmp_path, Wavstream(), disk_free_mb=100).obstacles()
    assert found == (() if ready else ("the disk is nearly full: 99 MB free, DISK_FREE_MB asks for 100",))


async def test_a_folder_that_is_gone_is_an_obstacle(kept: Catalog, tmp_path: Path) -> None:
    words = await readiness(kept, tmp_path / "gone", Wavstream()).obstacles()
    assert words == ("DATA_DIR cannot be read: No such file or directory",)
