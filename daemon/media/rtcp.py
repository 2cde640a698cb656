"""RTCP packets (RFC 3550 §6): one datagram holds several, a compound.

A compound that does not begin with a report is taken as well (reduced size, RFC 5506), and packets of types
not named here are passed over, as RFC 3550 §6.1 has it. Of one that is wrong anywhere nothing is taken.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, BYE = 200, 201, 202, 203
_VERSION = 2
_PADDED = 0x20
_CNAME = 1
_HEADER = struct.Struct("!BBH")
_WORD = struct.Struct("!I")
_SENDER = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")


class RtcpError(Exception):
    """A datagram that is no compound of RTCP packets."""


class Block(NamedTuple):
    """What somebody received of one source, up to now (RFC 3550 §6.4.1)."""

    ssrc: int
    fraction: int
    """Of the packets expected since the report before, how many of 256 were lost."""
    lost: int
    """Packets in all, 24 bits; fewer than none where some came twice."""
    highest: int
    """The highest sequence number, counted on in 32 bits."""
    jitter: int
    """In steps of the source's timestamps."""
    last_report: int
    """The middle 32 bits of the source's NTP time in its last sender report; 0 before the first."""
    delay: int
    """From then to this report, in 1/65536 s."""


class SenderReport(NamedTuple):
    """A participant who sends: how much, and one instant by two clocks."""

    ssrc: int
    ntp: int
    """Seconds since 1900 in 64 bits, of which the lower 32 are the fraction."""
    timestamp: int
    packets: int
    octets: int
    """Of payload, without headers and padding."""
    blocks: tuple[Block, ...] = ()


class ReceiverReport(NamedTuple):
    """A participant who only listens."""

    ssrc: int
    blocks: tuple[Block, ...] = ()


class Description(NamedTuple):
    """Who the participants are: SSRC and canonical name (§6.5). Other items are passed over."""

    names: tuple[tuple[int, str], ...]


class Bye(NamedTuple):
    """Sources that are heard no more (§6.6)."""

    ssrcs: tuple[int, ...]
    reason: str = ""


Packet = SenderReport | ReceiverReport | Description | Bye


def is_rtcp(datagram: bytes) -> bool:
    """Whether a datagram on an RTP port means to be RTCP (RFC 5761 §4)."""
    return len(datagram) > 1 and datagram[0] >> 6 == _VERSION and 192 <= datagram[1] <= 223


def parse(datagram: bytes) -> list[Packet]:
    """The packets of a compound, in order. Raises RtcpError (the checks are those of RFC 3550 A.2)."""
    if not datagram:
        raise RtcpError("no bytes")
    packets: list[Packet] = []
    start = 0
    while start < len(datagram):
        flags, kind, body, start = _split(datagram, start)
        read = _READERS.get(kind)
        if read is not None:
            packets.append(read(flags & 31, body))
    return packets


def _split(datagram: bytes, start: int) -> tuple[int, int, bytes, int]:
    """(flags and count, type, body without padding, where the next packet begins)."""
    if len(datagram) - start < _HEADER.size:
        raise RtcpError("cut off in a header")
    flags, kind, words = _HEADER.unpack_from(datagram, start)
    end = start + _HEADER.size + 4 * words
    if flags >> 6 != _VERSION:
        raise RtcpError(f"version {flags >> 6}, not {_VERSION}")
    if not 192 <= kind <= 223:
        raise RtcpError(f"type {kind}, which is none of RTCP")
    if end > len(datagram):
        raise RtcpError("a packet longer than its datagram")
    body = datagram[start + _HEADER.size : end]
    if flags & _PADDED:
        if end != len(datagram):
            raise RtcpError("padding before the last packet")
        body = _without_padding(body)
    return flags, kind, body, end


def _without_padding(body: bytes) -> bytes:
    padding = body[-1] if body else 0
    if padding == 0 or padding % 4 or padding > len(body):
        raise RtcpError(f"padding of {padding} bytes")
    return body[:-padding]


def _blocks(count: int, body: bytes, start: int) -> tuple[Block, ...]:
    """What follows them is a profile's own, and passed over (§6.4.3)."""
    if len(body) < start + count * _BLOCK.size:
        raise RtcpError("a report shorter than its blocks")
    return tuple(_block(body, start + number * _BLOCK.size) for number in range(count))


