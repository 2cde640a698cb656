"""A recording of 5 GiB through a real server, whose header becomes RF64 on the way, while a follower listens.

`make big`: some minutes, and 5 GiB of disk, which it gives back. The audio comes over `wavstream.v1` as fast
as it is taken. In the end soundfile, ffprobe and sox have to say the right duration, and the follower has to
have heard every byte.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import soundfile
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from wavstream import protocol, wav
from wavstream.chunks import HEADER_BYTES
from wavstream.service import Listening, serve
from wavstream.settings import ServerSettings

ID = "recording-big"
MESSAGE = bytes(range(256)) * 3750
"""5 s of 48 kHz stereo: 960,000 bytes."""
MESSAGES = 5593
"""Just over 5 GiB: 5,369,280,000 bytes."""
SECONDS = MESSAGES * 5
ROOM_BYTES = 6 << 30
MOST_SECONDS = 900.0
"""For all of it: ten times what it takes on a quick machine."""
AHEAD_BYTES = 64 << 20
"""The follower may be so far behind before the speaker waits: what it reads is still in memory then."""


class Follower:
    """Reads the live stream, and keeps its length and hash."""

    def __init__(self) -> None:
        self.header = b""
        self.audio_bytes = 0
        self.digest = hashlib.sha256()
        self.ended = trio.Event()
        self.attached = trio.Event()

    async def run(self, http: str) -> None:
        async with (
            httpx.AsyncClient(trust_env=False, timeout=MOST_SECONDS) as client,
            client.stream("GET", f"{http}/v1/recordings/{ID}/file.wav") as answer,
        ):
            answer.raise_for_status()
            async for piece in answer.aiter_raw():
                self._take(piece)
                self.attached.set()
        self.ended.set()

    def _take(self, piece: bytes) -> None:
        lacking = HEADER_BYTES - len(self.header)
        self.header += piece[:lacking]
        self.digest.update(piece[lacking:])
        self.audio_bytes += len(piece[lacking:])


async def speak(talk: WebSocketConnection, follower: Follower) -> None:
    """All messages; a dot for every 256 MiB."""
    for number in range(MESSAGES):
        while number * len(MESSAGE) - follower.audio_bytes > AHEAD_BYTES:  # noqa: ASYNC110 - as it is read
            await trio.sleep(0.01)
        await talk.send_message(MESSAGE)
        if number % 280 == 0:
            print(".", end="", flush=True)
    print()


async def hear(talk: WebSocketConnection) -> protocol.Message:
    return protocol.decode(str(await talk.get_message()))


async def acknowledged(talk: WebSocketConnection, offset: int) -> None:
    while True:
        said = await hear(talk)
        if isinstance(said, protocol.Ack) and said.offset >= offset:
            return


async def completed(talk: WebSocketConnection) -> protocol.Completed:
    await talk.send_message(protocol.encode(protocol.Stop(offset=MESSAGES * len(MESSAGE))))
    while not isinstance(said := await hear(talk), protocol.Completed):
        if not isinstance(said, protocol.Ack):
            raise TypeError(f"not completed: {said}")
    return said


async def record(listening: Listening) -> tuple[protocol.Completed, Follower]:
    follower = Follower()
    url = f"ws://{listening.ingest}{protocol.PATH}"
    connecting = open_websocket_url(url, subprotocols=[protocol.SUBPROTOCOL])
    async with trio.open_nursery() as nursery, connecting as talk:
        start = protocol.Start(recording_id=ID, sample_rate=48_000, channels=2, encoding="pcm16")
        await talk.send_message(protocol.encode(start))
        await talk.get_message()
        nursery.start_soon(follower.run, f"http://{listening.http}")
        await follower.attached.wait()
        async with trio.open_nursery() as both:
            both.start_soon(acknowledged, talk, MESSAGES * len(MESSAGE))
            await speak(talk, follower)
        done = await completed(talk)
        await follower.ended.wait()
    return done, follower


async def run(data_dir: Path) -> tuple[protocol.Completed, Follower]:
    """The whole of it, from the server's start to its stop."""
    settings = ServerSettings.load(
        data_dir=data_dir, wavstream_ingest="127.0.0.1:0", wavstream_http="127.0.0.1:0"
    )
    stopping = trio.Event()
    with trio.fail_after(MOST_SECONDS):
        async with trio.open_nursery() as nursery:
            listening: Listening = await nursery.start(partial(serve, settings, stopping=stopping))
            began = time.perf_counter()
            done, follower = await record(listening)
            print(f"recorded, followed and completed in {time.perf_counter() - began:.0f} s")
            stopping.set()
    return done, follower


def judged(path: Path, done: protocol.Completed, follower: Follower) -> Iterator[str]:
    """What is wrong, in words; nothing if all of it is right."""
    audio = hashlib.sha256()
    for _ in range(MESSAGES):
        audio.update(MESSAGE)
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {
        "the file's kind": (start[:4], b"RF64"),
        "the length in its header": (wav.parse(start).data_bytes, MESSAGES * len(MESSAGE)),
        "its duration by completed": (done.duration, SECONDS),
        "its hash": (digest, done.sha256),
        "the follower's bytes": (follower.audio_bytes, MESSAGES * len(MESSAGE)),
        "the hash of what the follower heard": (follower.digest.hexdigest(), audio.hexdigest()),
        "the length in the follower's header": (wav.parse(follower.header).data_bytes, None),
        "soundfile": (soundfile.info(str(path)).duration, SECONDS),
        "ffprobe": (asked("ffprobe -v error -show_entries stream=duration -of csv=p=0", path), SECONDS),
        "sox": (asked("soxi -D", path), SECONDS),
    }
    for what, (found, expected) in facts.items():
        print(f"{what}: {found!r}")
        if found != expected:
            yield f"{what} is {found!r} and not {expected!r}"


def asked(command: str, path: Path) -> float:
    done = subprocess.run([*command.split(), str(path)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="wavstream-big-") as folder:
        free = shutil.disk_usage(folder).free
        if free < ROOM_BYTES:
            sys.exit(
                f"big: {folder} has {free >> 20} MiB free, and this takes {ROOM_BYTES >> 20}: set TMPDIR"
            )
        done, follower = trio.run(run, Path(folder))
        [path] = Path(folder).glob("recordings/*/*/*.wav")
        wrong = list(judged(path, done, follower))
    if wrong:
        sys.exit("big: " + "; ".join(wrong))
    print("big: a recording of 5 GiB is what it should be, for everybody")


if __name__ == "__main__":
    main()
