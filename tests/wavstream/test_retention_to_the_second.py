"""Retention as a client sees it, in virtual time: real sockets and files, and clocks that only we move."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from storage.catalog import Catalog
from storage.objects import DirectoryStore
from tests.wavstream.clients import client
from tests.wavstream.servers import Server, http_client, running
from wavstream import sweeper
from wavstream.metrics import Metrics
from wavstream.protocol import Completed
from wavstream.wallclock import PATIENCE_SECONDS

ID = "recording-1"
SECOND = bytes(range(250)) * 64
DAY = 86_400.0


class Clocks:
    """The steady clock, which is Trio's, and the wall clock, which keeps step with it unless it is set."""

    def __init__(self, steady: MockClock) -> None:
        self._steady = steady
        self._offset = time.time() - steady.current_time()

    def wall(self) -> float:
        return self._steady.current_time() + self._offset

    def pass_(self, seconds: float) -> None:
        """So much time passes."""
        self._steady.jump(seconds)

    def until(self, wall: float) -> None:
        """Time passes until the wall clock says so."""
        self.pass_(wall - self.wall())
        self._offset += wall - self.wall()  # what a sum of floats lacks

    def set(self, seconds: float) -> None:
        """Somebody sets the wall clock, so much ahead or back."""
        self._offset += seconds


