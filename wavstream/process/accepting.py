"""Taking connections: many by one wake-up, and on without a pause when one cannot be taken."""

import errno
import socket
from collections.abc import Awaitable, Callable
from typing import NoReturn

import trio

from wavstream.process import logs
from wavstream.process.listening import naming
from wavstream.process.settings import Address

BACKLOG = 1024
"""Connections that the system keeps for us until the loop comes round to them: they come in bursts."""
ACCEPTS_A_TURN = 32
"""Trio's own listener takes one connection each time that the loop comes round. Where many are busy, and that
takes 10 ms, the last of a full backlog would wait ten seconds; and a switch gives up after one."""
AGAIN_SECONDS = 0.1
"""Before the next try when there was no descriptor or no memory for a connection; it waits in the backlog."""
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

Handler = Callable[[trio.SocketStream], Awaitable[None]]

log = logs.get(__name__)


def listen(address: Address) -> socket.socket:
    """A listening socket. Raises ListenError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with naming(address):
        listener = socket.create_server(address, family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener


def bound(listener: socket.socket) -> Address:
    """Where it listens."""
    return Address(*listener.getsockname()[:2])


async def take_connections(listener: socket.socket, handler: Handler, connections: trio.Nursery) -> NoReturn:
    """Run `handler` in `connections` for each connection, and close the stream after it; until cancelled.

    The listener is then closed. As with `trio.serve_listeners`, what a handler raises goes into the nursery.
    """
    with listener:
        while True:
            await trio.lowlevel.wait_readable(listener)
            try:
                for _ in range(ACCEPTS_A_TURN):
                    connections.start_soon(_handle, _accept(listener), handler)
            except BlockingIOError:
                continue
            except OSError as wrong:
                # Others are the connection's own: it ended in the backlog (accept(2), "Error handling").
                if wrong.errno in EXHAUSTED:
                    log.error("no connection can be taken", peer=None, error=str(wrong))  # noqa: TRY400 - its words say it all
                    await trio.sleep(AGAIN_SECONDS)


def _accept(listener: socket.socket) -> trio.SocketStream:
    connection, _ = listener.accept()
    return trio.SocketStream(trio.socket.from_stdlib_socket(connection))


async def _handle(stream: trio.SocketStream, handler: Handler) -> None:
    try:
        await handler(stream)
    finally:
        await trio.aclose_forcefully(stream)
