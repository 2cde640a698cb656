"""A TCP connection that is read once a beat and written to in passing: neither ever waits."""

import socket
from contextlib import suppress

import trio

READ_BYTES = 16_384
"""One read: 0.17 s at 48 kHz, a second at 8 kHz."""
LINGER_SECONDS = 1.0
LINGER_READS = 1000
MOST_RETRIES = 8
"""So many times in a row the kernel has said something again, and nobody answered: a minute, or nearly."""
_INFO_BYTES = 8
_RETRIES_AT = 2  # in `struct tcp_info`: `tcpi_retransmits`, one byte


class TcpLine:
    """One peer. `over` is set when the line is finished, by whichever side."""

    def __init__(self, connection: socket.socket, peer: str) -> None:
        """`connection` is from then on this line's to close."""
        self.peer = peer
        self.over = trio.Event()
        self._socket = connection
        self._unsent = b""
        connection.setblocking(False)

    def read(self) -> bytes | None:
        """What has arrived; None where nothing has, empty at the end, also when that is an error."""
        try:
            return self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    @property
    def vanished(self) -> bool:
        """Whether the peer answers no more, though we speak to it.

        Keepalive asks nobody to whom something is on its way, and the kernel itself gives up after a quarter
        of an hour. A peer that is there, and only reads nothing, has answered.
        """
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        except OSError:
            return False
        return info[_RETRIES_AT] >= MOST_RETRIES

    def send(self, message: bytes) -> bool:
        """Send a message where there is room for it, whole or not at all; whether it was sent.

        What the kernel takes only half of is finished before the next. That the peer is gone shows in `read`.
        For a peer that has not read for so long, a pong or a goodbye is lost as silence is: it reads neither.
        """
        if not message:
            return False
        if not self._flush():
            return False
        self._unsent = message
        self._flush()
        if len(self._unsent) == len(message):
            self._unsent = b""
            return False
        return True

    def _flush(self) -> bool:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except OSError:
            return False
        return True

    async def readable(self) -> None:
        """Wait until something can be read, the end included, or the line is closed."""
        try:
            await trio.lowlevel.wait_readable(self._socket)
        except (trio.ClosedResourceError, OSError):
            await trio.lowlevel.checkpoint()

    def finish(self) -> None:
        """Nothing more is said on it, nor listened to."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        if self._socket.fileno() >= 0:  # whoever still waits to read may be let go: the next is `linger`
            trio.lowlevel.notify_closing(self._socket)
        self.over.set()

    async def linger(self) -> None:
        """Wait for the far end to let go, for a moment: to close at once may destroy what it has not read."""
        with trio.move_on_after(LINGER_SECONDS):
            for _ in range(LINGER_READS):
                await self.readable()
                if not self.read():
                    return

    def close(self) -> None:
        """Close it. Twice does no harm."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
        self.over.set()
