"""What a call costs in wavstream: CPU per 20 ms of audio from the socket into the file, 200 calls at once.

The server runs in this process, as it does in earnest; the calls come from a process of their own, in real
time. Counted is the CPU time of the whole server process, all its threads, while the calls run.
"""

import base64
import logging
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from unittest.mock import patch

import httpx
import structlog
import trio

from wavstream import protocol
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


def rows() -> Iterable[tuple[str, float, str]]:
    """(name, value, unit) of each measurement."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    ending = 0.0
    for dialect, frames, period in (("/ws", 1, 0.2), ("/ws", 1, 0.5), ("v1", V1_FRAMES, 0.2)):
        with patch.multiple(cadence, SECONDS_BY_LOAD=(), SLOWEST_SECONDS=period):
            cost, ending = trio.run(_measure, dialect, frames)
        name = f"{dialect}, {CALLS} calls, messages of {frames * 20} ms, {period} s beats"
        yield f"{name}: socket to file", cost * 1e6, "µs per 20 ms"
    yield f"{CALLS} calls stop at once: all completed", ending, "s"


async def _measure(dialect: str, frames: int) -> tuple[float, float]:
    """CPU seconds per 20 ms, and seconds until all recordings are completed after they ended at once.

    Raises RuntimeError where one of them lacks a frame.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = ServerSettings.load(
            data_dir=Path(folder), wavstream_ingest="127.0.0.1:0", wavstream_http="127.0.0.1:0"
        )
        stopping = trio.Event()
        async with trio.open_nursery() as nursery:
            listening: Listening = await nursery.start(partial(serve, settings, stopping=stopping))
            calls = await trio.lowlevel.open_process(
                [sys.executable, "-m", "benchmarks.ingest", str(listening.ingest.port), dialect, str(frames)],
                stdout=subprocess.PIPE,
            )
            cost = await _while_running(calls)
            ended = time.perf_counter()
            await _all_completed(listening)
            ending = time.perf_counter() - ended
            calls.kill()
            await calls.wait()
            stopping.set()
    return cost, ending


async def _while_running(calls: trio.Process) -> float:
    if calls.stdout is None:
        raise RuntimeError("no pipe")
    with trio.fail_after(30):
        await _line(calls.stdout)  # they run
        busy = time.process_time()
        sent = int(await _line(calls.stdout))
        return (time.process_time() - busy) / sent


async def _line(stream: trio.abc.ReceiveStream) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += await stream.receive_some(1)
    return line


async def _all_completed(listening: Listening) -> None:
    url = f"http://{listening.http}/v1/recordings"
    question = {"state": "completed", "limit": str(CALLS)}
    completed: list[dict[str, float]] = []
    async with httpx.AsyncClient(trust_env=False) as http:
        with trio.fail_after(30):
            while len(completed) < CALLS:
                await trio.sleep(0.02)
                completed = (await http.get(url, params=question)).json()["recordings"]
    if {round(each["duration"], 6) for each in completed} != {round(SETTLE_SECONDS + SECONDS, 6)}:
        raise RuntimeError("a recording is not as long as its call")


def feed(port: int, dialect: str, frames: int) -> None:
    """The calls: all at once, in real time; writes when they run, and then how many frames they sent."""
    calls = [_call(port, dialect, number) for number in range(CALLS)]
    message = _frame(2, bytes(range(160)) * 2 * frames)
    settled = _talk(calls, message, frames, SETTLE_SECONDS)
    print("go", flush=True)
    sent = _talk(calls, message, frames, SECONDS)
    print(sent, flush=True)
    each = (settled + sent) // CALLS * FRAME_BYTES
    for call in calls:
        call.sendall(_last_words(dialect, each))
    time.sleep(30)  # to be killed: a server that hears no FIN has more to do


def _talk(calls: Sequence[socket.socket], message: bytes, frames: int, seconds: float) -> int:
    """A switch's calls are on a phase of their own each; the daemon's work to one beat."""
    start, period = time.monotonic(), frames * FRAME_SECONDS
    beats = round(seconds / period)
    for beat in range(beats):
        for number, call in enumerate(calls):
            phase = number / len(calls) if frames == 1 else 0
            due = start + (beat + phase) * period
            if (wait := due - time.monotonic()) > 0.001:
                time.sleep(wait)
            call.sendall(message)
    return beats * len(calls) * frames


def _call(port: int, dialect: str, number: int) -> socket.socket:
    call = socket.create_connection(("127.0.0.1", port))
    call.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    v1 = dialect == "v1"
    call.sendall(
        (
            f"GET {protocol.PATH if v1 else dialect} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            f"Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
            + (f"Sec-WebSocket-Protocol: {protocol.SUBPROTOCOL}\r\n" if v1 else "")
            + "\r\n"
        ).encode()
    )
    call.recv(65536)
    start = protocol.Start(
        recording_id=f"benchmark-{number:04}", sample_rate=8000, channels=1, encoding="pcm16"
    )
    call.sendall(_frame(1, protocol.encode(start).encode() if v1 else f"call-{number:04}".encode()))
    if v1:
        call.recv(65536)
    return call


def _last_words(dialect: str, offset: int) -> bytes:
    if dialect == "v1":
        return _frame(1, protocol.encode(protocol.Stop(offset=offset)).encode())
    return _frame(8, struct.pack("!H", 1000))


def _frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame (RFC 6455, section 5.2)."""
    size = len(payload)
    length = struct.pack("!B", 0x80 | size) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    masked = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))
    return bytes([0x80 | opcode]) + length + MASK + masked


if __name__ == "__main__":
    feed(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
