"""RTCP by RFC 3550 §6, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media import rtcp
from daemon.media.rtcp import Block, Bye, Description, Packet, ReceiverReport, RtcpError, SenderReport, build

BLOCK = Block(
    ssrc=0x0A0B0C0D,
    fraction=0x40,
    lost=-2,
    highest=0x00010005,
    jitter=7,
    last_report=0x12345678,
    delay=0x8000,
)
# 24 bits of -2 are fffffe.
BLOCK_BYTES = bytes.fromhex("0a0b0c0d 40fffffe 00010005 00000007 12345678 00008000")
SENDER = SenderReport(
    ssrc=0x11223344, ntp=0xE0000000_80000000, timestamp=8000, packets=50, octets=8000, blocks=(BLOCK,)
)
# Version 2, one block; 28 bytes of a sender's report and 24 of its block are 13 words, and 12 are said.
SENDER_BYTES = bytes.fromhex("81c8000c 11223344 e000000080000000 00001f40 00000032 00001f40") + BLOCK_BYTES
RECEIVER = ReceiverReport(0x11223344)
RECEIVER_BYTES = bytes.fromhex("80c90001 11223344")
NAMED = Description(((0x11223344, "abc"),))
# An SSRC, item 1 of 3 bytes, and at least one zero up to a whole word: 4 + 2 + 3 + 3.
NAMED_BYTES = bytes.fromhex("81ca0003 11223344 0103") + b"abc" + bytes(3)
GONE = Bye((0x11223344, 5), "shop closed")
GONE_BYTES = bytes.fromhex("82cb0005 11223344 00000005 0b") + b"shop closed"


@pytest.mark.parametrize(
    ("packet", "written"),
    [
        (SENDER, SENDER_BYTES),
        (RECEIVER, RECEIVER_BYTES),
        (ReceiverReport(1, (BLOCK, BLOCK)), bytes.fromhex("82c9000d 00000001") + 2 * BLOCK_BYTES),
        (NAMED, NAMED_BYTES),
        (GONE, GONE_BYTES),
        (Bye((9,)), bytes.fromhex("81cb0001 00000009")),
        (Bye((9,), "so long"), bytes.fromhex("81cb0003 00000009 07") + b"so long"),
    ],
)
def test_a_packet_is_written_as_the_rfc_has_it_and_read_again(packet: Packet, written: bytes) -> None:
    assert build(packet) == written
    assert rtcp.parse(written) == [packet]


def test_a_compound_is_all_its_packets_in_order() -> None:
    compound = build(SENDER, NAMED, GONE)
    assert compound == SENDER_BYTES + NAMED_BYTES + GONE_BYTES
    assert rtcp.parse(compound) == [SENDER, NAMED, GONE]


@pytest.mark.parametrize("length", range(12))
def test_a_name_of_any_length_ends_with_a_zero_at_a_whole_word(length: int) -> None:
    named = Description(((7, "n" * length), (8, "other")))
    written = build(named)
    assert len(written) % 4 == 0
    assert rtcp.parse(written) == [named]


def test_what_does_not_begin_with_a_report_is_taken_too() -> None:
    """RFC 5506: a feedback message alone, here one that is passed over, or a goodbye alone."""
    assert rtcp.parse(bytes.fromhex("81cd0002 00000001 00000002")) == []
    assert rtcp.parse(GONE_BYTES) == [GONE]


def test_types_that_are_not_ours_and_a_profile_s_own_words_are_passed_over() -> None:
    app = bytes.fromhex("80cc0003 00000001") + b"nameDATA"
    extended = bytes.fromhex("80c90002 11223344 deadbeef")
    assert rtcp.parse(RECEIVER_BYTES + app + extended) == [RECEIVER, RECEIVER]


def test_other_items_of_a_description_are_passed_over_and_a_chunk_may_have_none() -> None:
    tool, private = bytes.fromhex("0602") + b"me", bytes.fromhex("0803") + b"\1xy"
    chunk = bytes.fromhex("00000007") + tool + bytes.fromhex("0101") + b"n" + private
    body = chunk + bytes(4 - len(chunk) % 4) + bytes.fromhex("00000008 00000000")
    written = bytes.fromhex("82ca") + (len(body) // 4).to_bytes(2, "big") + body
    assert rtcp.parse(written) == [Description(((7, "n"), (8, "")))]


def test_padding_at_the_end_is_left_out() -> None:
    assert rtcp.parse(RECEIVER_BYTES + bytes.fromhex("a1cb0002 00000009 00000004")) == [RECEIVER, Bye((9,))]


@pytest.mark.parametrize(("lost", "said"), [(0x900000, 0x7FFFFF), (-0x900000, -0x800000), (0, 0)])
def test_a_loss_beyond_24_bits_is_the_most_that_can_be_said(lost: int, said: int) -> None:
    (report,) = rtcp.parse(build(ReceiverReport(1, (BLOCK._replace(lost=lost),))))
    assert isinstance(report, ReceiverReport)
    assert report.blocks[0].lost == said


def test_counts_beyond_32_bits_wrap() -> None:
    (report,) = rtcp.parse(build(SENDER._replace(packets=(1 << 32) + 3, octets=(1 << 33) + 5)))
    assert isinstance(report, SenderReport)
    assert (report.packets, report.octets) == (3, 5)


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (b"", "no bytes"),
        (b"\x80\xc9\x00", "cut off in a header"),
        (RECEIVER_BYTES + b"\x80", "cut off in a header"),
        (b"\x40" + RECEIVER_BYTES[1:], "version 1"),
        (RECEIVER_BYTES + b"\x00" + RECEIVER_BYTES[1:], "version 0"),
        (bytes.fromhex("80000000"), "type 0"),
        (RECEIVER_BYTES[:-1], "longer than its datagram"),
        (bytes.fromhex("a0c90002 11223344 00000004") + RECEIVER_BYTES, "padding before the last"),
        (bytes.fromhex("a0c90001 11223300"), "padding of 0 bytes"),
        (bytes.fromhex("a0c90001 11223303"), "padding of 3 bytes"),
        (bytes.fromhex("a0c90001 11223308"), "padding of 8 bytes"),
        (bytes.fromhex("a0c90000"), "padding of 0 bytes"),
        (bytes.fromhex("80c80001 11223344"), "a sender report cut off"),
        (bytes.fromhex("81c90001 11223344"), "shorter than its blocks"),
        (bytes.fromhex("80c90000"), "a source cut off"),
        (bytes.fromhex("82cb0001 00000001"), "a source cut off"),
        (bytes.fromhex("81cb0002 00000001 04616263"), "a reason cut off"),
        (bytes.fromhex("81ca0002 00000001 01036162"), "a description cut off"),
        (bytes.fromhex("81ca0002 00000001 01026162"), "a description without an end"),
        (bytes.fromhex("81ca0002 00000001 01016101"), "a description cut off"),
        (bytes.fromhex("82ca0002 00000001 00000000"), "a source cut off"),
    ],
)
def test_what_is_no_compound_is_refused_with_the_reason(datagram: bytes, why: str) -> None:
    with pytest.raises(RtcpError, match=why):
        rtcp.parse(datagram)


@pytest.mark.parametrize(
    ("datagram", "is_it"),
    [
        (RECEIVER_BYTES, True),
        (b"\x80\xc0", True),
        (b"\x80\xdf", True),
        (b"\x80\xbf", False),  # marked, payload type 63
        (b"\x80\xe0", False),  # marked, payload type 96
        (b"\x40\xc8", False),
        (b"\x80", False),
        (b"", False),
    ],
)
def test_on_one_port_they_are_told_apart_by_the_second_byte(datagram: bytes, is_it: bool) -> None:
    assert rtcp.is_rtcp(datagram) is is_it


WORD = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(
    st.builds(Block, WORD, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), WORD, WORD, WORD, WORD),
    max_size=31,
).map(tuple)
TEXT = st.text(st.characters(codec="ascii"), max_size=255)
PACKETS = st.one_of(
    st.builds(SenderReport, WORD, st.integers(0, (1 << 64) - 1), WORD, WORD, WORD, BLOCKS),
    st.builds(ReceiverReport, WORD, BLOCKS),
    st.builds(Description, st.lists(st.tuples(WORD, TEXT), max_size=31).map(tuple)),
    st.builds(Bye, st.lists(WORD, max_size=31).map(tuple), TEXT),
)


@given(st.lists(PACKETS, min_size=1, max_size=5))
def test_what_was_built_is_parsed(packets: list[Packet]) -> None:
    assert rtcp.parse(build(*packets)) == packets


@given(st.binary(max_size=80))
def test_no_datagram_does_more_than_be_refused(datagram: bytes) -> None:
    try:
        rtcp.parse(datagram)
    except RtcpError:
        return
