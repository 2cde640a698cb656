"""The listener of AudioSocket: it hears who connects, and puts them through to the leg that waits."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn
from uuid import UUID

import trio

from daemon.legs.audiosocket import AudioSocketLeg, TakenError
from daemon.legs.switchboard import Switchboard
from daemon.legs.tcpline import TcpLine
from daemon.media import audiosocket
from daemon.media.audiosocket import AudioSocketError, Parser
from wavstream.process import logs
from wavstream.process.accepting import bound, listen, take_connections
from wavstream.process.admission import MOST_CONNECTIONS, Admission
from wavstream.process.settings import Address

IDENTITY_SECONDS = 5.0
"""From the connection to the end of its first frame, which Asterisk sends at once."""
KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A peer that vanished without a word is found out after a minute, and may then come back."""

log = logs.get(__name__)

NewCall = Callable[[UUID], Awaitable[AudioSocketLeg]]
"""Makes a call for a UUID that nobody registered, and gives its leg. Raises RefusedError."""


class RefusedError(Exception):
    """A connection that is not taken. Its text says why."""


@dataclass(eq=False)
class _Guest:
    """A connection as `Admission` sees it: until it has said its UUID, it owes us that."""

    owing_since: float | None
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    def cut(self) -> None:
        """End it."""
        self.scope.cancel()


class AudioSocketListener:
    """Serves AudioSocket. With `new_call`, a UUID that nobody registered begins a call."""

    def __init__(
        self,
        switchboard: Switchboard,
        *,
        new_call: NewCall | None = None,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._switchboard = switchboard
        self._new_call = new_call
        # All connections of a switch come from one address.
        self._admission = Admission[_Guest](most_connections, most_of_one=most_connections)

    async def serve(
        self, address: Address, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED
    ) -> NoReturn:
        """Serve until cancelled; the connections are then the legs'. Starts with its address.

        Raises ListenError.
        """
        listener = listen(address)
        self._switchboard.address = bound(listener)
        async with trio.open_nursery() as connections:
            task_status.started(self._switchboard.address)
            await take_connections(listener, self._connection, connections)

    async def _connection(self, stream: trio.SocketStream) -> None:
        peer = _peer(stream)
        guest = _Guest(trio.current_time())
        if not self._admission.enter(peer.host, guest):
            _refuse(peer, "too many connections")
            return
        try:
            with guest.scope:
                await self._put_through(stream, peer, guest)
            if guest.scope.cancelled_caught:
                _refuse(peer, "too many connections, and it had not said its UUID")
        except (RefusedError, TakenError, AudioSocketError) as refused:
            _refuse(peer, str(refused))
        except Exception:  # the connection is the unit of failure: no other call may suffer
            log.exception("connection failed", peer=peer.host)
        finally:
            self._admission.leave(guest)

    async def _put_through(self, stream: trio.SocketStream, peer: Address, guest: _Guest) -> None:
        """Hand the connection to its leg, and stay until that has no more use for it."""
        parser = Parser()
        try:
            with trio.fail_after(IDENTITY_SECONDS):
                uuid = await _identity(stream, parser)
        except trio.TooSlowError:
            raise RefusedError(f"no UUID within {IDENTITY_SECONDS:g} s") from None
        except trio.BrokenResourceError:
            raise RefusedError("it broke before its UUID") from None
        leg = self._switchboard.find(uuid) or await self._begin(uuid)
        guest.owing_since = None
        line = TcpLine(_detached(stream), str(peer))
        try:
            leg.connect(line, parser)
            await line.over.wait()
        finally:
            line.close()

    async def _begin(self, uuid: UUID) -> AudioSocketLeg:
        if self._new_call is None:
            raise RefusedError(f"no leg waits for the UUID {uuid}")
        return await self._new_call(uuid)


async def _identity(stream: trio.SocketStream, parser: Parser) -> UUID:
    """The UUID of the first frame, and not a byte beyond it. Raises AudioSocketError, RefusedError."""
    missing = audiosocket.IDENTITY_BYTES
    while missing:
        data = await stream.receive_some(missing)
        if not data:
            raise RefusedError("it closed before its UUID")
        missing -= len(data)
        parser.feed(bytes(data))
        for frame in parser.frames():
            if frame.kind != audiosocket.IDENTITY:
                raise RefusedError(f"its first frame is of kind {frame.kind:#04x}, not its UUID")
            return frame.uuid
    raise RefusedError("its first frame is not its UUID")


def _detached(stream: trio.SocketStream) -> socket.socket:
    """The connection as a socket that is not Trio's any more: it is read without ever waiting."""
    return socket.socket(fileno=stream.socket.detach())


def _peer(stream: trio.SocketStream) -> Address:
    """The peer's address; its TCP connection is made to notice when it vanishes."""
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            stream.setsockopt(socket.IPPROTO_TCP, option, value)
        return Address(*stream.socket.getpeername()[:2])
    except OSError:  # it has gone already
        return Address("", 0)


def _refuse(peer: Address, why: str) -> None:
    log.warning("connection refused", peer=peer.host, port=peer.port, error=why)
