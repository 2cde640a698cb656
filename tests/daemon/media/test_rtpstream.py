from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media import codecs, rtp
from daemon.media.codecs import STATIC
from daemon.media.heard import Heard
from daemon.media.notices import NOTICES, Notice
from daemon.media.rtpstream import CONTROL_KEPT, NAME_IT, RtpStream

CALLER = ("192.0.2.1", 4000)
STRANGER = ("192.0.2.66", 4000)
WIDE = codecs.l16(16000)
VOICE = bytes(range(160))


def packet(
    number: int, *, kind: int = 0, payload: bytes = VOICE, ssrc: int = 7, timestamp: int | None = None
) -> bytes:
    stamp = number * 160 if timestamp is None else timestamp
    return rtp.build(payload_type=kind, sequence=number, timestamp=stamp, ssrc=ssrc, payload=payload)


def stream_of(*numbers: int) -> RtpStream:
    stream = RtpStream({**STATIC, 96: WIDE, 97: codecs.l16(8000)})
    for number in numbers:
        stream.receive(packet(number), CALLER, (number + 1) * 0.02)
    return stream


def test_neighbours_are_joined_and_a_gap_parts_them() -> None:
    assert stream_of(0, 1, 2, 5).heard() == [
        Heard(0, codecs.PCMU, VOICE * 3),
        Heard(800, codecs.PCMU, VOICE),
    ]


def test_what_has_been_heard_is_given_once_and_goes_on_from_there() -> None:
    stream = stream_of(0)
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE)]
    assert stream.heard() == []
    stream.receive(packet(1), CALLER, 0.04)
    assert stream.heard() == [Heard(160, codecs.PCMU, VOICE)]


def test_heard_ends_after_its_last_sample() -> None:
    assert Heard(100, WIDE, bytes(640)).end == 420


def test_the_first_address_has_the_leg_and_a_stranger_disturbs_nothing() -> None:
    stream = stream_of(0)
    notice = stream.receive(packet(1, payload=b"loud noise"), STRANGER, 0.03)
    assert notice == Notice("packet from a stranger", {"source": STRANGER, "pinned": CALLER})
    stream.receive(packet(1), CALLER, 0.04)
    assert stream.receive(packet(2), STRANGER, 0.05) is None
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE * 2)]
    assert (stream.strangers, stream.reception.packets, stream.source) == (2, 2, CALLER)


def test_a_flood_of_strangers_gives_a_bounded_number_of_notices() -> None:
    stream = stream_of(0)
    notices = [stream.receive(packet(1), ("192.0.2.66", port), 0.03) for port in range(1000)]
    assert sum(notice is not None for notice in notices) == NOTICES
    assert stream.strangers == 1000


@pytest.mark.parametrize(
    "datagram",
    [b"hello", packet(0, kind=13), packet(0, payload=b""), packet(0, kind=96, payload=b"odd")],
)
def test_what_cannot_be_heard_pins_nobody(datagram: bytes) -> None:
    stream = stream_of()
    assert stream.receive(datagram, STRANGER, 0.01) is not None
    assert stream.source is None
    stream.receive(packet(0), CALLER, 0.02)
    assert stream.source == CALLER


def test_malformed_datagrams_are_counted_whoever_sends_them() -> None:
    stream = stream_of(0)
    assert stream.receive(b"\0" * 20, CALLER, 0.03) == Notice(
        "malformed packet", {"source": CALLER, "error": "version 0, not 2"}
    )
    stream.receive(b"", STRANGER, 0.03)
    assert (stream.malformed, stream.strangers) == (2, 0)


def test_half_a_sample_is_malformed_and_an_empty_packet_is_not() -> None:
    stream = stream_of()
    stream.receive(packet(0, kind=97, payload=bytes(320)), CALLER, 0.02)
    notice = stream.receive(packet(1, kind=97, payload=bytes(319)), CALLER, 0.04)
    assert notice == Notice("half a sample", {"codec": "L16", "bytes": 319})
    assert stream.receive(packet(2, kind=97, payload=b""), CALLER, 0.06) is None
    assert (stream.malformed, stream.reception.packets) == (1, 3)
    assert stream.heard() == [Heard(0, stream.codec or WIDE, bytes(320))]


def test_an_unknown_payload_type_is_ignored_and_noticed_once() -> None:
    stream = stream_of(0)
    first = stream.receive(packet(1, kind=100), CALLER, 0.04)
    assert first == Notice("unknown payload type", {"payload_type": 100, "remedy": NAME_IT})
    assert stream.receive(packet(2, kind=100), CALLER, 0.06) is None
    stream.receive(packet(3), CALLER, 0.08)
    assert stream.unknown == 2
    assert stream.reception.lost == 0  # they count as packets all the same
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE), Heard(480, codecs.PCMU, VOICE)]


