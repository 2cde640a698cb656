"""One HTTP connection: Hypercorn's protocol on a Trio stream, with an end to every wait for the client.

Hypercorn's own connection has no such end for a client that does not read, and an error in one connection
ends the whole server.
"""

import math
from dataclasses import dataclass

import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, LifespanState

from wavstream.process.http11 import Http11

HEAD_SECONDS = 10.0
"""From the connection to the end of its first request's head, which comes in one packet, or in a few."""
KEEP_ALIVE_SECONDS = 20.0
"""From an answer to the end of the next request's head."""
SEND_SECONDS = 30.0
"""For a client to take the next SEND_BYTES of an answer: 2 kB/s, an eighth of what a telephone call needs.
Who pauses longer asks for the rest by Range."""
SEND_BYTES = 65_536
READ_BYTES = 16_384
"""One read. This, what the protocol keeps of a head, and a body are all that a request can make us hold."""
MOST_REQUEST_BYTES = 256 * 1024
"""Nothing beyond it is read of a request before it is answered: four times the largest body, for a chunked
one may be mostly framing. The client waits, and learns from the answer what was wrong."""
LINGER_SECONDS = 1.0
LINGER_READS = 16
"""After the last answer: to close at once, with something unread, could destroy it (RFC 9112 section 9.6)."""


@dataclass(frozen=True)
class Serving:
    """What all connections of a listener have in common."""

    app: AppWrapper
    config: Config
    context: WorkerContext
    state: LifespanState


class Connection:
    """One client. `client` is its address and port, `server` ours."""

    def __init__(
        self,
        serving: Serving,
        stream: trio.SocketStream,
        *,
        client: tuple[str, int],
        server: tuple[str, int],
    ) -> None:
        self._stream = stream
        self._scope = trio.CancelScope(deadline=trio.current_time() + HEAD_SECONDS)
        self._tasks = TaskGroup()
        self._protocol = Http11(
            serving.app,
            serving.config,
            serving.context,
            self._tasks,
            ConnectionState(serving.state.copy()),
            ssl=False,
            client=client,
            server=server,
            send=self._send,
        )
        self._protocol.use_whole_reads()
        self._sending = trio.Lock()
        self._since = trio.current_time()
        self._unsent = False
        self._said_all = False
        self._taken = 0  # bytes since the head of the request that is under way
        self.idle = True
        """No request is under way."""

    @property
    def owing_since(self) -> float | None:
        """Since when (Trio's clock) the client has kept us waiting; None while it waits for us."""
        return None if self._protocol.is_heard_out and not self._unsent else self._since

    @property
    def is_cut(self) -> bool:
        """Whether it was ended before its time: what is then said about an unfinished answer says nothing."""
        return self._scope.cancel_called

    def cut(self) -> None:
        """End it at once."""
        self._scope.cancel()

    async def run(self) -> None:
        """Serve until the client goes, or keeps us waiting for too long. The stream is then done with."""
        try:
            with self._scope:
                async with self._tasks:
                    await self._read()
            if self._said_all:
                await self._linger()
        finally:
            # Each holds the other: what is left of thousands would wait long for the garbage collector.
            del self._protocol

    async def _read(self) -> None:
        while self._taken <= MOST_REQUEST_BYTES:
            data = await self._receive()
            await self._protocol.handle(RawData(data))
            if not data:
                await self._protocol.handle(Closed())
                return
        await trio.sleep_forever()  # until it is answered, or has taken too long

    async def _receive(self) -> bytes:
        try:
            data = bytes(await self._stream.receive_some(READ_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""
        self._taken += len(data)
        return data

    async def _send(self, event: Event) -> None:
        """What the protocol wants done. No checkpoint but to send: Quart may have cancelled the caller."""
        if isinstance(event, RawData):
            await self._write(memoryview(event.data))
        elif isinstance(event, Updated):
            self._turn(idle=event.idle)
        elif isinstance(event, Closed):
            self._said_all = True
            self._scope.cancel()

    def _turn(self, *, idle: bool) -> None:
        """A request begins, or has been answered."""
        self.idle, self._since, self._taken = idle, trio.current_time(), 0
        self._scope.deadline = self._since + KEEP_ALIVE_SECONDS if idle else math.inf

    async def _write(self, data: memoryview) -> None:
        """Send all of it, or end the connection: what follows half an answer would be misunderstood."""
        whole = False
        try:
            async with self._sending:
                for at in range(0, len(data), SEND_BYTES):
                    await self._write_some(data[at : at + SEND_BYTES])
            whole = True
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            return
        finally:
            if not whole:
                self.cut()

    async def _write_some(self, data: memoryview) -> None:
        self._unsent, self._since = True, trio.current_time()
        with trio.fail_after(SEND_SECONDS):
            await self._stream.send_all(data)
        self._unsent = False

    async def _linger(self) -> None:
        self._unsent = True
        try:
            with trio.move_on_after(LINGER_SECONDS) as self._scope:
                await self._stream.send_eof()
                for _ in range(LINGER_READS):
                    if not await self._stream.receive_some(READ_BYTES):
                        return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
