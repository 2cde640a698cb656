"""RTP packets (RFC 3550 §5.1)."""

import struct
from typing import NamedTuple

HEADER_BYTES = 12
HEADER = struct.Struct("!BBHII")
"""Version and flags, marker and payload type, sequence, timestamp, SSRC."""
PLAIN = 0x80
"""The first byte of a header with nothing optional: no padding, extension or contributing source."""
_EXTENSION = struct.Struct("!HH")


class RtpError(Exception):
    """A datagram that is no RTP packet."""


class Packet(NamedTuple):
    """One packet. `timestamp` counts the sender's samples (32 bits), `sequence` its packets (16 bits)."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse(datagram: bytes) -> Packet:
    """The packet in a datagram, its contributing sources, extension and padding left out. Raises RtpError."""
    if len(datagram) < HEADER_BYTES:
        raise RtpError(f"{len(datagram)} bytes: an RTP header has {HEADER_BYTES}")
    flags, kind, sequence, timestamp, ssrc = HEADER.unpack_from(datagram)
    if flags >> 6 != 2:
        raise RtpError(f"version {flags >> 6}, not 2")
    if 192 <= kind <= 223:
        raise RtpError("an RTCP packet")  # RFC 5761 §4: on one port they are told apart by this byte
    payload = datagram[HEADER_BYTES:] if flags == PLAIN else _payload(datagram, flags)
    return Packet(kind & 0x7F, kind > 0x7F, sequence, timestamp, ssrc, payload)


def _payload(datagram: bytes, flags: int) -> bytes:
    start = HEADER_BYTES + 4 * (flags & 15)
    if flags & 0x10:
        if len(datagram) < start + 4:
            raise RtpError("cut off before its extension")
        start += 4 + 4 * _EXTENSION.unpack_from(datagram, start)[1]
    end = len(datagram)
    if flags & 0x20:
        padding = datagram[-1]
        if padding == 0:
            raise RtpError("padding of no bytes")
        end -= padding
    if start > end:
        raise RtpError("its header is longer than itself")
    return datagram[start:end]


def build(
    *, payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool = False
) -> bytes:
    """The datagram of a packet. `sequence` and `timestamp` may have any size: their low bits are sent."""
    kind = payload_type | marker << 7
    return HEADER.pack(PLAIN, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload
