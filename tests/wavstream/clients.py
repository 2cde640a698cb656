"""Clients of the audio input: one for each dialect, and no more of them than the tests need."""

import base64
import json
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from tests.wavstream.servers import BOUND_SECONDS, Server
from wavstream import protocol
from wavstream.process.settings import Address

DATA = Path(__file__).resolve().parent.parent / "data"
_MASK = b"\x01\x02\x03\x04"


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A client's frame (RFC 6455, section 5.2), masked."""
    masked = bytes(byte ^ _MASK[i % 4] for i, byte in enumerate(payload))
    size = len(payload)
    length = (
        struct.pack("!B", 0x80 | size)
        if size < 126
        else struct.pack("!BH", 0x80 | 126, size)
        if size < 65536
        else struct.pack("!BQ", 0x80 | 127, size)
    )
    return bytes([0x80 * fin | opcode]) + length + _MASK + masked


def text(words: str) -> bytes:
    return frame(1, words.encode())


def audio(data: bytes) -> bytes:
    return frame(2, data)


def close(code: int = 1000) -> bytes:
    return frame(8, struct.pack("!H", code))


def upgrade(target: str, *headers: str) -> bytes:
    lines = [
        f"GET {target} HTTP/1.1",
        "Host:127.0.0.1",
        "Upgrade:websocket",
        "Connection:upgrade",
        f"Sec-WebSocket-Key:{base64.b64encode(bytes(16)).decode()}",
        "Sec-WebSocket-Version:13",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def exchange(address: Address, chunks: Iterable[bytes]) -> bytes:
    """Send the chunks over a connection, then read all that comes back until the server closes."""
    with trio.fail_after(BOUND_SECONDS):
        async with await trio.open_tcp_stream(*address) as stream:
            for chunk in chunks:
                await stream.send_all(chunk)
            await stream.send_eof()
            return await read_all(stream)


async def read_all(stream: trio.SocketStream) -> bytes:
    received = b""
    with trio.fail_after(BOUND_SECONDS):
        while data := await stream.receive_some():
            received += data
    return received


def capture(name: str) -> list[bytes]:
    """The chunks that a switch sent in a capture."""
    lines = (DATA / f"{name}.jsonl").read_text().splitlines()[1:]
    return [base64.b64decode(line["b64"]) for line in map(json.loads, lines) if line.get("dir") == "in"]


class Client:
    """A talk in `wavstream.v1`."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self.connection = connection

    async def start(self, recording_id: str, **more: object) -> protocol.Message:
        fields = {"recording_id": recording_id, "sample_rate": 8000, "channels": 1, "encoding": "pcm16"}
        await self.connection.send_message(protocol.encode(protocol.Start(**fields | more)))  # type: ignore[arg-type]
        return await self.hear()

    async def audio(self, data: bytes) -> None:
        await self.connection.send_message(data)

    async def stop(self, offset: int, reason: str = "stopped") -> protocol.Message:
        stop = protocol.Stop(offset=offset, reason=reason)  # type: ignore[arg-type]
        await self.connection.send_message(protocol.encode(stop))
        while isinstance(message := await self.hear(), protocol.Ack):
            pass
        return message

    async def hear(self) -> protocol.Message:
        with trio.fail_after(BOUND_SECONDS):
            message = await self.connection.get_message()
        assert isinstance(message, str)
        return protocol.decode(message)

    async def acknowledged(self, offset: int) -> None:
        """Wait until that much is kept."""
        while True:
            message = await self.hear()
            assert isinstance(message, protocol.Ack), message
            if message.offset >= offset:
                assert message.offset == offset
                return


@asynccontextmanager
async def client(server: Server, *headers: tuple[bytes, bytes], query: str = "") -> AsyncIterator[Client]:
    address = server.listening.ingest
    # The library leaves the socket open where the server closes first; so it is ours.
    async with await trio.open_tcp_stream(*address) as stream, trio.open_nursery() as nursery:
        connection = await wrap_client_stream(
            nursery,
            stream,
            str(address),
            protocol.PATH + query,
            subprotocols=[protocol.SUBPROTOCOL],
            extra_headers=list(headers),
        )
        yield Client(connection)
        await connection.aclose()
        nursery.cancel_scope.cancel()


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """(opcode, payload) of each frame in what a peer sent, masked or not; unfragmented, all of it there."""
    found, place = [], 0
    while place < len(data):
        opcode, size, masked = data[place] & 15, data[place + 1] & 127, data[place + 1] & 128
        place += 2
        if size == 126:
            size, place = struct.unpack_from("!H", data, place)[0], place + 2
        mask = data[place : place + 4] if masked else bytes(4)
        place += 4 if masked else 0
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[place : place + size]))
        found.append((opcode, payload))
        place += size
    return found


def close_code(answer: bytes) -> int:
    """The code of the close that ends what a server sent after its 101."""
    opcode, payload = frames(answer.partition(b"\r\n\r\n")[2])[-1]
    assert opcode == 8
    return int.from_bytes(payload[:2], "big")
