"""A caller for tests: real datagrams, as many as are asked for, when they are asked for."""

import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio

from daemon.legs.ports import PortPair, RtpPorts
from daemon.legs.rtp import RtpLeg
from daemon.media import rtp
from daemon.media.codecs import Codec
from daemon.media.timeline import CALLER, Side
from wavstream.process import logs
from wavstream.process.cadence import Cadence

VOICE = bytes(range(160))


class Caller:
    """Sends packets of 20 ms to one leg; packet n has sequence number n and timestamp n * 160."""

    def __init__(self, leg: RtpLeg, *, kind: int = 0, ssrc: int = 7) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.leg, self.kind, self.ssrc = leg, kind, ssrc

    def send(self, *numbers: int, payload: bytes = VOICE) -> None:
        """On loopback a datagram is in the leg's socket when `sendto` returns."""
        for number in numbers:
            packet = rtp.build(
                payload_type=self.kind,
                sequence=number,
                timestamp=number * 160,
                ssrc=self.ssrc,
                payload=payload,
            )
            self.socket.sendto(packet, self.leg.address)

    def heard(self) -> rtp.Packet:
        """The next packet that the leg sent."""
        return rtp.parse(self.socket.recv(2048))


def make_leg(
    cadence: Cadence,
    *,
    side: Side = CALLER,
    bound: PortPair | None = None,
    told: dict[int, Codec] | None = None,
    repin: bool = False,
    telephone_event: int = 101,
) -> RtpLeg:
    """A leg, on ports of the system's choice if on no others."""
    return RtpLeg(
        side=side,
        bound=bound or RtpPorts.parse("127.0.0.1:0").bind(),
        cadence=cadence,
        log=logs.get("tests"),
        payload_types=told,
        repin=repin,
        telephone_event=telephone_event,
    )


@asynccontextmanager
async def calling(leg: RtpLeg, kinds: Iterable[int] = (0,)) -> AsyncIterator[list[Caller]]:
    """Callers on the leg; leg and sockets are closed at the end."""
    callers = [Caller(leg, kind=kind) for kind in kinds]
    try:
        await trio.lowlevel.checkpoint()
        yield callers
    finally:
        leg.close()
        for caller in callers:
            caller.socket.close()
