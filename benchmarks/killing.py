"""wavstream killed at random moments under sessions whose clients resume: no byte may be lost or doubled.

    python -m benchmarks.killing [KILLS SESSIONS SEED]

The clients are the daemon's own sender and window. Each session ends after a kill that the seed chooses, so
that some kills meet recordings that are just being completed. Exit status 0 only if every file is what its
client sent, to the byte, and every client has heard `completed` once, of that file.
"""

import hashlib
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog
import trio

from daemon import programs
from daemon.programs import Program
from daemon.recording.endpoint import WavstreamEndpoint
from daemon.recording.sender import Sender
from daemon.recording.window import ReplayWindow
from wavstream import protocol, wav
from wavstream.process import logs

KILLS = 20
SESSIONS = 50
BYTE_RATE = 16_000
BEAT_SECONDS = 0.1
LIVES = (0.1, 1.5)
"""Seconds that a server lives once it is ready, at least and at most."""
BOUND_SECONDS = 300.0
"""For all of it, twenty times two seconds to start and one to live, on a machine that is busy."""


class LostError(Exception):
    """A byte is not where it belongs, or an end was not told once. The text says of which recording."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one client sent, and what it heard of it in the end."""

    audio: bytes
    completed: protocol.Completed


class Stage:
    """One server after the other on the same ports and folder, and the kills."""

    def __init__(self, folder: Path, nursery: trio.Nursery, chance: random.Random) -> None:
        self.folder = folder
        self.kills = 0
        self.addresses: Mapping[str, str] = {"ingest": "127.0.0.1:0", "http": "127.0.0.1:0"}
        self._nursery = nursery
        self._chance = chance
        self._killed = trio.lowlevel.ParkingLot()
        self._server: Program

    async def start(self) -> None:
        """Start a server where the one before it was."""
        told = {
            "WAVSTREAM_INGEST": self.addresses["ingest"],
            "WAVSTREAM_HTTP": self.addresses["http"],
            "DATA_DIR": str(self.folder),
        }
        self._server = Program("server", programs.without(frozenset()) | told, lambda _line: None)
        self.addresses = dict(await self._nursery.start(self._server.run))

    async def kill(self, times: int) -> None:
        """Let it live for a while, kill it, and start it again; so many times."""
        for _ in range(times):
            await trio.sleep(self._chance.uniform(*LIVES))
            self._server.signal(signal.SIGKILL)
            await self._server.ended.wait()
            self.kills += 1
            self._killed.unpark_all()
            await self.start()

    async def killed(self, times: int) -> None:
        """Wait until that many have been killed."""
        while self.kills < times:
            await self._killed.park()


async def main(kills: int, sessions: int, seed: int) -> None:
    """Raises LostError, TooSlowError."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as servers:
            stage = Stage(Path(folder), servers, chance)
            await stage.start()
            told: dict[str, Told] = {}
            async with trio.open_nursery() as nursery:
                for number in range(sessions):
                    last = chance.randint(1, kills)
                    nursery.start_soon(_session, stage, f"killing-{number:04}", last, told)
                await stage.kill(kills)
            await _judge(stage, told, sessions)
            servers.cancel_scope.cancel()


async def _session(stage: Stage, recording_id: str, last: int, told: dict[str, Told]) -> None:
    """One client: speaks in real time until that many servers have been killed, and waits for `completed`."""
    window = ReplayWindow(capacity=int(BOUND_SECONDS * BYTE_RATE), silent_byte=0)
    sender = Sender(
        start=protocol.Start(
            recording_id=recording_id, sample_rate=8000, channels=1, encoding="pcm16", metadata={}
        ),
        endpoint=WavstreamEndpoint(f"ws://{stage.addresses['ingest']}"),
        window=window,
        log=logs.get(__name__),
    )
    source = random.Random(recording_id)
    audio = bytearray()

    async def speak() -> None:
        with trio.CancelScope() as speaking:

            async def end() -> None:
                await stage.killed(last)
                speaking.cancel()

            nursery.start_soon(end)
            while True:
                piece = source.randbytes(int(BYTE_RATE * BEAT_SECONDS))
                audio.extend(piece)
                window.append(piece)
                sender.news()
                await trio.sleep(BEAT_SECONDS)
        window.close()
        sender.news()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak)
        completed = await sender.run()
    if recording_id in told or window.lost:
        raise LostError(f"{recording_id}: {window.lost} bytes were let go")
    told[recording_id] = Told(bytes(audio), completed)


async def _judge(stage: Stage, told: Mapping[str, Told], sessions: int) -> None:
    """Files, rows and what the clients were told, against what they sent. Raises LostError."""
    async with httpx.AsyncClient(base_url=f"http://{stage.addresses['http']}", trust_env=False) as http:
        answer = await http.get("/v1/recordings", params={"limit": str(sessions + 1)})
    rows: list[dict[str, Any]] = answer.json()["recordings"]
    if sorted(row["recording_id"] for row in rows) != sorted(told) or len(told) != sessions:
        raise LostError(f"{len(rows)} recordings, and {len(told)} completed, of {sessions} sessions")
    for row in rows:
        await trio.to_thread.run_sync(_compare, stage.folder, row, told[row["recording_id"]])


def _compare(folder: Path, row: Mapping[str, Any], told: Told) -> None:
    file = (folder / row["path"]).read_bytes()
    header = wav.parse(file)
    right = {
        "the header": header.data_bytes == len(told.audio),
        "the file's audio": file[header.data_offset :] == told.audio,
        "the state": (row["state"], row["reason"]) == ("completed", "stopped"),
        "the duration": row["duration"] == len(told.audio) / BYTE_RATE == told.completed.duration,
        "the hash": hashlib.sha256(file).hexdigest() == row["sha256"] == told.completed.sha256,
        "the size": len(file) == row["size"] == told.completed.size,
    }
    for what, holds in right.items():
        if not holds:
            raise LostError(f"{row['recording_id']}: {what} is wrong")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    words = [int(word) for word in sys.argv[1:]]
    kills, sessions = words[:2] or (KILLS, SESSIONS)
    seed = words[2] if len(words) > 2 else int.from_bytes(os.urandom(4))
    print(f"python -m benchmarks.killing {kills} {sessions} {seed}", flush=True)
    began = time.perf_counter()
    trio.run(main, kills, sessions, seed)
    print(f"{kills} kills, {sessions} sessions, {time.perf_counter() - began:.0f} s: every byte is there")
