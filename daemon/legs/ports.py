"""The UDP ports that RTP legs are given."""

import errno
import socket
from typing import Self

from wavstream.process.settings import parse_address

SO_TIMESTAMPNS = 35
"""Linux: the kernel stamps each datagram as it arrives, in real time. Python has no name for it."""
RECEIVE_BUFFER_BYTES = 1 << 20
"""What the kernel keeps while we are busy: seconds of a leg (the system's own limit may make it less)."""
EPHEMERAL_TRIES = 64
"""Every second port that the system chooses is even, so this many tries fail in one case of 2**64."""


class PortsExhaustedError(Exception):
    """Every port of the range is in use. Its text may be shown to an application."""


class RtpPorts:
    """Even ports of one host (RFC 3550 §11: the odd one above is RTCP's), given in turn.

    In turn, so that the packets still coming from a call just ended do not meet the next one.
    """

    def __init__(self, host: str, low: int, high: int) -> None:
        """`low` to `high`, both included; 0 and 0 lets the system choose each. Raises ValueError."""
        self.host = host
        self._ports = range(low + low % 2, high + 1, 2) if high else range(0)
        if high and not self._ports:
            raise ValueError("takes a range with an even port in it, for example 127.0.0.1:20000-29998")
        self._next = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """`HOST:LOW-HIGH`, or `HOST:0` to let the system choose. Raises ValueError."""
        try:
            host, low = parse_address(text.partition("-")[0])
            high = parse_address(f"{host}:{text.partition('-')[2]}").port if "-" in text else low
        except ValueError:
            raise ValueError("takes HOST:LOW-HIGH, for example 127.0.0.1:20000-29998") from None
        if high < low or (low == 0) != (high == 0) or ("-" not in text and low):
            raise ValueError("takes HOST:LOW-HIGH with LOW below HIGH, or HOST:0")
        return cls(host, low, high)

    def bind(self) -> socket.socket:
        """A socket for one leg. Raises PortsExhaustedError; OSError for a host not ours."""
        return self._search() if self._ports else self._ephemeral()

    def _search(self) -> socket.socket:
        for _ in self._ports:
            port = self._ports[self._next % len(self._ports)]
            self._next += 1
            bound = _bind(self.host, port)
            if bound is not None:
                return bound
        raise PortsExhaustedError(
            f"all RTP ports from {self._ports[0]} to {self._ports[-1]} of {self.host} are in use"
        )

    def _ephemeral(self) -> socket.socket:
        odd: list[socket.socket] = []  # held while we search, or the system would offer them again
        try:
            for _ in range(EPHEMERAL_TRIES):
                bound = _bind(self.host, 0)
                if bound is not None and bound.getsockname()[1] % 2 == 0:
                    return bound
                if bound is not None:
                    odd.append(bound)
        finally:
            for unused in odd:
                unused.close()
        raise PortsExhaustedError(f"{self.host} has no even UDP port left")


def _bind(host: str, port: int) -> socket.socket | None:
    """A socket bound to the port; None where that is taken. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound.bind((host, port))
    except OSError as failed:
        bound.close()
        if failed.errno == errno.EADDRINUSE:
            return None
        raise
    return bound
