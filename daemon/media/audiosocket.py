"""AudioSocket frames (Asterisk, `res_audiosocket.h`): one byte of kind, two of length, the payload.

Numbers are in network order; audio is 16 bits a sample, mono, the low byte first.
"""

import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from daemon.media.wire import WireError

HANGUP = 0x00
IDENTITY = 0x01
DTMF = 0x03
AUDIO = 0x10
"""The lowest kind of audio: 8 kHz."""
ERROR = 0xFF

RATES: Mapping[int, int] = MappingProxyType(
    {0x10: 8000, 0x11: 12000, 0x12: 16000, 0x13: 24000, 0x14: 32000, 0x15: 44100, 0x16: 48000}
)
"""Samples a second by kind. There are 0x17 and 0x18 as well, 96 and 192 kHz, which no leg takes."""
KINDS: Mapping[int, int] = MappingProxyType({rate: kind for kind, rate in RATES.items()})
"""The kind that carries audio of so many samples a second."""

HEADER = struct.Struct("!BH")
MOST_PAYLOAD_BYTES = 0xFFFF
"""The length has two bytes: no frame makes us keep more than this, and its header."""
IDENTITY_BYTES = HEADER.size + 16
"""The first frame of a connection."""

_LENGTHS = {HANGUP: 0, IDENTITY: 16, DTMF: 1}
_NAMES = {HANGUP: "hangup", IDENTITY: "UUID", DTMF: "DTMF"}


class AudioSocketError(WireError):
    """What came is no AudioSocket frame, and nothing behind it can be found."""


class Frame(NamedTuple):
    """One frame. Its payload has the length that its kind takes; other kinds may be anything."""

    kind: int
    payload: bytes

    @property
    def uuid(self) -> UUID:
        """Whom a frame of kind IDENTITY names."""
        return UUID(bytes=self.payload)


class Parser:
    """Frames out of a stream of bytes that may be cut anywhere. Keeps no more than one unfinished frame."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take in what has come next; `frames` then has to be asked before this is called again."""
        self._rest += data

    def frames(self) -> Iterator[Frame]:
        """All whole frames that have come. Raises AudioSocketError, after those before the wrong one."""
        data, at = self._rest, 0
        try:
            while len(data) - at >= HEADER.size:
                kind, length = HEADER.unpack_from(data, at)
                _check(kind, length)
                end = at + HEADER.size + length
                if end > len(data):
                    return
                frame = Frame(kind, data[at + HEADER.size : end])
                at = end
                yield frame
        finally:
            self._rest = data[at:]


def _check(kind: int, length: int) -> None:
    """Refuse a length that the kind cannot have, before the payload is waited for."""
    right = _LENGTHS.get(kind, length)
    if length != right:
        raise AudioSocketError(f"a {_NAMES[kind]} frame of {length} bytes, not {right}")
    if kind in RATES and length % 2:
        raise AudioSocketError(f"an audio frame of {length} bytes: half a sample")


def build(kind: int, payload: bytes = b"") -> bytes:
    """The bytes of a frame; `payload` has MOST_PAYLOAD_BYTES at most. Raises AudioSocketError."""
    if len(payload) > MOST_PAYLOAD_BYTES:
        raise AudioSocketError(f"{len(payload)} bytes do not fit into a frame")
    _check(kind, len(payload))
    return HEADER.pack(kind, len(payload)) + payload