def test_a_duplicate_is_not_heard_twice() -> None:
    stream = stream_of(0, 1, 1, 0, 2)
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE * 3)]
    assert stream.reception.duplicates == 2


def test_another_codec_at_the_same_clock_goes_on_without_a_seam() -> None:
    stream = stream_of(0)
    stream.receive(packet(1, kind=8), CALLER, 0.5)  # late: only a kept clock places it right behind
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE), Heard(160, codecs.PCMA, VOICE)]


def test_another_clock_rate_is_anchored_anew_and_loses_no_count() -> None:
    stream = stream_of(0, 2)
    stream.receive(packet(3, kind=96, payload=bytes(640), timestamp=99), CALLER, 0.08)
    # At 16 kHz: arrived at sample 1,280, and holds 320.
    assert stream.heard()[-1] == Heard(960, WIDE, bytes(640))
    assert (stream.reception.lost, stream.clock.rate) == (1, 16000)


def test_another_ssrc_of_the_same_address_is_the_sender_begun_anew() -> None:
    stream = stream_of(0, 1)
    notice = stream.receive(packet(5000, ssrc=8, timestamp=77), CALLER, 0.10)
    assert notice == Notice("sender began anew", {"source": CALLER, "ssrc": 8})
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE * 2), Heard(640, codecs.PCMU, VOICE)]
    assert (stream.ssrc_changes, stream.reception.lost, stream.source) == (1, 0, CALLER)


def test_another_ssrc_that_cannot_be_heard_changes_nothing() -> None:
    stream = stream_of(0)
    stream.receive(packet(900, ssrc=8, kind=101), CALLER, 0.03)
    stream.receive(packet(1), CALLER, 0.04)
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE * 2)]
    assert stream.ssrc_changes == 0


def test_a_sender_that_counts_from_somewhere_else_costs_one_packet() -> None:
    stream = stream_of(0, 1)
    for number in (30000, 30001, 30002):
        stream.receive(packet(number), CALLER, (number - 29996) * 0.02)
    # 30,000 is a stray until 30,001 confirms it, which arrives at 0.10 s = sample 800.
    assert stream.heard()[-1] == Heard(640, codecs.PCMU, VOICE * 2)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.builds(
                packet,
                st.integers(0, 70000),
                kind=st.sampled_from([0, 8, 13, 96, 97, 101]),
                payload=st.binary(max_size=20),
                ssrc=st.integers(0, 3),
                timestamp=st.integers(0, 0xFFFFFFFF),
            ),
        ),
        max_size=40,
    )
)
def test_no_datagrams_do_more_than_be_heard_or_counted(datagrams: list[bytes]) -> None:
    stream = stream_of()
    for number, datagram in enumerate(datagrams):
        stream.receive(datagram, CALLER if number % 3 else STRANGER, number * 0.02)
    for heard in stream.heard():
        assert len(heard.codec.decode(heard.payload)) == heard.end - heard.place > 0


def test_decoding_joined_payloads_is_decoding_each() -> None:
    joined = stream_of(*range(10)).heard()[0]
    assert np.array_equal(joined.codec.decode(joined.payload), np.tile(codecs.PCMU.decode(VOICE), 10))


def test_multiplexed_rtcp_is_kept_for_its_reader_and_disturbs_no_audio() -> None:
    stream, report = stream_of(), bytes.fromhex("80c90001 00000007")
    assert stream.receive(report, CALLER, 0.01) is None  # before anybody has the leg
    stream.receive(packet(0), CALLER, 0.02)
    with patch.object(rtp, "parse", wraps=rtp.parse) as parse:
        stream.receive(report, (CALLER[0], 4001), 0.03)  # another port of the same host
        stream.receive(packet(1), CALLER, 0.04)
        assert parse.call_count == 0  # the run of packets goes on
    notice = stream.receive(report, STRANGER, 0.05)
    assert notice == Notice("packet from a stranger", {"source": STRANGER, "pinned": CALLER})
    assert list(stream.control) == [(report, (CALLER[0], 4001), 0.03)]
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE * 2)]
    assert (stream.reception.packets, stream.strangers, stream.malformed) == (2, 1, 0)


def test_rtcp_that_nobody_reads_is_kept_to_a_bound() -> None:
    stream = stream_of(0)
    for number in range(1000):
        stream.receive(bytes.fromhex("80c90001 00000007"), CALLER, number * 0.02)
    assert len(stream.control) == CONTROL_KEPT


def test_the_first_packet_of_a_wide_codec_is_expected_like_the_others() -> None:
    stream = stream_of()
    for number in (10, 12):
        stream.receive(packet(number, kind=96, payload=bytes(640)), CALLER, number * 0.02)
    assert (stream.reception.standing.expected, stream.reception.lost) == (3, 1)
