"""What a leg reports and learns, by the numbers of RFC 3550 §6.4.1 and A.3."""

import pytest

from daemon.media import rtcp
from daemon.media.codecs import PCMU, l16
from daemon.media.reception import Reception, Standing
from daemon.media.rtcp import Block, Bye, Description, ReceiverReport, SenderReport, build
from daemon.media.rtcpsession import INTERVAL_SECONDS, RtcpSession, fraction_lost, ntp_of
from daemon.media.silentvoice import SilentVoice

FAR = 0x11223344
WALL = 1_700_000_000.5
BLOCK = Block(ssrc=0, fraction=0, lost=0, highest=0, jitter=0, last_report=0, delay=0)
NOBODY = Standing(stream=1, expected=0, received=0, highest=0, jitter=0)


def opened(*, speaking: bool = False) -> tuple[RtcpSession, SilentVoice]:
    """A session whose leg hears FAR; `speaking`: which has said a packet of silence."""
    voice = SilentVoice()
    if speaking:
        voice.packet(PCMU, 0, 0.0)
    return RtcpSession(voice), voice


def reported(
    session: RtcpSession, standing: Standing, *, now: float = 10.0, ssrc: int = FAR
) -> list[rtcp.Packet]:
    return rtcp.parse(session.report(ssrc=ssrc, standing=standing, now=now, wall=WALL + now - 10.0))


def block(session: RtcpSession, standing: Standing, *, now: float = 10.0, ssrc: int = FAR) -> Block:
    report = reported(session, standing, now=now, ssrc=ssrc)[0]
    assert isinstance(report, (SenderReport, ReceiverReport))
    (only,) = report.blocks
    return only


def heard(*sequences: int) -> Reception:
    reception = Reception(8000)
    for sequence in sequences:
        reception.arrived(sequence & 0xFFFF, sequence * 160, sequence * 0.02)
    return reception


def test_a_leg_that_only_listens_sends_a_receiver_report_and_its_name() -> None:
    session, voice = opened()
    report, description = reported(session, NOBODY)
    assert report == ReceiverReport(voice.ssrc)
    assert isinstance(description, Description)
    ((ssrc, name),) = description.names
    assert ssrc == voice.ssrc
    assert len(name) == 16  # 96 random bits in base64 (RFC 7022 §4.2)
    assert reported(session, NOBODY)[1] == description
    assert session.sent == 2


def test_a_leg_that_says_silence_sends_sender_reports_until_two_reports_after_the_last() -> None:
    session, voice = opened(speaking=True)
    first = reported(session, NOBODY)[0]
    # 1,700,000,000.5 s since 1970 are 3,908,988,800.5 s since 1900.
    assert first == SenderReport(
        ssrc=voice.ssrc,
        ntp=3_908_988_800 << 32 | 1 << 31,
        timestamp=voice.timestamp(10.0),
        packets=1,
        octets=160,
    )
    kinds = [type(reported(session, NOBODY)[0]) for _ in range(3)]
    assert kinds == [SenderReport, ReceiverReport, ReceiverReport]
    voice.packet(PCMU, 0, 50.0)
    again = reported(session, NOBODY)[0]
    assert isinstance(again, SenderReport)
    assert (again.packets, again.octets) == (2, 320)


def test_a_source_that_we_have_left_says_goodbye_once() -> None:
    session, voice = opened(speaking=True)
    before = voice.ssrc
    voice.packet(l16(16000), 96, 1.0)
    assert reported(session, NOBODY)[2] == Bye((before,))
    assert len(reported(session, NOBODY)) == 2


def test_loss_is_counted_from_report_to_report_and_in_all() -> None:
    session, _ = opened()
    reception = heard(*range(100, 200))
    first = block(session, reception.standing)
    assert (first.ssrc, first.fraction, first.lost, first.highest) == (FAR, 0, 0, 199)
    # Of 200 to 299 every fourth is lost: 25 of 100, which is 64 of 256.
    for sequence in (number for number in range(200, 300) if number % 4):
        reception.arrived(sequence, sequence * 160, sequence * 0.02)
    second = block(session, reception.standing)
    assert (second.fraction, second.lost, second.highest) == (64, 25, 299)
    reception.arrived(300, 300 * 160, 6.0)
    third = block(session, reception.standing)
    assert (third.fraction, third.lost) == (0, 25)


