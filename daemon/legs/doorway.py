"""A listener for connections that become legs: who gets a place, and what is said of those who do not."""

import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Generic, NoReturn, TypeVar

import trio

from daemon.legs.connected import TakenError
from daemon.legs.switchboard import Switchboard
from daemon.media.wire import WireError
from wavstream.process import logs
from wavstream.process.accepting import bound, listen, take_connections
from wavstream.process.admission import Admission
from wavstream.process.settings import Address

KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A peer that vanished without a word is found out after a minute, and may then come back: by these where
nothing is on its way to it, else by `TcpLine.vanished`."""

O = TypeVar("O")  # noqa: E741 - what a connection was opened with

log = logs.get(__name__)


class RefusedError(Exception):
    """A connection that is not taken. Its text says why."""


@dataclass(eq=False)
class Guest:
    """A connection as `Admission` sees it: until it has said whose it is, it owes us that."""

    peer: Address
    owing_since: float | None
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    def cut(self) -> None:
        """End it."""
        self.scope.cancel()


class Doorway(ABC, Generic[O]):
    """Takes connections, and puts each through to its leg: what becomes of one harms no other."""

    def __init__(self, switchboard: Switchboard[O], most_connections: int) -> None:
        self._switchboard = switchboard
        # All connections of a switch come from one address.
        self._admission = Admission[Guest](most_connections, most_of_one=most_connections)

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

    @abstractmethod
    async def _put_through(self, stream: trio.SocketStream, guest: Guest) -> None:
        """Hand the connection to its leg, and stay until that has no more use for it.

        Raises RefusedError, TakenError, WireError.
        """

    async def _connection(self, stream: trio.SocketStream) -> None:
        guest = Guest(_peer(stream), trio.current_time())
        if not self._admission.enter(guest.peer.host, guest):
            _refuse(guest.peer, "too many connections")
            return
        try:
            with guest.scope:
                await self._put_through(stream, guest)
            if guest.scope.cancelled_caught:
                _refuse(guest.peer, "too many connections, and it had not said whose it is")
        except (RefusedError, TakenError, WireError) as refused:
            _refuse(guest.peer, str(refused))
        except Exception:  # the connection is the unit of failure: no other call may suffer
            log.exception("connection failed", peer=guest.peer.host)
        finally:
            self._admission.leave(guest)


def detached(stream: trio.SocketStream) -> socket.socket:
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
