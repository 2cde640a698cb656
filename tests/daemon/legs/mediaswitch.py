"""A switch that speaks WebSocket, for tests: real connections, bytes when they are asked for."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from types import TracebackType
from typing import Self

import trio

from daemon.legs.medialistener import Arrivals, MediaListener
from daemon.legs.switchboard import Switchboard
from daemon.media.websocketstream import Conversation, WebSocketStream
from tests.wavstream.clients import frames, upgrade
from wavstream.process.cadence import Cadence
from wavstream.process.settings import Address

SWITCHING = b"HTTP/1.1 101 "


class MediaSwitch:
    """One connection. What is sent is in the daemon's socket when `send` returns, as on any loopback."""

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._heard = b""

    @classmethod
    def asking(cls, address: Address, target: str, *headers: str) -> Self:
        """One that has sent its upgrade request."""
        switch = cls(address)
        switch.send(upgrade(target, *headers))
        return switch

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, *data: bytes) -> None:
        self.socket.sendall(b"".join(data))

    async def _receive(self) -> bytes:
        await trio.lowlevel.wait_readable(self.socket)
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            return b""
        self._heard += data
        return data

    async def answer(self) -> bytes:
        """The head of the answer to the upgrade."""
        while b"\r\n\r\n" not in self._heard and await self._receive():
            pass
        return self._heard.partition(b"\r\n\r\n")[0]

    async def status(self) -> int:
        """The status of the answer to the upgrade."""
        return int((await self.answer()).split(b" ")[1])

    async def closed(self) -> bytes:
        """Wait until the daemon has closed it; all that it has said."""
        while await self._receive():
            pass
        return self._heard

    def heard(self) -> list[tuple[int, bytes]]:
        """(opcode, payload) of all frames that have come back so far."""
        try:
            while data := self.socket.recv(1 << 20):
                self._heard += data
        except BlockingIOError:
            pass
        return frames(self._heard.partition(b"\r\n\r\n")[2])

    def close(self) -> None:
        self.socket.close()


@asynccontextmanager
async def listening(
    *, arrivals: Arrivals | None = None, most_connections: int = 100
) -> AsyncIterator[tuple[Switchboard[Conversation], Cadence, trio.Nursery]]:
    """A listener, its switchboard and its beat, and a nursery for legs; all of it ends with the block."""
    cadence, number = Cadence(), count(1)
    switchboard = Switchboard(
        cadence, Address("127.0.0.1", 0), wire=WebSocketStream, draw=lambda: f"token-{next(number)}"
    )
    listener = MediaListener(switchboard, arrivals=arrivals, most_connections=most_connections)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await nursery.start(cadence.run)
            await nursery.start(partial(listener.serve, Address("127.0.0.1", 0)))
            yield switchboard, cadence, nursery
            nursery.cancel_scope.cancel()
