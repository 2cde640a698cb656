"""A TCP connection for a line: bytes go in without waiting, and what has come back is there to be taken."""

import socket
from typing import Self

import trio

from daemon.caller.line import LineError
from daemon.groups import leaves, words
from wavstream.process.settings import Address

CONNECT_SECONDS = 10.0
"""Hundreds of calls may begin at once."""
FAREWELL_SECONDS = 2.0
"""For the far end to take what is left and to close as well."""
MOST_AT_ONCE = 64 * 1024
MOST_READS = 16
"""A look takes no more than this: who floods us does not hold up the others."""


class Wire:
    """One connection, open until `close`. `gone` says that the far end has closed it or broken it off."""

    def __init__(self, connection: socket.socket) -> None:
        self.gone = False
        self._socket = connection
        self._rest = b""  # of a message that the kernel had room for a part of: one at most

    @classmethod
    async def connect(cls, address: Address) -> Self:
        """A connection to there. Raises LineError."""
        try:
            with trio.fail_after(CONNECT_SECONDS):
                stream = await trio.open_tcp_stream(*address)
        except trio.TooSlowError:
            raise LineError(f"cannot connect to {address}: no answer in {CONNECT_SECONDS:g} s") from None
        except OSError as wrong:
            raise LineError(f"cannot connect to {address}: {_reason(wrong)}") from None
        return cls(socket.socket(fileno=stream.socket.detach()))  # it has TCP_NODELAY, and never blocks

    def send(self, message: bytes) -> bool:
        """Send a message whole, or not at all where there is no room for it: whether it was taken."""
        if self.gone or not self._flushed():
            return False
        self._rest = message
        self._flushed()
        return not self.gone

    def receive(self) -> bytes:
        """All that has come since the last time, up to a bound."""
        pieces = []
        for _ in range(MOST_READS):
            try:
                data = b"" if self.gone else self._socket.recv(MOST_AT_ONCE)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.gone = True
                break
            pieces.append(data)
        return b"".join(pieces)

    async def readable(self) -> None:
        """Wait until something has come, or the end."""
        await trio.lowlevel.wait_readable(self._socket)

    async def flush(self) -> None:
        """Wait until the kernel has all that was sent."""
        while not self._flushed() and not self.gone:
            await trio.lowlevel.wait_writable(self._socket)

    async def part(self) -> None:
        """Let the far end take all that was sent, and close. Bounded; twice does no harm.

        What it still sends is read: a connection that is closed with something unread takes back what the
        other has not read either.
        """
        if self._socket.fileno() < 0:
            return
        try:
            with trio.move_on_after(FAREWELL_SECONDS):
                await self.flush()
                self._end()
                while not self.gone:
                    await self.readable()
                    self.receive()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of it at once."""
        self.gone = True
        self._socket.close()

    def _end(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:  # the far end was quicker
            self.gone = True

    def _flushed(self) -> bool:
        """Whether nothing is left over of what was to be sent before."""
        try:
            if self._rest and not self.gone:
                self._rest = self._rest[self._socket.send(self._rest) :]
        except BlockingIOError:
            return False
        except OSError:
            self.gone = True
        return not self._rest


def _reason(wrong: OSError) -> str:
    """Why, in the system's words: Trio's own only say that every address was tried."""
    tried = wrong.__cause__
    first = next(leaves(tried), wrong) if isinstance(tried, BaseExceptionGroup) else tried or wrong
    return (first.strerror if isinstance(first, OSError) else None) or words(first)
