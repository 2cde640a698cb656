"""The UDP ports that RTP legs are given."""

import errno
import socket
from contextlib import ExitStack
from typing import NamedTuple, Self

from wavstream.process.settings import parse_address

SO_TIMESTAMPNS = 35
"""Linux: the kernel stamps each datagram as it arrives, in real time. Python has no name for it."""
RECEIVE_BUFFER_BYTES = 1 << 20
"""What the kernel keeps while we are busy: seconds of a leg (the system's own limit may make it less)."""
CONTROL_BUFFER_BYTES = 1 << 16
"""RTCP is a packet each few seconds: room for what comes until it is read, and for some that is not ours."""
EPHEMERAL_TRIES = 64
"""Every second port that the system chooses is even, and the one above is nearly always free."""


class PortsExhaustedError(Exception):
    """Every port of the range is in use. Its text may be shown to an application."""


class PortPair(NamedTuple):
    """The sockets of one leg: an even port, and the odd one above for RTCP (RFC 3550 §11)."""

    rtp: socket.socket
    rtcp: socket.socket | None
    """None where somebody else has that port."""

    def __enter__(self) -> Self:
        """The pair, closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both."""
        self.close()

    def close(self) -> None:
        """Close both."""
        self.rtp.close()
        if self.rtcp is not None:
            self.rtcp.close()


class RtpPorts:
    """Pairs of ports of one host, given in turn; the range names the even ones.

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

    def bind(self) -> PortPair:
        """The sockets for one leg. Raises PortsExhaustedError; OSError for a host not ours."""
        return self._search() if self._ports else self._ephemeral()

    def _search(self) -> PortPair:
        """The next even port that is free. A leg whose odd port is taken goes without."""
        for _ in self._ports:
            port = self._ports[self._next % len(self._ports)]
            self._next += 1
            bound = _bind(self.host, port)
            if bound is not None:
                return PortPair(bound, _above(self.host, bound))
        raise PortsExhaustedError(
            f"all RTP ports from {self._ports[0]} to {self._ports[-1]} of {self.host} are in use"
        )

    def _ephemeral(self) -> PortPair:
        with ExitStack() as unfit:  # held while we search, or the system would offer them again
            for _ in range(EPHEMERAL_TRIES):
                bound = _bind(self.host, 0)
                above = None if bound is None else _above(self.host, bound)
                if bound is not None and above is not None:
                    return PortPair(bound, above)
                if bound is not None:
                    unfit.callback(bound.close)
        raise PortsExhaustedError(f"{self.host} has no even UDP port left with the next one free")


def _above(host: str, bound: socket.socket) -> socket.socket | None:
    """The port above an even one, for RTCP; None where it is taken, or the port is odd."""
    port = bound.getsockname()[1]
    try:
        return None if port % 2 else _bind(host, port + 1, CONTROL_BUFFER_BYTES)
    except OSError:
        bound.close()
        raise


def _bind(host: str, port: int, buffer_bytes: int = RECEIVE_BUFFER_BYTES) -> socket.socket | None:
    """A socket bound to the port; None where that is taken. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        bound.bind((host, port))
    except OSError as failed:
        bound.close()
        if failed.errno == errno.EADDRINUSE:
            return None
        raise
    return bound
