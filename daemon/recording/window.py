"""The replay window: every byte of a recording from the first one not yet acknowledged to the last one made.

No I/O, no clock. Offsets count bytes of audio from the recording's beginning, as in `wavstream.v1`.
"""


class WindowError(Exception):
    """The server claims to have what it cannot have."""


class ReplayWindow:
    """Bytes on their way: `acked` <= `sent` <= `end`, all offsets.

    `capacity` bytes at most are kept. Above it the oldest are let go; when their turn comes, `silent_byte` is
    sent in their place, so that what follows stays where it belongs.
    """

    def __init__(self, *, capacity: int, silent_byte: int) -> None:
        """`capacity` is a whole number of frames, so that no frame is ever lost by half."""
        self.acked = 0
        self.sent = 0
        self.closed = False
        self.gaps: list[tuple[int, int]] = []
        """From which offset to which silence took the place of audio; one an outage, so they stay few."""
        self._capacity = capacity
        self._silent_byte = bytes((silent_byte,))
        self._kept = bytearray()
        self._base = 0  # the offset of the first byte kept
        self._reached = 0  # the highest offset ever sent

    @property
    def end(self) -> int:
        """The offset after the last byte."""
        return self._base + len(self._kept)

    @property
    def lost(self) -> int:
        """Bytes of audio in whose place silence has been sent."""
        return sum(end - start for start, end in self.gaps)

    @property
    def waiting(self) -> int:
        """Bytes not yet sent."""
        return self.end - self.sent

    @property
    def unacknowledged(self) -> int:
        """Bytes sent and not yet acknowledged."""
        return self.sent - self.acked

    def append(self, data: bytes) -> None:
        """Add the next bytes. Raises ValueError when closed."""
        if self.closed:
            raise ValueError("the recording has ended")
        self._kept += data
        over = len(self._kept) - self._capacity
        if over > 0:
            self._let_go(over)

    def close(self) -> None:
        """That was all: `end` is the length of the recording."""
        self.closed = True

    def take(self, most: int) -> bytes:
        """The next bytes to send, `most` at most; none when all has been sent."""
        if self.sent < self._base:
            data = self._silence(min(most, self._base - self.sent))
        else:
            at = self.sent - self._base
            data = bytes(memoryview(self._kept)[at : at + most])
        self.sent += len(data)
        self._reached = max(self._reached, self.sent)
        return data

    def ack(self, offset: int) -> None:
        """Everything before `offset` is safe. Raises WindowError where that was never sent."""
        if offset > self.sent:
            raise WindowError(f"acknowledged byte {offset}, sent only {self.sent}")
        if offset > self.acked:
            self.acked = offset
            if offset > self._base:
                self._let_go(offset - self._base)

    def rewind(self, offset: int) -> None:
        """Go on from `offset`, all that the server has. Raises WindowError where that was never sent.

        To have is not yet to keep: only `ack` lets bytes go. It may be less than was acknowledged (the
        server's disk lost it); what is no longer here is then made up by silence.
        """
        if offset > self._reached:
            raise WindowError(f"the server has {offset} bytes, of which only {self._reached} were ever sent")
        self.sent = offset
        self.acked = min(self.acked, offset)
        self.gaps = [(start, min(end, offset)) for start, end in self.gaps if start < offset]

    def _let_go(self, count: int) -> None:
        del self._kept[:count]
        self._base += count

    def _silence(self, count: int) -> bytes:
        """Silence for the next `count` bytes, which are no longer here."""
        if self.gaps and self.gaps[-1][1] == self.sent:
            self.gaps[-1] = (self.gaps[-1][0], self.sent + count)
        else:
            self.gaps.append((self.sent, self.sent + count))
        return self._silent_byte * count
