"""What a call costs in wavstream: CPU per 20 ms of audio from the socket into the file, 200 calls at once.

The server runs in this process, as it does in earnest; the calls come from a process of their own, in real
time. Counted is the CPU time of the whole server process, all its threads, while the calls run.
"""

import array
import base64
import fcntl
import logging
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Self
from unittest.mock import patch

import httpx
import structlog
import trio

from wavstream import protocol, wav
from wavstream.chunks import HEADER_BYTES
from wavstream.ingest import server
from wavstream.process import cadence
from wavstream.service import Listening, serve
from wavstream.settings import ServerSettings

CALLS = 200
SECONDS = 1.6
SETTLE_SECONDS = 1.2
"""By then the files are made: that is a cost of the call, not of its audio."""
FRAME_BYTES = 320
FRAME_SECONDS = 0.02
V1_FRAMES = 10
"""In a message of the daemon's: 0.2 s."""
MASK = b"\x11\x22\x33\x44"
BOUND_SECONDS = 60.0
"""For any one thing that is waited for; on a quick machine none takes a tenth of it."""
ENDS = {
    "close": "close in the same instant",
    "reset": "are reset in the same instant",
    "vanish": "vanish without a FIN",
}
VANISHED = {socket.TCP_KEEPIDLE: 1, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 2}
"""Keepalive, so that the server finds out in a second what takes half a minute otherwise."""
TCP_REPAIR = 19
"""From linux/tcp.h, for CAP_NET_ADMIN."""


class WrongAudioError(Exception):
    """A file is not what its call has sent. The text says which."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the calls do: `calls` at once, each message `frames` of 20 ms, and how they `end` (see ENDS)."""

    dialect: str
    frames: int
    end: str = "close"
    calls: int = CALLS
    seconds: float = SECONDS
    settle_seconds: float = SETTLE_SECONDS

    @classmethod
    def of(cls, words: Sequence[str]) -> Self:
        """The one of which these are the `words`."""
        dialect, frames, end, calls, seconds, settle_seconds = words
        return cls(dialect, int(frames), end, int(calls), float(seconds), float(settle_seconds))

    def words(self) -> list[str]:
        """As a command line takes it."""
        return [str(getattr(self, each.name)) for each in fields(self)]

    @property
    def beats(self) -> int:
        """Messages of each call while it is measured."""
        return round(self.seconds / (self.frames * FRAME_SECONDS))

    @property
    def settle_beats(self) -> int:
        """Messages of each call before that."""
        return round(self.settle_seconds / (self.frames * FRAME_SECONDS))

    def name(self, number: int) -> str:
        """A call's."""
        return f"benchmark-{number:04}"

    def message(self, number: int, beat: int) -> bytes:
        """Its audio at a beat: no other call has it, and it has it at no other beat."""
        return struct.pack("<HH", number, beat) * (FRAME_BYTES // 4 * self.frames)


def rows() -> Iterable[tuple[str, float, str]]:
    """(name, value, unit) of each measurement. Raises WrongAudioError."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for dialect, frames, period in (("/ws", 1, 0.2), ("/ws", 1, 0.4), ("v1", V1_FRAMES, 0.2)):
        with patch.multiple(cadence, SECONDS_BY_LOAD=(), SLOWEST_SECONDS=period):
            cost, _ = trio.run(partial(measure, Load(dialect, frames)))
        name = f"{dialect}, {CALLS} calls, messages of {frames * 20} ms, {period} s beats"
        yield f"{name}: socket to file", cost * 1e6, "µs per 20 ms"
    for end, words in ENDS.items():
        _, ending = trio.run(partial(measure, Load("/ws", 1, end)))
        yield f"{CALLS} calls {words}: every byte of all right", ending, "s"


async def measure(load: Load) -> tuple[float, float]:
    """CPU seconds per 20 ms, and seconds until all recordings are completed after they ended at once.

    Raises WrongAudioError where a byte of a file is not its call's.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(server.KEEPALIVE, VANISHED if load.end == "vanish" else {}),
    ):
        settings = ServerSettings.load(
            data_dir=Path(folder), wavstream_ingest="127.0.0.1:0", wavstream_http="127.0.0.1:0"
        )
        stopping = trio.Event()
        async with trio.open_nursery() as nursery:
            listening: Listening = await nursery.start(partial(serve, settings, stopping=stopping))
            calls = await trio.lowlevel.open_process(
                [sys.executable, "-m", "benchmarks.ingest", str(listening.ingest.port), *load.words()],
                stdout=subprocess.PIPE,
            )
            try:
                cost = await _while_running(calls)
                ended = time.perf_counter()
                found = await _all_completed(listening, load)
                ending = time.perf_counter() - ended
                await trio.to_thread.run_sync(_compare, Path(folder), found, load)
            finally:
                calls.kill()
                with trio.CancelScope(shield=True, deadline=trio.current_time() + BOUND_SECONDS):
                    await calls.wait()
            stopping.set()
    return cost, ending


