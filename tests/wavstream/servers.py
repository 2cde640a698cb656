"""A running server for a test, and what a test asks of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import trio

from tests import web
from wavstream.service import Listening, serve
from wavstream.settings import ServerSettings

BOUND_SECONDS = 60
"""No test waits longer for anything; on a quick machine all of it comes within a second."""


@dataclass(frozen=True)
class Server:
    """A server that runs, and the folder that it works in."""

    listening: Listening
    data_dir: Path
    stopping: trio.Event
    http: httpx.AsyncClient

    async def json(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def recordings(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/v1/recordings", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["recordings"]
        return found

    async def until(self, right: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """All recordings, oldest first, once they are right: asked for again and again, as operators do."""
        with trio.fail_after(BOUND_SECONDS):
            while not right(found := (await self.recordings())[::-1]):  # noqa: ASYNC110 - no event comes
                await trio.sleep(0.02)
            return found

    async def one(self, recording_id: str, state: str) -> dict[str, Any]:
        """The recording, once it is in that state."""

        def right(found: list[dict[str, Any]]) -> bool:
            return (recording_id, state) in [(each["recording_id"], each["state"]) for each in found]

        await self.until(right)
        row: dict[str, Any] = await self.json(f"/v1/recordings/{recording_id}")
        return row

    async def ended(self, count: int) -> list[dict[str, Any]]:
        """All recordings, oldest first, once there are `count` and none of them runs."""
        return await self.until(
            lambda found: len(found) == count and all(each["state"] != "recording" for each in found)
        )

    def file(self, row: dict[str, Any]) -> Path:
        return self.data_dir / str(row["path"])


def the_file(data_dir: Path) -> Path:
    """The only recording's file, whatever the catalogue says."""
    [path] = data_dir.glob("recordings/*/*/*.wav")
    return path


def settings(data_dir: Path, **given: object) -> ServerSettings:
    return ServerSettings.load(
        **{"data_dir": data_dir, "wavstream_ingest": "127.0.0.1:0", "wavstream_http": "127.0.0.1:0"} | given
    )


def http_client(listening: Listening) -> httpx.AsyncClient:
    return web.client(base_url=f"http://{listening.http}", timeout=httpx.Timeout(BOUND_SECONDS))


@asynccontextmanager
async def running(data_dir: Path, **given: object) -> AsyncIterator[Server]:
    """A server until the end of the block, then stopped as by a signal."""
    stopping = trio.Event()
    async with trio.open_nursery() as nursery:
        with trio.fail_after(BOUND_SECONDS):
            listening: Listening = await nursery.start(
                partial(serve, settings(data_dir, **given), stopping=stopping)
            )
        try:
            async with http_client(listening) as http:
                yield Server(listening, data_dir, stopping, http)
        finally:
            stopping.set()
            nursery.cancel_scope.deadline = trio.current_time() + BOUND_SECONDS
    assert not nursery.cancel_scope.cancelled_caught, "the server did not stop by itself"
