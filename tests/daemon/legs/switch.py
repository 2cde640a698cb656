"""A switch that speaks AudioSocket, for tests: real connections, frames when they are asked for."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID, uuid4

import trio

from daemon.legs.audiosocketlistener import AudioSocketListener, NewCall
from daemon.legs.switchboard import Switchboard
from daemon.media import audiosocket
from daemon.media.audiosocket import IDENTITY, Frame, Parser, build
from daemon.media.audiosocketstream import AudioSocketStream
from wavstream.process.cadence import Cadence
from wavstream.process.settings import Address


class Switch:
    """One connection. What is sent is in the daemon's socket when `send` returns, as on any loopback."""

    def __init__(self, address: Address, uuid: UUID | None = None) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._parser = Parser()
        if uuid is not None:
            self.send(build(IDENTITY, uuid.bytes))

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def heard(self) -> list[Frame]:
        """The frames that have come back since this was asked last."""
        try:
            self._parser.feed(self.socket.recv(1 << 20))
        except BlockingIOError:
            return []
        return list(self._parser.frames())

    async def closed(self) -> None:
        """Wait until the daemon has closed it."""
        while True:
            await trio.lowlevel.wait_readable(self.socket)
            try:
                if not self.socket.recv(1 << 16):
                    return
            except ConnectionResetError:
                return

    def close(self) -> None:
        self.socket.close()


async def until(right: Callable[[], object]) -> None:
    """Wait until it is so: asked for again and again, as no event says it."""
    while not right():  # noqa: ASYNC110
        await trio.sleep(0.01)


def audio(*samples: bytes, kind: int = audiosocket.AUDIO) -> bytes:
    """Frames of audio, one behind the other."""
    return b"".join(build(kind, each) for each in samples)


@asynccontextmanager
async def listening(
    *, new_call: NewCall | None = None, most_connections: int = 100
) -> AsyncIterator[tuple[Switchboard[Parser], Cadence, trio.Nursery]]:
    """A listener, its switchboard and its beat, and a nursery for legs; all of it ends with the block."""
    cadence = Cadence()
    switchboard = Switchboard(
        cadence, Address("127.0.0.1", 0), wire=AudioSocketStream, draw=lambda: str(uuid4())
    )
    listener = AudioSocketListener(switchboard, new_call=new_call, most_connections=most_connections)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await nursery.start(cadence.run)
            await nursery.start(partial(listener.serve, Address("127.0.0.1", 0)))
            yield switchboard, cadence, nursery
            nursery.cancel_scope.cancel()
