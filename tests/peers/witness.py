"""Somebody beside the recorder who is sent the same packets, and notes when they came."""

import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple, Self

import trio

from daemon.legs.ports import RECEIVE_BUFFER_BYTES, SO_TIMESTAMPNS
from daemon.media import rtp

_TIMESPEC = struct.Struct("@ll")


class Arrival(NamedTuple):
    """One packet, and when the kernel took it (seconds since the epoch)."""

    at: float
    packet: rtp.Packet


def stamps(arrivals: Sequence[Arrival], clock_rate: int) -> list[float]:
    """The packets' times by their sender's clock: seconds since the first."""
    first = arrivals[0].packet.timestamp
    return [((each.packet.timestamp - first) & 0xFFFFFFFF) / clock_rate for each in arrivals]


class Witness:
    """A UDP socket on this machine. `arrivals` is what came while `listen` ran."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound.bind(("127.0.0.1", 0))
        self._socket = trio.socket.from_stdlib_socket(bound)

    @property
    def port(self) -> int:
        """Where to send to."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        """Nothing to do: it is open from the start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the socket."""
        self._socket.close()

    async def listen(self) -> None:
        """Note what comes, until cancelled."""
        while True:
            datagram, ancillary, _, _ = await self._socket.recvmsg(8192, socket.CMSG_SPACE(_TIMESPEC.size))
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            self.arrivals.append(Arrival(seconds + nanoseconds * 1e-9, rtp.parse(datagram)))
