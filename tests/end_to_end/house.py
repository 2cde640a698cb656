"""Both programs as real processes on free ports; killed and started again at will."""

import json
import secrets
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio

from daemon import programs, speech
from daemon.caller.sound import load
from daemon.caller.talk import Talk
from daemon.client import Client
from daemon.media.codecs import PCMU
from daemon.programs import Program
from tests import web

PATIENCE_SECONDS = 60
"""A bound for every wait in these tests; none comes near it."""


def spoken_seconds(seconds: float) -> Talk:
    """The beginning of the committed speech, as PCMU."""
    sound = load(speech.CALLER, PCMU.rate)
    return Talk.of(sound[: round(seconds * PCMU.rate)], PCMU, 0)


class House:
    """wavstream and the daemon, each with its log."""

    def __init__(self, folder: Path, nursery: trio.Nursery) -> None:
        self.folder = folder
        self.token = secrets.token_urlsafe(24)
        self.admin_key = secrets.token_urlsafe(24)
        self.log: list[Mapping[str, Any]] = []
        self.server: Program
        self.daemon: Program
        self._nursery = nursery
        self._found: dict[str, str] = {"ingest": "127.0.0.1:0", "http": "127.0.0.1:0"}
        self._api = "127.0.0.1:0"
        self._audiosocket = self._media = "127.0.0.1:0"
        self._news = trio.Event()

    @property
    def downloads_url(self) -> str:
        """wavstream's HTTP."""
        return f"http://{self._found['http']}"

    @property
    def api(self) -> str:
        """Host and port of the daemon's HTTP."""
        return self._api

    @property
    def ingest(self) -> str:
        """Host and port of wavstream's audio input."""
        return self._found["ingest"]

    async def start_server(self, **more: str) -> None:
        """Start wavstream: on free ports, and on the same ones when it is started again."""
        told = {
            "WAVSTREAM_INGEST": self._found["ingest"],
            "WAVSTREAM_HTTP": self._found["http"],
            "WAVSTREAM_TOKEN": self.token,
            "DATA_DIR": str(self.folder),
            **more,
        }
        self.server = Program("server", programs.without(frozenset()) | told, self._hear)
        self._found = dict(await self._nursery.start(self.server.run))

    async def start_daemon(self, **more: str) -> None:
        """Start the daemon, told where wavstream is."""
        told = {
            "DAEMON_HTTP": self._api,
            "DAEMON_RTP": "127.0.0.1:0",
            "DAEMON_AUDIOSOCKET": self._audiosocket,
            "DAEMON_MEDIA": self._media,
            "WAVSTREAM_URL": f"ws://{self.ingest}",
            "WAVSTREAM_PUBLIC_URL": self.downloads_url,
            "WAVSTREAM_TOKEN": self.token,
            "ADMIN_API_KEY": self.admin_key,
            "DATA_DIR": str(self.folder),
            "ALLOW_HTTP_WEBHOOKS": "true",
            "ALLOW_LOCALHOST_WEBHOOKS": "true",
            **more,
        }
        self.daemon = Program("daemon", programs.without(frozenset()) | told, self._hear)
        found = await self._nursery.start(self.daemon.run)
        self._api, self._audiosocket, self._media = found["http"], found["audiosocket"], found["media"]

    async def end(self, program: Program, number: signal.Signals) -> int | None:
        """Send a real signal and wait for the exit status."""
        program.signal(number)
        with trio.fail_after(PATIENCE_SECONDS):
            await program.ended.wait()
        return program.status

    @asynccontextmanager
    async def application(self, app_id: str = "test", **fields: Any) -> AsyncIterator[Client]:
        """Register an application and be it."""
        key = secrets.token_urlsafe(24)
        body = {"webhook_url": "", "api_key": key, "rate_limit": 10000, "events": [], **fields}
        async with Client.connect(f"http://{self._api}", {"X-Admin-API-Key": self.admin_key}) as operator:
            await operator.register(app_id, **body)
        headers = {"X-App-ID": app_id, "X-API-Key": key}
        async with Client.connect(f"http://{self._api}", headers) as client:
            yield client

    @asynccontextmanager
    async def http(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """Anybody's HTTP client for the daemon."""
        async with web.client(base_url=f"http://{self._api}", headers=headers) as http:
            yield http

    async def logged(self, event: str, **fields: object) -> Mapping[str, Any]:
        """Wait for a line of either log."""
        with trio.fail_after(PATIENCE_SECONDS):
            while True:
                for line in self.log:
                    if line.get("event") == event and fields.items() <= line.items():
                        return line
                await self._news.wait()

    def _hear(self, line: str) -> None:
        said = programs.parsed(line)
        self.log.append(said or {"event": line})
        self._news.set()
        self._news = trio.Event()


@asynccontextmanager
async def opened(folder: Path, **more: str) -> AsyncIterator[House]:
    """A house with both programs running, told something more by their environment."""
    async with trio.open_nursery() as nursery:
        house = House(folder, nursery)
        await house.start_server(**more)
        await house.start_daemon(**more)
        yield house
        nursery.cancel_scope.cancel()


def dump(house: House) -> str:
    """Both logs, for the message of a failed test."""
    return "\n".join(json.dumps(line) for line in house.log)