async def _while_running(calls: trio.Process) -> float:
    if calls.stdout is None:
        raise RuntimeError("no pipe")
    with trio.fail_after(BOUND_SECONDS):
        await _line(calls.stdout)  # they run
        busy = time.process_time()
        sent = int(await _line(calls.stdout))
        return (time.process_time() - busy) / sent


async def _line(stream: trio.abc.ReceiveStream) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        more = await stream.receive_some(1)
        if not more:
            raise RuntimeError("the calls have failed; their words are above")
        line += more
    return line


async def _all_completed(listening: Listening, load: Load) -> list[dict[str, str]]:
    url = f"http://{listening.http}/v1/recordings"
    question = {"state": "completed", "limit": str(load.calls)}
    completed: list[dict[str, str]] = []
    async with httpx.AsyncClient(trust_env=False, timeout=BOUND_SECONDS) as http:
        with trio.fail_after(BOUND_SECONDS):
            while len(completed) < load.calls:
                await trio.sleep(0.02)
                completed = (await http.get(url, params=question)).json()["recordings"]
    return completed


def _compare(folder: Path, found: Sequence[Mapping[str, str]], load: Load) -> None:
    """Every byte of every file on the disk against what its call sent. Raises WrongAudioError."""
    right = {load.name(number): number for number in range(load.calls)}
    for row in found:
        number = right.pop(row["recording_id" if load.dialect == "v1" else "name"])
        audio = b"".join(load.message(number, beat) for beat in range(load.settle_beats + load.beats))
        kept = (folder / row["path"]).read_bytes()
        said = wav.parse(kept[:HEADER_BYTES])
        if (said.data_offset, said.data_bytes) != (HEADER_BYTES, len(audio)) or kept[HEADER_BYTES:] != audio:
            raise WrongAudioError(f"call {number} of {load}")
    if right:
        raise WrongAudioError(f"no recording of {sorted(right)} of {load}")


def feed(port: int, load: Load) -> None:
    """The calls: all at once, in real time; writes when they run, and then how many frames they sent."""
    calls = [_call(port, load, number) for number in range(load.calls)]
    _talk(calls, load, range(load.settle_beats))
    print("go", flush=True)
    _talk(calls, load, range(load.settle_beats, load.settle_beats + load.beats))
    for call in calls:
        _all_delivered(call)
    print(load.beats * load.calls * load.frames, flush=True)
    for call in calls:
        _end(call, load)
    time.sleep(BOUND_SECONDS)  # to be killed: a server that hears no FIN has more to do


def _talk(calls: Sequence[socket.socket], load: Load, beats: range) -> None:
    """A switch's calls are on a phase of their own each; the daemon's work to one beat."""
    period = load.frames * FRAME_SECONDS
    messages = [[_frame(2, load.message(number, beat)) for number in range(len(calls))] for beat in beats]
    start = time.monotonic()
    for count, spoken in enumerate(messages):
        for number, (call, message) in enumerate(zip(calls, spoken, strict=True)):
            phase = number / len(calls) if load.frames == 1 else 0
            due = start + (count + phase) * period
            if (wait := due - time.monotonic()) > 0.001:
                time.sleep(wait)
            call.sendall(message)


def _all_delivered(call: socket.socket) -> None:
    """Wait until the other side's kernel has it: what a reset or a vanished peer had not sent is nobody's."""
    waiting = array.array("i", [1])
    while waiting[0]:
        fcntl.ioctl(call, termios.TIOCOUTQ, waiting)


def _end(call: socket.socket, load: Load) -> None:
    if load.end == "close":
        call.sendall(_last_words(load))
        return
    if load.end == "reset":
        call.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        call.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)  # closed so, a socket says nothing to its peer
    call.close()


def _call(port: int, load: Load, number: int) -> socket.socket:
    call = socket.create_connection(("127.0.0.1", port))
    call.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    v1 = load.dialect == "v1"
    call.sendall(
        (
            f"GET {protocol.PATH if v1 else load.dialect} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            f"Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
            + (f"Sec-WebSocket-Protocol: {protocol.SUBPROTOCOL}\r\n" if v1 else "")
            + "\r\n"
        ).encode()
    )
    call.recv(65536)
    name = load.name(number)
    start = protocol.Start(recording_id=name, sample_rate=8000, channels=1, encoding="pcm16")
    call.sendall(_frame(1, protocol.encode(start).encode() if v1 else name.encode()))
    if v1:
        call.recv(65536)
    return call


def _last_words(load: Load) -> bytes:
    if load.dialect == "v1":
        offset = (load.settle_beats + load.beats) * load.frames * FRAME_BYTES
        return _frame(1, protocol.encode(protocol.Stop(offset=offset)).encode())
    return _frame(8, struct.pack("!H", 1000))


def _frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame (RFC 6455, section 5.2)."""
    size = len(payload)
    length = struct.pack("!B", 0x80 | size) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    masked = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))
    return bytes([0x80 | opcode]) + length + MASK + masked


if __name__ == "__main__":
    feed(int(sys.argv[1]), Load.of(sys.argv[2:]))
