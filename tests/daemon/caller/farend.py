"""The far end of a WebSocket line, for tests: trio-websocket's server, which is not the line's own code."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from daemon.caller.dialects.dialect import Message

TOKEN_PATH = "/v1/media/TOKEN"


@dataclass
class FarEnd:
    """What came on the one connection, and what is said back as soon as it is open."""

    says: Sequence[Message] = ()
    port: int = 0
    path: str = ""
    offered: tuple[str, ...] = ()
    messages: list[Message] = field(default_factory=list)
    code: int | None = None
    """With which the line was closed."""
    over: trio.Event = field(default_factory=trio.Event)
    connection: WebSocketConnection | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{TOKEN_PATH}"

    async def take(self, request: WebSocketRequest) -> None:
        self.path, self.offered = request.path, tuple(request.proposed_subprotocols)
        connection = await request.accept(subprotocol=self.offered[0] if self.offered else None)
        self.connection = connection
        try:
            for message in self.says:
                await connection.send_message(message)
            while True:
                self.messages.append(await connection.get_message())
        except ConnectionClosed as closed:
            self.code = None if closed.reason is None else closed.reason.code
        finally:
            self.over.set()


@asynccontextmanager
async def listening(*says: Message) -> AsyncIterator[FarEnd]:
    """A far end for one connection."""
    far_end = FarEnd(says)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, far_end.take, "127.0.0.1", 0, None)
            far_end.port = server.port
            yield far_end
            nursery.cancel_scope.cancel()
