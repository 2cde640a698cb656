"""Datagrams as the kernel gives and takes them: with the time of their arrival, and without any promise."""

import errno
import socket
import struct
from typing import Any

DATAGRAM_BYTES = 8192
"""Longer ones are no telephone's: 60 ms of L16 at 48 kHz have 5,760."""
CLOCK_STEP_SECONDS = 0.05
"""The kernel stamps by the wall clock. A stamp so far before the drain's time means that it was set."""
STAMP = struct.Struct("@ll")
"""Seconds and nanoseconds since the epoch (SO_TIMESTAMPNS)."""
ANCILLARY_BYTES = socket.CMSG_SPACE(STAMP.size)
_UNSENDABLE = frozenset(
    {errno.EAGAIN, errno.ENOBUFS, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EPERM, errno.ECONNREFUSED}
)
"""What cannot leave is not missed: neither is silence, of which more follows, nor a report."""


def arrival(ancillary: list[tuple[int, int, bytes]], from_real: float, since: float, now: float) -> float:
    """When the kernel took a datagram, by the clock of `since` and `now`, between which that was.

    `from_real` turns the wall clock's time into that. `now` where the stamp is missing or cannot be right.
    """
    if not ancillary:
        return now
    seconds, nanoseconds = STAMP.unpack(ancillary[0][2])
    stamped: float = seconds + nanoseconds * 1e-9 + from_real
    return stamped if since - CLOCK_STEP_SECONDS < stamped < now else now


def send(bound: socket.socket, datagram: bytes, target: Any) -> None:
    """Send what nobody misses if it cannot leave. Raises OSError for a fault of ours."""
    try:
        bound.sendto(datagram, target)
    except OSError as failed:
        if failed.errno not in _UNSENDABLE:
            raise
