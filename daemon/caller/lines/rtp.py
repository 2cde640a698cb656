"""One line into one leg: a UDP socket that sends RTP, and hears the packets that come back."""

import secrets
import socket
from typing import Self

import trio

from daemon.caller.faults import Turn
from daemon.caller.line import LineError
from daemon.caller.talk import Talk
from daemon.media import rtp
from wavstream.process.settings import Address

MAX_HEARD_AT_ONCE = 256
"""Packets read in one go: a leg sends ten of them a second, and the reader comes by every second."""


class RtpLine:
    """A telephone that has been put through to an RTP address; it sends only what it is told to.

    SSRC, first sequence number and first timestamp are random (RFC 3550 §5.1). Sending never waits: what the
    kernel has no room for is lost, as on any network, and counted in `unsent`.
    """

    def __init__(self, target: Address) -> None:
        self.target = target
        self.sent = 0
        self.unsent = 0
        self.heard = 0
        """Packets that came back: the silence which keeps a switch from hanging up."""
        self.ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._socket = _connected(target)

    def __enter__(self) -> Self:
        """Nothing to do: the line is open from the start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up: RTP has no word for it, the packets just stop."""
        self._socket.close()

    def send(self, talk: Talk, turn: Turn) -> None:
        """Send the talk's packet whose turn it is, counted on from whatever was said before.

        The first packet after a pause carries the marker, as the begin of a talkspurt does (RFC 3551 §4.1).
        """
        packet = rtp.build(
            payload_type=talk.payload_type,
            sequence=self._sequence + turn.order,
            timestamp=self._timestamp + turn.number * talk.timestamp_step,
            ssrc=self.ssrc,
            payload=talk.payloads[turn.number],
            marker=turn.marker,
        )
        try:
            self._socket.send(packet)
        except (BlockingIOError, ConnectionRefusedError):
            # The second is the answer to an earlier packet: nobody listens there (ICMP port unreachable).
            self.unsent += 1
        else:
            self.sent += 1

    def finish(self, talk: Talk, sent: int) -> None:
        """The next talk counts on from this one, whether or not anybody got it."""
        self._sequence += sent
        self._timestamp += len(talk.payloads) * talk.timestamp_step

    def listen(self) -> None:
        """Count what has come back since the last time."""
        for _ in range(MAX_HEARD_AT_ONCE):
            try:
                self._socket.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self.heard += 1

    async def hang_up(self) -> None:
        """Let the socket go: RTP has no word for it."""
        self._socket.close()
        await trio.lowlevel.checkpoint()


def _connected(target: Address) -> socket.socket:
    """A UDP socket that speaks to this address and hears nobody else."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(*target, type=socket.SOCK_DGRAM)[0]
        datagrams = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, protocol)
        datagrams.connect(address)
    except OSError as wrong:
        raise LineError(f"cannot send to {target}: {wrong.strerror or wrong}") from None
    return datagrams