@pytest.fixture
def clocks(mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Real speed while a recording is made; `mock_clock.rate = 0` stops both."""
    mock_clock.rate = 1
    clocks = Clocks(mock_clock)
    monkeypatch.setattr("time.time", clocks.wall)
    return clocks


async def recorded(server: Server) -> Completed:
    async with client(server) as talk:
        await talk.start(ID)
        for _ in range(30):  # 24 MB: more than the socket buffers hold of what is not read
            await talk.audio(SECOND * 50)
        done = await talk.stop(24_000_000)
    assert isinstance(done, Completed)
    return done


async def answers(server: Server, path: str) -> set[tuple[int, bool]]:
    """(status, whether a body came) of a GET and a HEAD, on a connection of their own; no `Location` ever."""
    found = set()
    async with http_client(server.listening) as http:
        for method in ("GET", "HEAD"):
            answer = await http.request(method, path, headers={"Range": "bytes=0-9"})
            assert "location" not in answer.headers
            found.add((answer.status_code, bool(answer.content)))
    return found


THERE = {(206, True), (200, False)}
GONE = {(404, False)}


@pytest.mark.contract("url-retention", "url-gone", "url-playback", "url-under-way")
async def test_a_url_is_there_to_the_last_second_of_a_day_and_gone_from_then_on(
    tmp_path: Path, mock_clock: MockClock, clocks: Clocks
) -> None:
    async with running(tmp_path) as server:
        done = await recorded(server)
        mock_clock.rate = 0
        path = done.url.removeprefix(str(server.http.base_url).rstrip("/"))
        assert done.expires_at is not None
        assert done.expires_at == (await server.json(f"/v1/recordings/{ID}"))["stopped_at"] + DAY
        for hours in (1, 12, 23):
            clocks.until(done.expires_at - DAY + hours * 3600)
            assert await answers(server, path) == THERE
        clocks.until(done.expires_at - 1)
        assert await answers(server, path) == THERE
        async with http_client(server.listening) as http, http.stream("GET", path) as under_way:
            pieces = under_way.aiter_raw()
            received = len(await anext(pieces))
            clocks.until(done.expires_at)
            assert await answers(server, path) == GONE
            async for piece in pieces:
                received += len(piece)
        assert received == done.size
        mock_clock.rate = 1
    async with running(tmp_path) as server:
        assert await answers(server, path) == GONE


@pytest.mark.contract("url-playback")
async def test_a_restart_in_its_last_second_neither_ends_nor_prolongs_it(
    tmp_path: Path, mock_clock: MockClock, clocks: Clocks
) -> None:
    async with running(tmp_path) as server:
        done = await recorded(server)
        path = done.url.removeprefix(str(server.http.base_url).rstrip("/"))
    assert done.expires_at is not None
    clocks.until(done.expires_at - 60)
    async with running(tmp_path, recording_retention_hours=48) as server:
        mock_clock.rate = 0
        clocks.until(done.expires_at - 0.001)
        assert await answers(server, path) == THERE
        clocks.until(done.expires_at)
        assert await answers(server, path) == GONE
        mock_clock.rate = 1


async def test_a_clock_that_is_a_year_ahead_for_a_while_hides_recordings_and_removes_none(
    tmp_path: Path, mock_clock: MockClock, clocks: Clocks
) -> None:
    async with running(tmp_path) as server:
        done = await recorded(server)
        mock_clock.rate = 0
        path = done.url.removeprefix(str(server.http.base_url).rstrip("/"))
        clocks.set(365 * DAY)
        assert await answers(server, path) == GONE
        for _ in range(3):
            await swept(server, mock_clock)
        clocks.set(-365 * DAY)
        assert await answers(server, path) == THERE
        clocks.set(-365 * DAY)  # and back: what is not over yet is there
        assert await answers(server, path) == THERE
        mock_clock.rate = 1


async def swept(server: Server, clock: MockClock) -> None:
    """Let the sweeper come by once more, and wait for what it did."""

    async def count() -> float:
        async with http_client(server.listening) as http:
            lines = (await http.get("/metrics")).text.splitlines()
        [line] = [line for line in lines if line.startswith("wavstream_sweep_seconds_count")]
        return float(line.split()[1])

    now = before = await count()
    clock.jump(sweeper.SWEEP_SECONDS)
    while now == before:
        now = await count()


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    catalog = Catalog.open(f"sqlite:///{tmp_path / 'wavstream.db'}")
    catalog.migrate()
    yield catalog
    catalog.close()


class Sweeps:
    """The times at which a sweeper sweeps; each is told when it sleeps again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.metrics = Metrics()
        self._time = 0.0
        self._over = trio.Event()
        monkeypatch.setattr(sweeper, "sweep", self._sweep)
        monkeypatch.setattr(self.metrics, "sweep_seconds", self)

    def _sweep(self, _catalog: object, _store: object, now: float) -> sweeper.Swept:
        self._time = now
        return sweeper.Swept()

    def observe(self, _seconds: float) -> None:
        """From here to its sleep the sweeper lets nobody else run."""
        self._over.set()

    async def next(self) -> float:
        await self._over.wait()
        self._over = trio.Event()
        return self._time


@asynccontextmanager
async def sweeping(catalog: Catalog, folder: Path, sweeps: Sweeps) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(  # noqa: ASYNC113 - its first sweep is waited for
            sweeper.Sweeper(catalog, DirectoryStore(folder), sweeps.metrics).run
        )
        yield
        nursery.cancel_scope.cancel()


async def test_a_clock_that_stays_ahead_is_believed_after_an_hour(
    tmp_path: Path,
    mock_clock: MockClock,
    clocks: Clocks,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    logged: list[Any],
) -> None:
    mock_clock.rate = 0
    sweeps = Sweeps(monkeypatch)
    async with sweeping(catalog, tmp_path / "objects", sweeps):
        began = await sweeps.next()
        assert began == clocks.wall()
        clocks.set(365 * DAY)
        clocks.pass_(sweeper.SWEEP_SECONDS)
        assert await sweeps.next() == pytest.approx(began + sweeper.SWEEP_SECONDS, abs=1e-3)
        clocks.pass_(PATIENCE_SECONDS)
        assert await sweeps.next() == pytest.approx(clocks.wall(), abs=1e-3)
    assert [each["log_level"] for each in logged if "clock" in each["event"]] == ["warning", "info"]


async def test_a_start_under_a_clock_that_is_ahead_waits_as_well(
    tmp_path: Path,
    mock_clock: MockClock,
    clocks: Clocks,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mock_clock.rate = 0
    sweeps = Sweeps(monkeypatch)
    async with sweeping(catalog, tmp_path / "objects", sweeps):
        before = await sweeps.next()
    clocks.set(365 * DAY)
    async with sweeping(catalog, tmp_path / "objects", sweeps):
        # The note in the catalogue is as old as the first sweep: an hour more than that is believed.
        assert await sweeps.next() == pytest.approx(before + sweeper.AWAY_SECONDS, abs=1e-3)
