"""The whole way, from RTP to the file: both programs as real processes, and what they cost."""

import os
import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path

import trio

from daemon import speech
from daemon.caller import campaign
from daemon.caller.pace import Spoken
from daemon.caller.sound import lasting, load
from daemon.caller.talk import PTIME_SECONDS, Talk
from daemon.client import Client
from daemon.media.codecs import PCMU
from daemon.programs import Program

CALLS = (50, 200)
SECONDS = 20

Rows = list[tuple[str, float, str]]
Spent = tuple[float, float]


def rows() -> Iterable[tuple[str, float, str]]:
    """(measure, value, unit) of so many calls at once, for so many seconds."""
    for calls in CALLS:
        with tempfile.TemporaryDirectory() as folder:
            yield from trio.run(_measure, Path(folder), calls)


async def _measure(folder: Path, calls: int) -> Rows:
    async with trio.open_nursery() as nursery:
        key = secrets.token_urlsafe(24)
        server = Program("server", _environment(folder), _silent)
        found = await nursery.start(server.run)
        told = {
            "WAVSTREAM_URL": f"ws://{found['ingest']}",
            "WAVSTREAM_PUBLIC_URL": f"http://{found['http']}",
            "ADMIN_API_KEY": key,
        }
        daemon = Program("daemon", _environment(folder, **told), _silent)
        api = f"http://{(await nursery.start(daemon.run))['http']}"
        measured = await _record(api, key, calls, (server, daemon))
        for program in (daemon, server):
            program.stop()
            await program.ended.wait()
    return measured


async def _record(api: str, admin_key: str, calls: int, both: tuple[Program, Program]) -> Rows:
    key = secrets.token_urlsafe(24)
    async with Client.connect(api, {"X-Admin-API-Key": admin_key}) as operator:
        await operator.register("bench", webhook_url="", api_key=key, rate_limit=10000, events=[])
    talk = Talk.of(lasting(load(speech.CALLER, PCMU.rate), SECONDS * PCMU.rate), PCMU, 0)
    spent = [_cpu_seconds(both)]

    def said(spoken: Spoken) -> None:
        """Note what has been spent by the first and by the last packet."""
        if spoken.packets in {1, len(talk.payloads)}:
            spent.append(_cpu_seconds(both))

    began = trio.current_time()
    async with Client.connect(api, {"X-App-ID": "bench", "X-API-Key": key}) as client:
        await campaign.record(client, talk, calls, said)
    wall = trio.current_time() - began
    spent.append(_cpu_seconds(both))
    return _rows(calls, spent, wall)


def _rows(calls: int, spent: list[Spent], wall: float) -> Rows:
    before, first, last, after = spent
    frames = calls * SECONDS / PTIME_SECONDS
    name = f"{calls} calls, {SECONDS} s"
    server, daemon = ((last[at] - first[at]) / frames * 1e6 for at in (0, 1))
    commands = sum(after) - sum(before) - sum(last) + sum(first)
    return [
        (f"{name}: daemon, RTP to WebSocket, a frame of 20 ms", daemon, "µs CPU"),
        (f"{name}: wavstream, WebSocket to file, a frame of 20 ms", server, "µs CPU"),
        (f"{name}: both, a frame of 20 ms", server + daemon, "µs CPU"),
        (f"{name}: both, all that is not audio, a call", commands / calls * 1e3, "ms CPU"),
        (
            f"{name}: both, with all that is not audio, of one core",
            (sum(after) - sum(before)) / wall * 100,
            "%",
        ),
    ]


def _cpu_seconds(both: tuple[Program, Program]) -> Spent:
    """Seconds of CPU that each program has spent so far (proc(5): utime and stime)."""
    server, daemon = (
        Path(f"/proc/{program.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
        for program in both
    )
    tick = os.sysconf("SC_CLK_TCK")
    return sum(map(int, server)) / tick, sum(map(int, daemon)) / tick


def _environment(folder: Path, **told: str) -> dict[str, str]:
    listeners = (
        "DAEMON_HTTP",
        "DAEMON_RTP",
        "DAEMON_AUDIOSOCKET",
        "DAEMON_MEDIA",
        "WAVSTREAM_INGEST",
        "WAVSTREAM_HTTP",
    )
    return {**os.environ, **dict.fromkeys(listeners, "127.0.0.1:0"), "DATA_DIR": str(folder), **told}


def _silent(_line: str) -> None:
    """Nobody reads the logs."""
