"""A receiver of webhooks on a real socket, that answers byte for byte what it is told to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import h11
import trio

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True)
class Taken:
    """A request that came."""

    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers in turn what stands in `answers`, the last of them for ever."""

    answers: list[bytes] = field(default_factory=lambda: [OK])
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    silent: bool = False
    """Takes requests, and never answers."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def _handle(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        try:
            while True:
                self.taken.append(await self._request(stream))
                if self.silent:
                    await trio.sleep_forever()
                await stream.send_all(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        except (EOFError, trio.BrokenResourceError):
            return

    async def _request(self, stream: trio.SocketStream) -> Taken:
        parser = h11.Connection(h11.SERVER)
        target, headers, body = "", dict[str, str](), b""
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                data = await stream.receive_some()
                if not data:
                    raise EOFError
                parser.receive_data(data)
            elif isinstance(event, h11.Request):
                target = event.target.decode()
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return Taken(target, headers, body)


@asynccontextmanager
async def receiving(*answers: bytes, silent: bool = False) -> AsyncIterator[Receiver]:
    """A receiver that listens until the end of the block."""
    receiver = Receiver(list(answers) or [OK], silent=silent)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, receiver._handle, 0, host="127.0.0.1"))
        receiver.port = listeners[0].socket.getsockname()[1]
        yield receiver
        nursery.cancel_scope.cancel()
