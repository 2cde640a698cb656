import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.media import rtp

PACKET = rtp.build(payload_type=8, sequence=0x1234, timestamp=0x89ABCDEF, ssrc=0xCAFEBABE, payload=b"voice")


def test_a_packet_is_written_as_rfc_3550_has_it() -> None:
    written = bytes.fromhex("80081234 89abcdef cafebabe") + b"voice"
    assert written == PACKET
    marked = rtp.build(payload_type=0, sequence=1, timestamp=2, ssrc=3, payload=b"", marker=True)
    assert marked == bytes.fromhex("80800001 00000002 00000003")


def test_numbers_beyond_their_field_wrap() -> None:
    packet = rtp.parse(
        rtp.build(payload_type=0, sequence=(1 << 16) + 5, timestamp=(1 << 32) + 7, ssrc=1, payload=b"")
    )
    assert (packet.sequence, packet.timestamp) == (5, 7)


@given(
    st.integers(0, 127).filter(lambda kind: not 64 <= kind <= 95),
    st.booleans(),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=400),
)
def test_what_was_built_is_parsed(
    kind: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes
) -> None:
    built = rtp.build(
        payload_type=kind, sequence=sequence, timestamp=timestamp, ssrc=ssrc, payload=payload, marker=marker
    )
    assert rtp.parse(built) == (kind, marker, sequence, timestamp, ssrc, payload)


def test_sources_extension_and_padding_are_left_out() -> None:
    header = bytes([0x80 | 0x20 | 0x10 | 2]) + PACKET[1:12]
    sources, extension, padding = b"12345678", bytes.fromhex("bede0001") + b"abcd", b"\0\0\3"
    assert rtp.parse(header + sources + extension + b"voice" + padding).payload == b"voice"


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (b"", "0 bytes"),
        (PACKET[:11], "11 bytes"),
        (b"\x40" + PACKET[1:], "version 1"),
        (b"\x80\xc8" + PACKET[2:], "RTCP"),
        (b"\x82" + PACKET[1:12] + b"1234567", "longer than itself"),
        (b"\x90" + PACKET[1:12] + b"\0\0\0", "cut off before its extension"),
        (b"\x90" + PACKET[1:12] + b"\0\0\0\x02" + b"1234", "longer than itself"),
        (b"\xa0" + PACKET[1:12] + b"\0", "padding of no bytes"),
        (b"\xa0" + PACKET[1:12] + b"a\x09", "longer than itself"),
    ],
)
def test_what_is_no_packet_is_refused_with_the_reason(datagram: bytes, why: str) -> None:
    with pytest.raises(rtp.RtpError, match=why):
        rtp.parse(datagram)


@given(st.binary(max_size=64))
@example(b"\xbf" + bytes(63))
def test_no_datagram_does_more_than_be_refused(datagram: bytes) -> None:
    try:
        packet = rtp.parse(datagram)
    except rtp.RtpError:
        return
    assert packet.payload in datagram