def test_packets_that_come_twice_make_the_loss_less_than_nothing() -> None:
    session, _ = opened()
    assert block(session, heard(1, 2, 3, 3, 3).standing).lost == -2


def test_a_packet_before_the_first_one_is_expected_too() -> None:
    session, _ = opened()
    assert block(session, heard(1, 0, 3).standing).lost == 1  # of 0 to 3


def test_the_highest_sequence_counts_the_wraps_of_its_sixteen_bits() -> None:
    session, _ = opened()
    reception = heard(*range(65_530, 65_540))
    assert block(session, reception.standing).highest == 65_539  # one wrap, and 3


def test_jitter_is_given_in_steps_of_the_timestamps() -> None:
    session, _ = opened()
    reception = Reception(8000)
    reception.arrived(1, 0, 0.0)
    reception.arrived(2, 160, 0.036)  # 16 ms late, of which a sixteenth counts: 1 ms is 8 steps
    assert block(session, reception.standing).jitter == 8


def test_nothing_is_said_of_a_sender_from_whom_nothing_came_since_the_last_report() -> None:
    session, voice = opened()
    reception = heard(1, 2)
    assert block(session, reception.standing).highest == 2
    assert reported(session, reception.standing)[0] == ReceiverReport(voice.ssrc)


def test_a_sender_that_begins_anew_is_counted_anew() -> None:
    session, _ = opened()
    reception = heard(1, 4)
    assert block(session, reception.standing).lost == 2
    reception.begin(8000)
    reception.arrived(900, 0, 1.0)
    reception.arrived(902, 320, 1.04)
    anew = block(session, reception.standing, ssrc=5)
    # One of 900, 901, 902: 85 of 256.
    assert (anew.ssrc, anew.fraction, anew.lost, anew.highest) == (5, 85, 1, 902)


def test_another_clock_rate_is_no_new_beginning() -> None:
    session, _ = opened()
    reception = heard(1, 3)
    reception.change(16000)
    reception.arrived(5, 99, 1.0)
    assert block(session, reception.standing).lost == 2


def test_their_report_is_named_with_the_time_since_it_came() -> None:
    session, _ = opened()
    assert block(session, heard(1).standing)[5:] == (0, 0)  # none has come
    sent = SenderReport(FAR, ntp=0xAAAA_BBBBCCCC_DDDD, timestamp=0, packets=1, octets=160)
    assert session.take(build(sent), ssrc=FAR, arrival=9.5)
    named = block(session, heard(1, 2).standing, now=10.0)
    assert (named.last_report, named.delay) == (0xBBBBCCCC, 32_768)  # 0.5 s in 1/65536 s
    assert block(session, heard(1).standing, ssrc=77)[5:] == (0, 0)  # somebody else, who has sent none


def test_the_round_trip_is_measured_by_the_answer_to_our_own_report() -> None:
    session, voice = opened(speaking=True)
    ours = reported(session, NOBODY, now=10.0)[0]
    assert isinstance(ours, SenderReport)
    later = reported(session, NOBODY, now=15.0)[0]
    assert isinstance(later, SenderReport)
    answer = BLOCK._replace(
        ssrc=voice.ssrc,
        lost=3,
        jitter=16,
        last_report=ours.ntp >> 16 & 0xFFFFFFFF,
        delay=65_536 * 2,
    )
    assert session.take(build(ReceiverReport(FAR, (answer,))), ssrc=FAR, arrival=12.25)
    assert session.round_trip == pytest.approx(0.25)  # 10.0 s to 12.25 s, of which 2 s were spent there
    assert (session.far_lost, session.far_jitter) == (3, 0.002)


