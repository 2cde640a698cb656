"""What every attacker does: connect from some loopback address, send, look for an answer, count."""

import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from wavstream.process.settings import Address

READ_BYTES = 65_536
CONNECT_SECONDS = 5.0
"""On loopback at once, unless the backlog is full."""
PAUSE_SECONDS = 0.05
"""Before the next try of an attacker that was turned away: it shall not spin in its own process."""
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass
class Tally:
    """What came of it, by kind of attack: answers by status, connections that were cut, and so on."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    names: dict[str, None] = field(default_factory=dict)

    def note(self, attack: str, outcome: str, count: int = 1) -> None:
        """Count."""
        self.names[attack] = None
        self.counts[attack, outcome] += count

    def answers(self, attack: str, data: bytes) -> int:
        """Count the status lines in what was read. Returns how many there were."""
        found = STATUS.findall(data)
        for status in found:
            self.note(attack, status.decode())
        return len(found)


def somewhere() -> str:
    """A loopback address that nobody else has used lately: there are sixteen million."""
    return f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.{random.randint(2, 250)}"


@asynccontextmanager
async def connected(target: Address, source: str = "127.0.0.1") -> AsyncIterator[trio.SocketStream]:
    """A connection from that address. Raises OSError, trio.TooSlowError."""
    sock = trio.socket.socket()
    try:
        await sock.bind((source, 0))
        with trio.fail_after(CONNECT_SECONDS):
            await sock.connect(target)
        yield trio.SocketStream(sock)
    finally:
        sock.close()


async def drained(stream: trio.SocketStream) -> bytes:
    """All that comes until the other side closes; the last of it."""
    said = b""
    while data := bytes(await stream.receive_some(READ_BYTES)):
        said = said[-READ_BYTES:] + data
    return said
