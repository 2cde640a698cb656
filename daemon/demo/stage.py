"""What the demonstration plays on: both programs on free ports, a folder for data, a webhook receiver."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import trio

from daemon import programs
from daemon.demo.receiver import Receiver
from daemon.programs import Program
from daemon.settings import DaemonSettings
from wavstream.settings import ServerSettings

RETENTION_SECONDS = 8.0
"""Long enough to download and compare a recording on a busy machine, short enough to watch it expire."""
CLOSING_SECONDS = 40.0
"""For both programs to end one after the other: each ends in a fraction of a second when nothing is being
done."""


@dataclass(frozen=True)
class Stage:
    """Where everything is."""

    folder: Path
    api_url: str
    downloads_url: str
    ingest: str
    admin_key: str
    receiver: Receiver
    server: Program
    daemon: Program

    async def close(self) -> None:
        """End both programs as systemd would: the daemon first, so that nothing is lost on its way."""
        with trio.move_on_after(CLOSING_SECONDS):
            for program in (self.daemon, self.server):
                program.stop()
                await program.ended.wait()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Stage]:
    """Start everything; end it with the block. Raises ProgramError."""
    bare = programs.without(_settings_names()) | {"WAVSTREAM_TOKEN": secrets.token_urlsafe(24)}
    admin_key = secrets.token_urlsafe(24)
    receiver = Receiver()
    with ExitStack() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(receiver.run)
            server = Program("server", bare | _for_server(folder), _writer(logs, folder / "server.log"))
            found = await nursery.start(server.run)
            told = bare | _for_daemon(folder, found) | {"ADMIN_API_KEY": admin_key}
            daemon = Program("daemon", told, _writer(logs, folder / "daemon.log"))
            answers = await nursery.start(daemon.run)
            yield Stage(
                folder=folder,
                api_url=f"http://{answers['http']}",
                downloads_url=f"http://{found['http']}",
                ingest=found["ingest"],
                admin_key=admin_key,
                receiver=receiver,
                server=server,
                daemon=daemon,
            )
            nursery.cancel_scope.cancel()


def _writer(logs: ExitStack, path: Path) -> Callable[[str], None]:
    """Writes a program's log to a file, line by line, so that it can be read while the program runs."""
    file: TextIO = logs.enter_context(path.open("a", encoding="utf-8", buffering=1))

    def write(line: str) -> None:
        file.write(line + "\n")

    return write


def _settings_names() -> frozenset[str]:
    """Every variable that either program reads: what is set in this shell must not matter."""
    fields = {*DaemonSettings.model_fields, *ServerSettings.model_fields}
    return frozenset({"NOTIFY_SOCKET", *(name.upper() for name in fields)})


def _for_server(folder: Path) -> dict[str, str]:
    return {
        "WAVSTREAM_INGEST": "127.0.0.1:0",
        "WAVSTREAM_HTTP": "127.0.0.1:0",
        "RECORDING_RETENTION_HOURS": str(RETENTION_SECONDS / 3600),
        "DATA_DIR": str(folder / "data"),
    }


def _for_daemon(folder: Path, server: Mapping[str, str]) -> dict[str, str]:
    return {
        "DAEMON_HTTP": "127.0.0.1:0",
        "DAEMON_RTP": "127.0.0.1:0",
        "DAEMON_AUDIOSOCKET": "127.0.0.1:0",
        "DAEMON_MEDIA": "127.0.0.1:0",
        "WAVSTREAM_URL": f"ws://{server['ingest']}",
        "WAVSTREAM_PUBLIC_URL": f"http://{server['http']}",
        "DATA_DIR": str(folder / "data"),
        "ALLOW_HTTP_WEBHOOKS": "true",
        "ALLOW_LOCALHOST_WEBHOOKS": "true",
    }
