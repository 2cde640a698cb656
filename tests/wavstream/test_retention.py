"""When recordings expire, and how they leave the disk."""

import time
from pathlib import Path
from typing import Any

import pytest
import trio

from storage import recordings as rows
from storage.catalog import Catalog
from storage.objects import DirectoryStore
from storage.recordings import Recording
from tests.wavstream.clients import client
from tests.wavstream.servers import BOUND_SECONDS, running
from wavstream import retention
from wavstream.protocol import Completed

STOPPED = 1_000_000.0


def row(number: int, *, state: Any = "completed", expires_at: float | None = STOPPED) -> Recording:
    return Recording(
        recording_id=f"recording-{number:04}",
        token=f"{number:032x}"[::-1],
        state=state,
        sample_rate=8000,
        channels=1,
        encoding="pcm16",
        started_at=STOPPED - number,
        expires_at=expires_at,
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog.open(f"sqlite:///{tmp_path / 'wavstream.db'}")
    catalog.migrate()
    return catalog


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "recordings")


def keep(catalog: Catalog, store: DirectoryStore, *kept: Recording) -> None:
    with catalog.transaction() as tx:
        for each in kept:
            rows.insert(tx, each)
            store.path(each.path).parent.mkdir(parents=True, exist_ok=True)
            store.path(each.path).write_bytes(b"audio")


@pytest.mark.contract("url-retention", "url-elsewhere")
@pytest.mark.parametrize(
    ("hours", "elsewhere", "expected"),
    [
        (24, False, STOPPED + 86_400),
        (0.5, False, STOPPED + 1800),
        (0, False, None),  # for ever
        (24, True, None),  # the other store's policy rules
    ],
)
def test_a_recording_expires_so_long_after_its_stop(
    hours: float, elsewhere: bool, expected: float | None
) -> None:
    assert retention.expires_at(STOPPED, retention_hours=hours, elsewhere=elsewhere) == expected


@pytest.mark.contract("url-gone")
def test_it_is_expired_from_that_very_instant_on() -> None:
    assert not retention.is_expired(row(1), STOPPED - 0.001)
    assert retention.is_expired(row(1), STOPPED)
    assert not retention.is_expired(row(1, expires_at=None), 1e12)


def test_a_sweep_removes_what_is_over_and_nothing_else(catalog: Catalog, store: DirectoryStore) -> None:
    over, still, never = row(1), row(2, expires_at=STOPPED + 1), row(3, expires_at=None)
    running_one, failed = row(4, state="recording"), row(5, state="failed")
    keep(catalog, store, over, still, never, running_one, failed)
    assert retention.sweep(catalog, store, STOPPED) == 2
    assert sorted(store.keys()) == sorted(each.path for each in (still, never, running_one))
    with catalog.transaction() as tx:
        assert rows.get(tx, over.recording_id) is rows.get(tx, failed.recording_id) is None
        assert rows.get(tx, still.recording_id) == still
    assert retention.sweep(catalog, store, STOPPED) == 0


def test_a_sweep_that_was_cut_short_is_gone_on_with(catalog: Catalog, store: DirectoryStore) -> None:
    keep(catalog, store, row(1), row(2))
    store.delete(row(1).path)  # the file went, and the program died before the row
    assert retention.sweep(catalog, store, STOPPED) == 2


def test_many_are_swept_in_batches(
    catalog: Catalog, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST_AT_ONCE", 2)
    keep(catalog, store, *map(row, range(5)))
    assert [retention.sweep(catalog, store, STOPPED) for _ in range(4)] == [2, 2, 1, 0]


async def test_the_sweeper_takes_an_expired_file_off_the_disk_and_out_of_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SWEEP_SECONDS", 0.05)
    async with running(tmp_path, recording_retention_hours=0.5 / 3600) as server:
        async with client(server) as talk:
            await talk.start("recording-1")
            await talk.audio(b"ab" * 8000)
            done = await talk.stop(16_000)
        assert isinstance(done, Completed)
        assert done.expires_at is not None
        await server.until(lambda found: found == [])
        assert time.time() >= done.expires_at
        assert list((tmp_path / "recordings").iterdir()) == []
        assert "wavstream_recordings_expired_total 1.0" in (await server.http.get("/metrics")).text


async def test_a_sweep_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    monkeypatch.setattr(retention, "SWEEP_SECONDS", 0.05)
    fails = iter([OSError("no"), OSError("no")])
    done = trio.Event()

    def sweep(*_: object) -> int:
        for wrong in fails:
            raise wrong
        trio.from_thread.run_sync(done.set)
        return 0

    monkeypatch.setattr(retention, "sweep", sweep)
    async with running(tmp_path):
        with trio.fail_after(BOUND_SECONDS):
            await done.wait()
    assert [each["log_level"] for each in logged if "sweep failed" in each["event"]] == ["warning"] * 2
