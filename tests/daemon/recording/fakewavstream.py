"""A scripted wavstream: speaks `wavstream.v1` on a real socket, and misbehaves on request."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from wavstream import protocol


@dataclass
class Kept:
    """One recording as the server has it."""

    start: protocol.Start
    audio: bytearray = field(default_factory=bytearray)
    stop: protocol.Stop | None = None

    def completed(self) -> protocol.Completed:
        return protocol.Completed(
            recording_id=self.start.recording_id,
            duration=0.0,
            size=len(self.audio),
            sha256=hashlib.sha256(self.audio).hexdigest(),
            url="http://127.0.0.1/recordings/x.wav",
            expires_at=None,
        )


@dataclass
class FakeWavstream:
    """Keeps what it is sent, in memory; `kept` outlives a restart, as a disk does.

    `drops` are numbers of bytes, one a connection: after so many the connection is cut, without a close.
    """

    drops: list[int] = field(default_factory=list)
    acknowledging: bool = True
    answering_start: bool = True
    completing: bool = True
    doubling_ready: bool = False
    finishing_early: bool = False
    reading: bool = True
    reject: int | None = None
    subprotocol: str | None = protocol.SUBPROTOCOL
    error: protocol.Error | None = None
    answers: list[str | bytes] = field(default_factory=list)
    """Sent in place of `ready`, then the connection goes on as usual."""
    kept: dict[str, Kept] = field(default_factory=dict)
    headers: list[dict[bytes, bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._changed = trio.lowlevel.ParkingLot()
        self._scope = trio.CancelScope()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that arrived has made `condition` true."""
        while not condition():
            await self._changed.park()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `crash`; on the same port again after that."""
        with trio.CancelScope() as self._scope:
            async with trio.open_nursery() as nursery:
                server = await nursery.start(serve_websocket, self._handle, "127.0.0.1", self.port, None)
                self.port = server.port
                task_status.started()

    def crash(self) -> None:
        """Die at once: connections are cut, the port is closed."""
        self._scope.cancel()

    async def _handle(self, request: WebSocketRequest) -> None:
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        if self.reject is not None:
            await request.reject(self.reject)
            self._changed.unpark_all()
            return
        connection = await request.accept(subprotocol=self.subprotocol)
        self.connections += 1
        try:
            await self._converse(connection)
        except ConnectionClosed:
            pass
        finally:
            self._changed.unpark_all()

    async def _converse(self, connection: WebSocketConnection) -> None:
        start = protocol.decode(str(await connection.get_message()))
        assert isinstance(start, protocol.Start)
        kept = self.kept.setdefault(start.recording_id, Kept(start))
        self._changed.unpark_all()
        if not self.answering_start:
            await trio.sleep_forever()
        if self.error is not None:
            await connection.send_message(protocol.encode(self.error))
            return
        if self.answers:
            await connection.send_message(self.answers.pop(0))
        elif kept.stop is not None:
            await connection.send_message(protocol.encode(kept.completed()))
            return
        else:
            await connection.send_message(protocol.encode(protocol.Ready(offset=len(kept.audio))))
            if self.doubling_ready:
                self.doubling_ready = False
                await connection.send_message(protocol.encode(protocol.Ready(offset=0)))
        if not self.reading:
            await trio.sleep_forever()
        await self._keep(connection, kept)

    async def _keep(self, connection: WebSocketConnection, kept: Kept) -> None:
        left = self.drops.pop(0) if self.drops else None
        while True:
            message = await connection.get_message()
            if isinstance(message, bytes):
                kept.audio += message if left is None else message[:left]
                if left is not None:
                    left -= len(message)
                    if left <= 0:
                        await connection._stream.aclose()
                        return
                if self.finishing_early:
                    await connection.send_message(protocol.encode(kept.completed()))
                elif self.acknowledging:
                    await connection.send_message(protocol.encode(protocol.Ack(offset=len(kept.audio))))
            else:
                stop = protocol.decode(message)
                assert isinstance(stop, protocol.Stop)
                assert stop.offset == len(kept.audio)
                if not self.completing:
                    self._changed.unpark_all()
                    await trio.sleep_forever()
                kept.stop = stop
                await connection.send_message(protocol.encode(kept.completed()))
            self._changed.unpark_all()
