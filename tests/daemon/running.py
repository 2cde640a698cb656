"""A whole daemon in the test's own process, on free ports, and what an application does with it."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import trio

from daemon.media import rtp
from daemon.service import Listening, serve
from daemon.settings import DaemonSettings
from tests import web
from tests.wavstream import servers
from tests.wavstream.servers import Server

BOUND_SECONDS = 60
"""No test waits longer for anything; on a quick machine all of it comes within two seconds."""
ADMIN_KEY = "the operator's own key"
API_KEY = "an application's own key"
NOWHERE = "ws://127.0.0.1:9"
"""The discard port: nobody listens, so that a recording waits for its connection."""


@dataclass(frozen=True)
class Application:
    """One application, as its programs see the daemon."""

    http: httpx.AsyncClient
    webhook_secret: str | None

    async def call(self, **body: Any) -> str:
        """A new session's id."""
        return str((await self.created(**body))["session_uuid"])

    async def created(self, **body: Any) -> dict[str, Any]:
        """A new session."""
        answer = await self.http.post("/api/v1/sessions", json=body)
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def command(self, session_uuid: str, command: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"/api/v1/sessions/{session_uuid}/commands/{command}", json=body)

    async def show(self, session_uuid: str) -> dict[str, Any]:
        answer = await self.http.get(f"/api/v1/sessions/{session_uuid}")
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def file(self, session_uuid: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        return await self.http.request(method, f"/api/v1/sessions/{session_uuid}/recording/file.wav", **more)

    async def until(self, session_uuid: str, right: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The session, once it is right: asked for again and again, as applications do."""
        with trio.fail_after(BOUND_SECONDS):
            while not right(view := await self.show(session_uuid)):  # noqa: ASYNC110 - no event comes
                await trio.sleep(0.02)
            return view

    async def recording(self, session_uuid: str, state: str) -> dict[str, Any]:
        """The session's recording, once it is in this state."""
        view = await self.until(session_uuid, lambda view: (view["recording"] or {}).get("state") == state)
        recording: dict[str, Any] = view["recording"]
        return recording


@dataclass(frozen=True)
class Daemon:
    """A daemon that runs."""

    listening: Listening
    stopping: trio.Event
    settings: DaemonSettings

    @property
    def url(self) -> str:
        return f"http://{self.listening.http}"

    @asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """Anybody's client."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with web.client(base_url=self.url, headers=named, timeout=BOUND_SECONDS) as http:
            yield http

    async def register(self, app_id: str, **fields: Any) -> httpx.Response:
        """The operator creates or replaces an application."""
        body = {"webhook_url": "", "api_key": API_KEY, "rate_limit": 0, "events": []} | fields
        async with self.client(X_Admin_API_Key=ADMIN_KEY) as http:
            return await http.post(f"/admin/apps/{app_id}", json=body)

    @asynccontextmanager
    async def application(self, app_id: str = "shop", **fields: Any) -> AsyncIterator[Application]:
        """Register an application, and be it."""
        registered = await self.register(app_id, **fields)
        assert registered.status_code == 200, registered.text
        key = str(fields.get("api_key", API_KEY))
        async with self.client(X_App_ID=app_id, X_API_Key=key) as http:
            yield Application(http, registered.json().get("webhook_secret"))


def settings(data_dir: Path, **given: object) -> DaemonSettings:
    """Those of a daemon that records to nowhere, unless it is told where."""
    defaults: dict[str, object] = {
        "data_dir": data_dir,
        "daemon_http": "127.0.0.1:0",
        "daemon_rtp": "127.0.0.1:0",
        "daemon_audiosocket": "127.0.0.1:0",
        "daemon_media": "127.0.0.1:0",
        "wavstream_url": NOWHERE,
        "wavstream_public_url": "http://127.0.0.1:9",
        "admin_api_key": ADMIN_KEY,
        "unknown_rate_limit": 100_000,
        "allow_http_webhooks": True,
        "allow_localhost_webhooks": True,
    }
    return DaemonSettings.load(**defaults | given)


@asynccontextmanager
async def running(data_dir: Path, **given: object) -> AsyncIterator[Daemon]:
    """A daemon until the end of the block, then stopped as by a signal."""
    stopping = trio.Event()
    chosen = settings(data_dir, **given)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(BOUND_SECONDS):
            listening: Listening = await nursery.start(partial(serve, chosen, stopping=stopping))
        try:
            yield Daemon(listening, stopping, chosen)
        finally:
            stopping.set()
            nursery.cancel_scope.deadline = trio.current_time() + BOUND_SECONDS
    assert not nursery.cancel_scope.cancelled_caught, "the daemon did not stop by itself"


@asynccontextmanager
async def killable(data_dir: Path, **given: object) -> AsyncIterator[Daemon]:
    """A daemon that is cancelled at the end of the block: it does nothing more, as one that was killed."""
    async with trio.open_nursery() as nursery:
        chosen = settings(data_dir, **given)
        with trio.fail_after(BOUND_SECONDS):
            listening: Listening = await nursery.start(partial(serve, chosen, stopping=trio.Event()))
        yield Daemon(listening, trio.Event(), chosen)
        nursery.cancel_scope.cancel()


def recording_to(server: Server) -> dict[str, object]:
    """The settings of a daemon that records to this wavstream."""
    return {
        "wavstream_url": f"ws://{server.listening.ingest}",
        "wavstream_public_url": f"http://{server.listening.http}",
    }


@asynccontextmanager
async def both(folder: Path, **given: object) -> AsyncIterator[tuple[Daemon, Server]]:
    """A daemon, and the wavstream that it records to."""
    async with (
        servers.running(folder / "wavstream") as server,
        running(folder / "daemon", **recording_to(server) | given) as daemon,
    ):
        yield daemon, server


def speak(
    session: dict[str, Any],
    *,
    packets: int = 1,
    leg: int = 0,
    payload_type: int = 0,
    payload: bytes = bytes(range(160)),
) -> None:
    """Send RTP to a leg of a session, all at once: 160 bytes a packet, which are 20 ms of PCMU."""
    address = session["media"]["rtp"][leg]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        for number in range(packets):
            packet = rtp.build(
                payload_type=payload_type,
                sequence=number,
                timestamp=160 * number,
                ssrc=7,
                payload=payload,
            )
            caller.sendto(packet, (address["host"], address["port"]))
