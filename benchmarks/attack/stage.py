"""Both programs for the attack: with their own limits, except that a key may ask as often as it can."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from benchmarks.attack.watch import Watch
from daemon import programs
from daemon.client import Client
from daemon.programs import Program
from daemon.settings import DaemonSettings
from wavstream.process.settings import Address, parse_address
from wavstream.settings import ServerSettings

UNLIMITED = "100000000"
"""Requests a minute: so that the limit of an application does not protect what is to be attacked."""


@dataclass(frozen=True)
class Stage:
    """Where everything is, and what it takes."""

    api: Address
    downloads: Address
    ingest: Address
    token: str
    keys: dict[str, str]
    """By application: `victim` places calls, `attacker` has a key as well."""
    daemon: Watch
    server: Watch

    @property
    def watches(self) -> dict[str, Watch]:
        """By the program's name."""
        return {"daemon": self.daemon, "wavstream": self.server}

    def client(self, app_id: str) -> AbstractAsyncContextManager[Client]:
        """A client of that application."""
        return Client.connect(f"http://{self.api}", {"X-App-ID": app_id, "X-API-Key": self.keys[app_id]})


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Stage]:
    """Start both programs; end them with the block."""
    fields = {*DaemonSettings.model_fields, *ServerSettings.model_fields}
    token, admin_key = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    bare = programs.without(frozenset(name.upper() for name in fields)) | {
        "WAVSTREAM_TOKEN": token,
        "DATA_DIR": str(folder),
        **dict.fromkeys(
            (
                "DAEMON_HTTP",
                "DAEMON_RTP",
                "DAEMON_AUDIOSOCKET",
                "DAEMON_MEDIA",
                "WAVSTREAM_INGEST",
                "WAVSTREAM_HTTP",
            ),
            "127.0.0.1:0",
        ),
    }
    async with trio.open_nursery() as nursery:
        server = _watched("server", bare)
        found = await nursery.start(server.program.run)
        told = {
            "WAVSTREAM_URL": f"ws://{found['ingest']}",
            "WAVSTREAM_PUBLIC_URL": f"http://{found['http']}",
            "ADMIN_API_KEY": admin_key,
            "RATE_LIMIT": UNLIMITED,
        }
        daemon = _watched("daemon", bare | told)
        answers = await nursery.start(daemon.program.run)
        yield Stage(
            api=parse_address(answers["http"]),
            downloads=parse_address(found["http"]),
            ingest=parse_address(found["ingest"]),
            token=token,
            keys=await _registered(f"http://{answers['http']}", admin_key),
            daemon=daemon,
            server=server,
        )
        for watch in (daemon, server):
            watch.program.stop()
            await watch.program.ended.wait()


def _watched(name: programs.Name, environment: dict[str, str]) -> Watch:
    watch = Watch()
    watch.program = Program(name, environment, watch.log)
    return watch


async def _registered(api: str, admin_key: str) -> dict[str, str]:
    keys = {app_id: secrets.token_urlsafe(24) for app_id in ("victim", "attacker")}
    async with Client.connect(api, {"X-Admin-API-Key": admin_key}) as operator:
        for app_id, key in keys.items():
            await operator.register(app_id, webhook_url="", api_key=key, rate_limit=0, events=[])
    return keys
