"""How recordings that are over leave the disk and the catalogue."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
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
from wavstream import sweeper
from wavstream.protocol import Completed
from wavstream.sweeper import Swept, sweep

STOPPED = 1_000_000.0


def row(
    number: int,
    *,
    state: Any = "completed",
    expires_at: float | None = STOPPED,
    held_at: float | None = None,
) -> Recording:
    return Recording(
        recording_id=f"recording-{number:04}",
        token=f"{number:032x}"[::-1],
        state=state,
        sample_rate=8000,
        channels=1,
        encoding="pcm16",
        started_at=STOPPED - number,
        expires_at=expires_at,
        size=5,
        held_at=held_at,
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
            store.path(each.side_path).write_bytes(b"{}")


def kept(store: DirectoryStore) -> set[str]:
    """The recordings, by their keys, of which a file is on the disk; each then has both of its files."""
    keys = set(store.keys())
    audio = {key for key in keys if key.endswith(".wav")}
    assert keys - audio == {key.removesuffix(".wav") + ".json" for key in audio}
    return audio


def test_a_sweep_removes_what_is_over_and_nothing_else(catalog: Catalog, store: DirectoryStore) -> None:
    over, still, never = row(1), row(2, expires_at=STOPPED + 1), row(3, expires_at=None)
    running_one, failed, held = row(4, state="recording"), row(5, state="failed"), row(6, held_at=1.0)
    keep(catalog, store, over, still, never, running_one, failed, held)
    # Two of five bytes each.
    assert sweep(catalog, store, STOPPED) == Swept(removed=2, freed=10)
    assert kept(store) == {each.path for each in (still, never, running_one, held)}
    with catalog.transaction() as tx:
        assert rows.get(tx, over.recording_id) is rows.get(tx, failed.recording_id) is None
        assert rows.get(tx, still.recording_id) == still
    assert sweep(catalog, store, STOPPED) == Swept()


def test_what_it_leaves_empty_goes_as_well(catalog: Catalog, store: DirectoryStore) -> None:
    keep(catalog, store, row(1))
    sweep(catalog, store, STOPPED)
    assert list((store.path(row(1).path).parents[2]).iterdir()) == []


@pytest.mark.parametrize("there", ["both", "audio", "side file", "neither"])
def test_a_sweep_that_was_cut_short_is_gone_on_with(
    catalog: Catalog, store: DirectoryStore, there: str
) -> None:
    keep(catalog, store, row(1), row(2))
    with catalog.transaction() as tx:
        assert len(rows.claim(tx, now=STOPPED, limit=1)) == 1
    # And the program died somewhere behind that.
    if there in {"side file", "neither"}:
        store.delete(row(1).path)
    if there in {"audio", "neither"}:
        store.delete(row(1).side_path)
    assert sweep(catalog, store, STOPPED).removed == 2
    assert list(store.keys()) == []


def test_many_are_swept_in_batches(
    catalog: Catalog, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "MOST_AT_ONCE", 2)
    keep(catalog, store, *map(row, range(5)))
    assert [sweep(catalog, store, STOPPED).removed for _ in range(4)] == [2, 2, 1, 0]


class Stuck(DirectoryStore):
    """A store in which some files cannot be removed."""

    stuck: frozenset[str] = frozenset()

    def delete(self, key: str) -> bool:
        if key in self.stuck:
            raise PermissionError(13, "Permission denied")
        return super().delete(key)


def test_a_file_that_cannot_be_removed_stands_before_no_other_and_is_tried_again(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "MOST_AT_ONCE", 1)
    store = Stuck(tmp_path / "recordings")
    keep(catalog, store, row(1, expires_at=STOPPED - 1), row(2))
    store.stuck = frozenset([row(1).path])
    assert sweep(catalog, store, STOPPED) == Swept(failed=1)
    assert sweep(catalog, store, STOPPED) == Swept(removed=1, freed=5)
    store.stuck = frozenset()
    assert sweep(catalog, store, STOPPED + sweeper.AGAIN_SECONDS - 1) == Swept()
    assert sweep(catalog, store, STOPPED + sweeper.AGAIN_SECONDS).removed == 1
    assert list(store.keys()) == []


def test_a_recording_that_begins_in_a_folder_that_is_being_swept_gets_its_file(store: DirectoryStore) -> None:
    key = "ab/cd/{:032x}.wav".format
    stop = threading.Event()

    def begin() -> int:
        number = 0
        while not stop.is_set():
            os.close(store.create(key(number)))
            store.size(key(number))
            store.delete(key(number))
            number += 1
        return number

    def end() -> None:
        for number in range(1000, 1300):
            os.close(store.create(key(number)))
            store.delete(key(number))

    with ThreadPoolExecutor() as threads:
        begun = threads.submit(begin)
        try:
            threads.submit(end).result()
        finally:
            stop.set()
        assert begun.result() > 0
    assert list(store.keys()) == []


async def test_the_sweeper_takes_an_expired_file_off_the_disk_and_out_of_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.05)
    async with running(tmp_path, recording_retention_hours=0.5 / 3600) as server:
        async with client(server) as talk:
            await talk.start("recording-1")
            await talk.audio(b"ab" * 8000)
            done = await talk.stop(16_000)
        assert isinstance(done, Completed)
        assert done.expires_at is not None
        await server.until(lambda found: found == [])
        assert time.time() >= done.expires_at
        with trio.fail_after(BOUND_SECONDS):
            while list((tmp_path / "recordings").iterdir()):  # noqa: ASYNC110 - out of sight before it is gone
                await trio.sleep(0.01)
            while not [each for each in logged if each["event"] == "swept"]:  # noqa: ASYNC110 - a log
                await trio.sleep(0.01)
        metrics = (await server.http.get("/metrics")).text
    assert "wavstream_recordings_expired_total 1.0" in metrics
    assert f"wavstream_recordings_expired_bytes_total {float(done.size)}" in metrics
    assert "wavstream_sweep_seconds_count" in metrics
    [swept] = [each for each in logged if each["event"] == "swept"]
    assert (swept["removed"], swept["bytes"], swept["failed"]) == (1, done.size, 0)


async def test_a_sweep_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.05)
    fails = iter([OSError("no"), OSError("no")])
    done = trio.Event()

    def failing(*_: object) -> Swept:
        for wrong in fails:
            raise wrong
        trio.from_thread.run_sync(done.set)
        return Swept()

    monkeypatch.setattr(sweeper, "sweep", failing)
    async with running(tmp_path):
        with trio.fail_after(BOUND_SECONDS):
            await done.wait()
    assert [each["log_level"] for each in logged if "sweep failed" in each["event"]] == ["warning"] * 2
