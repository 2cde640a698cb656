"""A catalogue that is lost is no secret, and keeps nothing from being recorded."""

from pathlib import Path
from typing import Any

import pytest

from storage import recordings as rows
from storage.catalog import Catalog
from storage.objects import DirectoryStore
from tests.wavstream.clients import audio, close, exchange, text, upgrade
from tests.wavstream.servers import Server, running
from tests.wavstream.test_recovery import unfinished
from wavstream import loss, sidefile
from wavstream.rebuild import rebuild

SECOND = bytes(range(250)) * 64


def lose_the_catalogue(data_dir: Path) -> None:
    for each in data_dir.glob("wavstream.db*"):
        each.unlink()


async def record(server: Server, name: str) -> None:
    await exchange(server.listening.ingest, [upgrade("/ws") + text(name) + audio(SECOND) + close()])


async def told(server: Server, logged: list[Any]) -> bool:
    """Whether it tells of a loss, in its log and in its metrics alike."""
    lines = [each["log_level"] for each in logged if "`wavstream rebuild`" in each["event"]]
    logged.clear()
    metrics = (await server.http.get("/metrics")).text
    assert f"wavstream_catalogue_lost {float(bool(lines))}\n" in metrics
    assert set(lines) <= {"error"}
    return bool(lines)


async def test_it_is_told_at_each_start_until_the_rebuild_and_recording_goes_on(
    tmp_path: Path, logged: list[Any]
) -> None:
    async with running(tmp_path) as server:
        await record(server, "before")
        await server.ended(1)
        assert not await told(server, logged)  # new, and with nothing on its disk
    async with running(tmp_path) as server:
        assert not await told(server, logged)  # all known
    lose_the_catalogue(tmp_path)
    async with running(tmp_path) as server:
        assert await told(server, logged)
        assert (await server.http.get("/ready")).status_code == 200
        await record(server, "after")
        await server.ended(1)
    async with running(tmp_path) as server:
        assert await told(server, logged)  # although there is a row by now
    catalog = Catalog.open(f"sqlite:///{tmp_path / 'wavstream.db'}")
    rebuild(catalog, DirectoryStore(tmp_path / "recordings"), seen=lambda *_: None)
    catalog.close()
    async with running(tmp_path) as server:
        assert not await told(server, logged)
        assert {each["name"] for each in await server.recordings()} == {"before", "after"}


@pytest.mark.parametrize("known", [False, True])
def test_a_start_looks_at_no_more_than_some_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(loss, "SAMPLE", 2)
    catalog = Catalog.open(f"sqlite:///{tmp_path / 'wavstream.db'}")
    catalog.migrate()
    store = DirectoryStore(tmp_path / "recordings")
    for number in range(5):
        row = unfinished(number)
        store.replace(row.side_path, sidefile.content(row), durable=False)
        if known:
            with catalog.transaction() as tx:
                rows.insert(tx, row)
    looked_at = []
    real = rows.by_token

    def counted(tx: Any, token: str) -> Any:
        looked_at.append(token)
        return real(tx, token)

    monkeypatch.setattr(rows, "by_token", counted)
    assert loss.unknown(catalog, store) is not known
    assert len(looked_at) == 2
    catalog.close()