@pytest.mark.parametrize("delay", [65_536 * 3, 0xFFFFFFFF])
def test_no_round_trip_takes_less_than_no_time(delay: int) -> None:
    session, voice = opened(speaking=True)
    ours = reported(session, NOBODY)[0]
    assert isinstance(ours, SenderReport)
    answer = BLOCK._replace(ssrc=voice.ssrc, last_report=ours.ntp >> 16 & 0xFFFFFFFF, delay=delay)
    session.take(build(ReceiverReport(FAR, (answer,))), ssrc=FAR, arrival=12.0)
    assert session.round_trip == 0.0


def test_an_answer_to_no_report_of_ours_tells_no_round_trip() -> None:
    session, voice = opened(speaking=True)
    reported(session, NOBODY)
    for named in (0, 0x12345678):
        answer = BLOCK._replace(ssrc=voice.ssrc, last_report=named)
        assert session.take(build(ReceiverReport(FAR, (answer,))), ssrc=FAR, arrival=12.0)
    assert session.round_trip is None
    assert (session.reports, session.far_lost) == (2, 0)


def test_who_names_neither_the_sender_nor_us_is_passed_over() -> None:
    session, _ = opened()
    others = build(ReceiverReport(9, (BLOCK._replace(ssrc=8),)), Description(((9, "x"),)), Bye((9,)))
    assert not session.take(others, ssrc=FAR, arrival=1.0)
    sent = SenderReport(9, ntp=1 << 32, timestamp=0, packets=1, octets=1)
    assert not session.take(build(sent), ssrc=FAR, arrival=1.0)
    assert (session.reports, session.far_lost, session.farewell, session.malformed) == (0, None, None, 0)
    assert block(session, heard(1).standing).last_report == 0


def test_what_is_no_rtcp_is_counted() -> None:
    session, _ = opened()
    assert not session.take(b"\x80\xc9\0", ssrc=FAR, arrival=1.0)
    assert (session.malformed, session.reports) == (1, 0)


def test_a_goodbye_stands_until_its_sender_is_heard_again() -> None:
    session, _ = opened()
    assert not session.has_left(FAR, 0.0)
    assert session.take(build(Bye((3, FAR), "hung up")), ssrc=FAR, arrival=20.0)
    assert session.farewell is not None
    assert session.farewell.reason == "hung up"
    assert session.has_left(FAR, 19.99)
    assert session.has_left(FAR, 20.1)  # was overtaken on its way
    assert not session.has_left(FAR, 21.0)
    assert not session.has_left(77, 19.99)  # another sender has the leg


def test_our_own_goodbye_names_us() -> None:
    session, voice = opened()
    report, description, bye = rtcp.parse(session.goodbye())
    assert (report, bye) == (ReceiverReport(voice.ssrc), Bye((voice.ssrc,)))
    assert isinstance(description, Description)


def test_reports_come_each_five_seconds_half_more_or_less_and_the_first_after_half_of_that() -> None:
    session, _ = opened()
    pauses = [session.pause() for _ in range(2000)]
    assert min(pauses) >= INTERVAL_SECONDS / 2 == 2.5
    assert max(pauses) <= INTERVAL_SECONDS * 1.5 == 7.5
    assert max(pauses) - min(pauses) > 4  # not all alike, but for one case in 10 ** 200
    assert all(1.25 <= session.pause(first=True) <= 3.75 for _ in range(100))


@pytest.mark.parametrize(
    ("expected", "received", "fraction"),
    [(4, 3, 64), (256, 255, 1), (3, 0, 255), (10, 12, 0), (0, 0, 0), (5, 5, 0), (-3, 2, 0)],
)
def test_a_fraction_is_of_256(expected: int, received: int, fraction: int) -> None:
    assert fraction_lost(expected, received) == fraction


def test_ntp_begins_again_in_2036() -> None:
    """On 7 February 2036 at 06:28:16 UTC (RFC 5905 §6), which is 2,085,978,496 s since 1970."""
    assert ntp_of(2_085_978_495.5) >> 31 == 0x1_FFFFFFFF
    assert ntp_of(2_085_978_496.25) == 1 << 30
