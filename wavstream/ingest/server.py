"""The listener of the audio input: who comes in, and which dialect is spoken with them."""

import socket
from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import trio
from websockets.frames import CloseCode
from websockets.http11 import Request

from wavstream.access import Access
from wavstream.ingest.dialect import Closing, Conversation, Dialect, RefusedError
from wavstream.ingest.framing import RequestError
from wavstream.ingest.websocket import DisconnectedError, WebSocket
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.listening import naming
from wavstream.process.settings import Address
from wavstream.protocol import MAX_MESSAGE_BYTES

HANDSHAKE_SECONDS = 10.0
"""An upgrade request comes at once, in one packet; who has not sent it by then only takes up a place."""
DRAIN_SECONDS = 1.0
"""At the stop, for taking in what has arrived: it is all there already."""
BACKLOG = 1024
"""Calls come in bursts."""
KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A peer that vanished without a word is found out after a minute, even when it owes us no audio."""

_STOPPING = Closing(CloseCode.SERVICE_RESTART, "the server stops")

log = logs.get(__name__)


class Ingest:
    """Serves the audio input; `dialects` by path."""

    def __init__(
        self, dialects: Mapping[str, Dialect], *, access: Access, most_connections: int, metrics: Metrics
    ) -> None:
        self._dialects = dialects
        self._access = access
        self._most = most_connections
        self._metrics = metrics
        self._open: set[trio.CancelScope] = set()

    async def serve(
        self,
        address: Address,
        *,
        stopping: trio.Event,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until `stopping` is set, then take in what has arrived and return. Starts with its address.

        Raises ListenError.
        """
        with naming(address):
            listeners = await trio.open_tcp_listeners(address.port, host=address.host, backlog=BACKLOG)
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                accepting.start_soon(
                    partial(trio.serve_listeners, self._connection, listeners, handler_nursery=connections)
                )
                task_status.started(Address(*listeners[0].socket.getsockname()[:2]))
                await stopping.wait()
                accepting.cancel_scope.cancel()
            for scope in self._open:
                scope.cancel()

    async def _connection(self, stream: trio.SocketStream) -> None:
        peer = _peer(stream)
        websocket = WebSocket(stream, MAX_MESSAGE_BYTES)
        cut = trio.CancelScope()
        self._open.add(cut)
        self._metrics.connections.set(len(self._open))
        try:
            await self._serve(websocket, peer, cut)
        except DisconnectedError:
            log.debug("left before it was answered", peer=peer)
        except Exception:  # the connection is the unit of failure: no other call may suffer
            log.exception("connection failed", peer=peer)
            await websocket.close(CloseCode.INTERNAL_ERROR, "internal error")
        finally:
            self._open.discard(cut)
            self._metrics.connections.set(len(self._open))
            await trio.aclose_forcefully(stream)

    async def _serve(self, websocket: WebSocket, peer: str, cut: trio.CancelScope) -> None:
        """One connection from its request to its close; `cut` is cancelled at the stop."""
        conversation: Conversation | None = None
        closing = _STOPPING
        try:
            with cut:
                conversation = await self._admit(websocket, peer)
                if conversation is not None:
                    closing = await conversation.run(websocket)
            if cut.cancelled_caught and conversation is not None:
                with trio.move_on_after(DRAIN_SECONDS):
                    await conversation.drain(websocket)
        finally:
            if conversation is not None:
                conversation.release()
        await websocket.close(closing.code, closing.reason)

    async def _admit(self, websocket: WebSocket, peer: str) -> Conversation | None:
        """The conversation that a request asks for; None where it was refused, and told so."""
        try:
            with trio.fail_after(HANDSHAKE_SECONDS):
                request = await websocket.request()
            dialect, conversation = self._conversation(request, peer)
        except trio.TooSlowError:
            self._refused(peer, f"no request within {HANDSHAKE_SECONDS:g} s")
        except RequestError as wrong:
            self._refused(peer, str(wrong))
        except RefusedError as refused:
            await websocket.refuse(refused.status, str(refused))
            self._refused(peer, str(refused), status=refused.status)
        else:
            if await websocket.accept(dialect.subprotocol):
                return conversation
            self._refused(
                peer, "not a WebSocket upgrade that can be answered", path=urlsplit(request.path).path
            )
        return None

    def _refused(self, peer: str, words: str, **more: object) -> None:
        self._metrics.refused.inc()
        log.warning("connection refused", peer=peer, error=words, **more)

    def _conversation(self, request: Request, peer: str) -> tuple[Dialect, Conversation]:
        if len(self._open) > self._most:
            raise RefusedError(503, f"at most {self._most} connections at a time")
        target = urlsplit(request.path)
        query = dict(parse_qsl(target.query))
        authorization = ", ".join(request.headers.get_all("Authorization")) or None
        if not self._access.permits(peer=peer, authorization=authorization, token=query.get("token")):
            raise RefusedError(401, "a valid token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN")
        dialect = self._dialects.get(target.path)
        if dialect is None:
            raise RefusedError(404, f"the audio input is at {' and '.join(self._dialects)}")
        return dialect, dialect.conversation(query, peer=peer)


def _peer(stream: trio.SocketStream) -> str:
    """The peer's address; its TCP connection is made to notice when it vanishes."""
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            stream.setsockopt(socket.IPPROTO_TCP, option, value)
        return str(stream.socket.getpeername()[0])
    except OSError:  # it has gone already
        return ""
