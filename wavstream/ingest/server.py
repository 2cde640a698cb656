"""The listener of the audio input: who comes in, and which dialect is spoken with them."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import trio
from websockets.frames import CloseCode
from websockets.http11 import Request

from wavstream.ingest.dialect import Closing, Conversation, Dialect, RefusedError
from wavstream.ingest.vigil import ROUNDS, Vigil
from wavstream.ingest.websocket import DisconnectedError, WebSocket
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.accepting import bound, listen, take_connections
from wavstream.process.access import Access
from wavstream.process.admission import Admission
from wavstream.process.framing import RequestError, offered
from wavstream.process.settings import Address
from wavstream.process.turnaway import turn_away
from wavstream.protocol import MAX_MESSAGE_BYTES

HANDSHAKE_SECONDS = 10.0
"""An upgrade request comes at once, in one packet; who has not sent it by then only takes up a place."""
DRAIN_SECONDS = 1.0
"""At the stop, for taking in what has arrived: it is all there already."""
KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A peer that vanished without a word is found out after a minute, even when it owes us no audio."""

_STOPPING = Closing(CloseCode.SERVICE_RESTART, "the server stops")

log = logs.get(__name__)


@dataclass(eq=False)
class _Guest:
    """A connection as `Admission` sees it: until it is let in, it owes us its request."""

    owing_since: float | None
    peer: str
    websocket: WebSocket
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    vigil: Vigil = field(default_factory=Vigil)

    def cut(self) -> None:
        """End it; what has arrived of a conversation is still taken in."""
        self.scope.cancel()


class Ingest:
    """Serves the audio input; `dialects` by path."""

    def __init__(
        self,
        dialects: Mapping[str, Dialect],
        *,
        access: Access,
        most_connections: int,
        peer_seconds: float,
        metrics: Metrics,
    ) -> None:
        self._dialects = dialects
        self._access = access
        # The daemon's connections all come from one address.
        self._admission = Admission[_Guest](most_connections, most_of_one=most_connections)
        self._round_seconds = peer_seconds / ROUNDS
        self._metrics = metrics

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
        listener = listen(address)
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                accepting.start_soon(take_connections, listener, self._connection, connections)
                accepting.start_soon(self._keep_watch)
                task_status.started(bound(listener))
                await stopping.wait()
                accepting.cancel_scope.cancel()
            for guest in self._admission:
                guest.cut()

    async def _keep_watch(self) -> None:
        """Look at all peers again and again, in one task: a connection with audio costs no wake-up for it."""
        async with trio.open_nursery() as asking:
            while True:
                await trio.sleep(self._round_seconds)
                self.look_round(asking)

    def look_round(self, asking: trio.Nursery) -> None:
        """Ask those who are silent whether they are there, and give up those who have not answered that."""
        for guest in self._admission:
            if guest.owing_since is not None:
                continue  # its request has a deadline of its own
            found = guest.vigil.look(guest.websocket.reads, listening=guest.websocket.listening)
            if found == "ask":
                asking.start_soon(guest.websocket.ping)
            elif found == "gone":
                log.warning("the peer is gone without a word", peer=guest.peer)
                guest.websocket.give_up()

    async def _connection(self, stream: trio.SocketStream) -> None:
        peer = _peer(stream)
        websocket = WebSocket(stream, MAX_MESSAGE_BYTES)
        guest = _Guest(trio.current_time(), peer, websocket)
        if not self._admission.enter(peer, guest):
            await turn_away(stream)
            self._refused(peer, "too many connections", status=503)
            return
        self._metrics.connections.set(len(self._admission))
        try:
            await self._serve(websocket, peer, guest)
        except DisconnectedError:
            log.debug("left before it was answered", peer=peer)
        except Exception:  # the connection is the unit of failure: no other call may suffer
            log.exception("connection failed", peer=peer)
            await websocket.close(CloseCode.INTERNAL_ERROR, "internal error")
        finally:
            self._admission.leave(guest)
            self._metrics.connections.set(len(self._admission))
            await trio.aclose_forcefully(stream)

    async def _serve(self, websocket: WebSocket, peer: str, guest: "_Guest") -> None:
        """One connection from its request to its close; it is cut at the stop."""
        conversation: Conversation | None = None
        closing = _STOPPING
        try:
            with guest.scope:
                conversation = await self._admit(websocket, peer)
                if conversation is not None:
                    guest.owing_since = None
                    closing = await conversation.run(websocket)
            if guest.scope.cancelled_caught and conversation is not None:
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
            if await websocket.accept(dialect.subprotocol(offered(request))):
                return conversation
            self._refused(
                peer, "not a WebSocket upgrade that can be answered", path=request.path.partition("?")[0]
            )
        return None

    def _refused(self, peer: str, words: str, **more: object) -> None:
        self._metrics.refused.inc()
        log.warning("connection refused", peer=peer, error=words, **more)

    def _conversation(self, request: Request, peer: str) -> tuple[Dialect, Conversation]:
        try:
            target = urlsplit(request.path)
        except ValueError:
            raise RefusedError(400, "the request's target is no path") from None
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        authorization = ", ".join(request.headers.get_all("Authorization")) or None
        if not self._access.permits(peer=peer, authorization=authorization, token=query.get("token")):
            raise RefusedError(401, self._access.refusal)
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
