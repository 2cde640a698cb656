"""schemathesis against a running daemon, from the document that it serves: no 5xx, nothing undocumented.

`python -m tests.daemon.api.contract CASES SECONDS` is `make contract`.
"""

import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import trio
from typing_extensions import override

from tests.daemon.api import contract_hooks
from tests.daemon.running import ADMIN_KEY, API_KEY, Application, both

APP = "contract"
"""No example names it: nothing that is sent replaces or deletes it."""
SETTINGS = {
    "node_id": contract_hooks.NODE,
    "rate_limit": 1_000_000,
    "unknown_rate_limit": 1_000_000,
}
CONFIG = Path(__file__).with_name("contract.toml")
FILES = 65_536
"""Each registered call has a socket a leg."""


class Loopback(trio.abc.HostnameResolver):
    """Every name is this machine: no look-up leaves it, and no connection could."""

    @override
    async def getaddrinfo(self, host: Any, port: Any, *args: Any, **more: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port or 0))]

    @override
    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


async def examined(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """What schemathesis says of a daemon of its own."""
    trio.socket.set_custom_hostname_resolver(Loopback())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, FILES)), hard))
    async with both(folder, **SETTINGS) as (daemon, _), daemon.application(APP) as app:
        known, recording = await _history(app)
        async with daemon.application("another") as another:
            known.append(await another.call())
        command = [
            *(
                sys.executable,
                "-m",
                "schemathesis.cli",
                "--config-file",
                str(CONFIG),
                "run",
                f"{daemon.url}/openapi.json",
            ),
            *("-H", f"X-App-ID: {APP}", "-H", f"X-API-Key: {API_KEY}", "-H", f"X-Admin-API-Key: {ADMIN_KEY}"),
            *("--no-color", "--generation-database", "none", "--request-timeout", "10"),
            *arguments,
        ]
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": contract_hooks.__name__,
            contract_hooks.KNOWN: " ".join(known),
            contract_hooks.RECORDING: recording,
        }
        run = partial(trio.run_process, check=False, capture_stdout=True, stderr=subprocess.STDOUT)
        return await run(command, env=environment)


async def _history(app: Application) -> tuple[list[str], str]:
    """A call with a finished recording, and one that waits; the recording."""
    whole = await app.call(legs=2)
    await app.command(whole, "record/start")
    await app.command(whole, "hangup")
    recording = await app.recording(whole, "completed")
    return [whole, await app.call()], str(recording["recording_id"])


def main(cases: str, seconds: str) -> int:
    """Print what it says; its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--max-examples", cases, "--max-time", seconds, "--continue-on-failure"]
        said = trio.run(examined, Path(folder), arguments)
    print(said.stdout.decode())  # noqa: T201 - a program of its own
    return said.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