def _block(body: bytes, start: int) -> Block:
    ssrc, loss, highest, jitter, last_report, delay = _BLOCK.unpack_from(body, start)
    lost = loss & 0xFFFFFF
    signed = lost - 0x1000000 if lost & 0x800000 else lost
    return Block(ssrc, loss >> 24, signed, highest, jitter, last_report, delay)


def _sender_report(count: int, body: bytes) -> SenderReport:
    if len(body) < _SENDER.size:
        raise RtcpError("a sender report cut off")
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
    return SenderReport(ssrc, ntp, timestamp, packets, octets, _blocks(count, body, _SENDER.size))


def _receiver_report(count: int, body: bytes) -> ReceiverReport:
    return ReceiverReport(_word(body, 0), _blocks(count, body, _WORD.size))


def _description(count: int, body: bytes) -> Description:
    names, start = [], 0
    for _ in range(count):
        ssrc = _word(body, start)
        name, start = _items(body, start + _WORD.size)
        names.append((ssrc, name))
    return Description(tuple(names))


def _items(body: bytes, start: int) -> tuple[str, int]:
    """(the canonical name in a chunk, where the next chunk begins)."""
    name = ""
    while start < len(body) and body[start]:
        end = start + 2 + (body[start + 1] if start + 1 < len(body) else len(body))
        if end > len(body):
            raise RtcpError("a description cut off")
        if body[start] == _CNAME:
            name = body[start + 2 : end].decode(errors="replace")
        start = end
    if start >= len(body):
        raise RtcpError("a description without an end")
    return name, (start // 4 + 1) * 4  # at least one byte of zero, and the next chunk on a whole word


def _bye(count: int, body: bytes) -> Bye:
    ssrcs = tuple(_word(body, 4 * number) for number in range(count))
    rest = body[4 * count :]
    if rest and len(rest) <= rest[0]:
        raise RtcpError("a reason cut off")
    return Bye(ssrcs, rest[1 : 1 + rest[0]].decode(errors="replace") if rest else "")


def _word(body: bytes, start: int) -> int:
    if len(body) < start + _WORD.size:
        raise RtcpError("a source cut off")
    word: int = _WORD.unpack_from(body, start)[0]
    return word


_READERS: dict[int, Callable[[int, bytes], Packet]] = {
    SENDER_REPORT: _sender_report,
    RECEIVER_REPORT: _receiver_report,
    DESCRIPTION: _description,
    BYE: _bye,
}


def build(*packets: Packet) -> bytes:
    """The datagram of a compound; a report comes first, then a description (§6.1). At most 31 of anything."""
    return b"".join(_built(packet) for packet in packets)


def _built(packet: Packet) -> bytes:
    match packet:
        case SenderReport(ssrc, ntp, timestamp, sent, octets, blocks):
            sender = _SENDER.pack(ssrc, ntp, timestamp, sent & 0xFFFFFFFF, octets & 0xFFFFFFFF)
            return _packet(SENDER_REPORT, len(blocks), sender + b"".join(map(_packed, blocks)))
        case ReceiverReport(ssrc, blocks):
            return _packet(RECEIVER_REPORT, len(blocks), _WORD.pack(ssrc) + b"".join(map(_packed, blocks)))
        case Description(names):
            return _packet(DESCRIPTION, len(names), b"".join(_chunk(*name) for name in names))
        case Bye(ssrcs, reason):
            said = _text(reason) if reason else b""
            return _packet(BYE, len(ssrcs), b"".join(map(_WORD.pack, ssrcs)) + said + bytes(-len(said) % 4))


def _packed(block: Block) -> bytes:
    """The loss is cut to its 24 bits at both ends (§6.4.1)."""
    lost = max(-0x800000, min(0x7FFFFF, block.lost)) & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc, block.fraction << 24 | lost, block.highest, block.jitter, block.last_report, block.delay
    )


def _chunk(ssrc: int, name: str) -> bytes:
    chunk = _WORD.pack(ssrc) + bytes((_CNAME,)) + _text(name)
    return chunk + bytes(4 - len(chunk) % 4)


def _text(words: str) -> bytes:
    said = words.encode()[:255]
    return bytes((len(said),)) + said


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(_VERSION << 6 | count, kind, len(body) // 4) + body
