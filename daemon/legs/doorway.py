"""A listener for connections that become legs: who gets a place, and what is said of those who do not."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

import trio

from daemon.legs.connected import TakenError
from daemon.media.wire import WireError
from wavstream.process import logs
from wavstream.process.accepting import bound, listen, take_connections
from wavstream.process.admission import MOST_CONNECTIONS, Admission
from wavstream.process.settings import Address

KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A peer that vanished without a word is found out after a minute, and may then come back: by these where
nothing is on its way to it, else by `TcpLine.vanished`."""

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


Receive = Callable[[trio.SocketStream, Guest], Awaitable[None]]
"""Puts a connection through, and stays until it is over. Raises RefusedError, TakenError, WireError."""


class Doorway:
    """Takes connections, and hands each to `receive`: what becomes of one harms no other."""

    def __init__(self, receive: Receive, most_connections: int = MOST_CONNECTIONS) -> None:
        self._receive = receive
        # All connections of a switch come from one address.
        self._admission = Admission[Guest](most_connections, most_of_one=most_connections)

    async def serve(
        self, address: Address, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED
    ) -> NoReturn:
        """Serve until cancelled; the connections are then the legs'. Starts with its address.

        Raises ListenError.
        """
        listener = listen(address)
        async with trio.open_nursery() as connections:
            task_status.started(bound(listener))
            await take_connections(listener, self._connection, connections)

    async def _connection(self, stream: trio.SocketStream) -> None:
        guest = Guest(_peer(stream), trio.current_time())
        if not self._admission.enter(guest.peer.host, guest):
            _refuse(guest.peer, "too many connections")
            return
        try:
            with guest.scope:
                await self._receive(stream, guest)
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
