"""Datagrams into an RTP leg: packets (RFC 3550), telephone events (RFC 4733), or RtpError; and what is heard.

An input is datagrams, each behind a byte with its length and one with its source and its pace.
"""

from collections.abc import Hashable, Iterator

from daemon.media import rtp
from daemon.media.codecs import STATIC, l16
from daemon.media.keys import DIGITS, PAYLOAD_TYPE
from daemon.media.rtpstream import RtpStream
from tests.fuzz import _mutation

CODECS = dict(STATIC) | {118: l16(16_000)}
START = 100.0


def do(data: bytes) -> Hashable:
    """One input: every datagram by itself, then all of them into one leg."""
    kinds = {_parse(datagram) for datagram, _ in _datagrams(data)}
    return tuple(sorted(kinds)), _hear(data)


def _datagrams(data: bytes) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at + 2 <= len(data):
        size, how = data[at], data[at + 1]
        yield data[at + 2 : at + 2 + size], how
        at += 2 + size


def _parse(datagram: bytes) -> str:
    try:
        packet = rtp.parse(datagram)
    except rtp.RtpError as wrong:
        return str(wrong).lstrip("0123456789")[:12]
    assert len(packet.payload) <= len(datagram) - rtp.HEADER_BYTES
    built = rtp.build(
        payload_type=packet.payload_type,
        sequence=packet.sequence,
        timestamp=packet.timestamp,
        ssrc=packet.ssrc,
        payload=packet.payload,
        marker=packet.marker,
    )
    assert rtp.parse(built) == packet
    optional = datagram[0] >> 4 & 3
    kind = packet.payload_type if packet.payload_type in {*CODECS, PAYLOAD_TYPE} else "another"
    return f"{kind} {optional} {packet.marker} {len(packet.payload) > 0}"


def _hear(data: bytes) -> Hashable:
    stream, arrival, count = RtpStream(CODECS, repin=True), START, 0
    for datagram, how in _datagrams(data):
        arrival += (0.02, 0.0, 0.3, 3.0)[how & 3]
        stream.receive(datagram, (f"10.0.0.{how >> 7}", 5004), arrival)
        count += 1
    heard = stream.heard()
    for each in heard:
        assert len(each.payload) % each.codec.bytes_per_sample == 0, "half a sample"
        each.codec.decode(each.payload)
    keys = stream.keys.taken()
    assert all(key.digit in DIGITS and key.at <= arrival for key in keys)
    assert stream.strangers + stream.reception.packets <= count
    assert stream.malformed + stream.strangers <= count
    about = stream.reception
    assert min(about.lost, about.reordered, about.duplicates, about.strays) >= 0
    counts = (stream.malformed, stream.strangers, stream.unknown, stream.ssrc_changes, stream.comfort_noise)
    order = (about.lost, about.reordered, about.duplicates, about.strays)
    return min(len(heard), 3), tuple(each > 0 for each in (*counts, *order, len(keys)))


if __name__ == "__main__":
    _mutation.main("rtp", do)
