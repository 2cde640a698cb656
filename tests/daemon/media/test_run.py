"""Packets taken in together are what they are one by one: in every place, every count and every bit."""

from collections.abc import Callable
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.media import codecs, rtp
from daemon.media.codecs import STATIC
from daemon.media.heard import Heard
from daemon.media.rtpstream import RtpStream
from daemon.media.run import Run
from daemon.media.senderclock import SenderClock
from tests.daemon.media.sender import CALLER, DISTURBANCES, STRANGER, Item, Sender

CODECS = {**STATIC, 96: codecs.l16(16000), 97: codecs.l16(8000)}
FIRST = rtp.Packet(payload_type=0, marker=False, sequence=0xFFFE, timestamp=0xFFFFFF80, ssrc=7, payload=b"ab")


def after_first(count: int, *, kind: int = 0, ssrc: int = 7, timestamp: int | None = None) -> bytes:
    """The packet `count` places after FIRST, whose 2 samples are 2 steps of the timestamp."""
    stamp = FIRST.timestamp + 2 * count if timestamp is None else timestamp
    number = FIRST.sequence + count
    return rtp.build(payload_type=kind, sequence=number, timestamp=stamp, ssrc=ssrc, payload=b"cd")


def run_after_first() -> Run:
    run = Run()
    run.follow(FIRST, 2, CALLER)
    return run


def test_a_run_keeps_what_goes_on_with_the_packet_before_and_gives_it_once() -> None:
    run = run_after_first()
    assert all(run.keeps(after_first(count), CALLER, count * 0.02) for count in range(1, 101))
    payloads, arrivals = run.taken()
    assert (payloads, arrivals) == ([b"cd"] * 100, [count * 0.02 for count in range(1, 101)])
    assert run.taken() == ([], [])
    assert run.keeps(after_first(101), CALLER, 2.02)


@pytest.mark.parametrize(
    "other",
    [
        after_first(2),
        after_first(0),
        after_first(1, timestamp=FIRST.timestamp),
        after_first(1, ssrc=8),
        after_first(1, kind=8),
        after_first(1, kind=0x80),  # the marker
        after_first(1) + b"e",
        after_first(1)[:-1],
        b"\xa0" + after_first(1)[1:],  # padding
        b"",
    ],
)
def test_whatever_differs_from_what_was_expected_is_not_kept(other: bytes) -> None:
    run = run_after_first()
    assert not run.keeps(other, CALLER, 0.02)
    assert not run.keeps(after_first(1), STRANGER, 0.02)
    assert run.keeps(after_first(1), CALLER, 0.02)
    run.end()
    assert not run.keeps(after_first(2), CALLER, 0.04)


def test_a_run_that_nothing_began_keeps_nothing() -> None:
    assert not Run().keeps(b"", CALLER, 0.0)
    assert not Run().keeps(after_first(1), CALLER, 0.0)


def test_an_undisturbed_sender_is_parsed_once() -> None:
    stream = RtpStream(CODECS)
    with patch.object(rtp, "parse", wraps=rtp.parse) as parse:
        for number in range(200):
            header = rtp.HEADER.pack(rtp.PLAIN, 0, number, number * 160, 1)
            stream.receive(header + b"v" * 160, CALLER, (number + 1) * 0.02)
    assert parse.call_count == 1
    assert stream.heard() == [Heard(0, codecs.PCMU, b"v" * 32_000)]
    assert (stream.reception.packets, stream.reception.lost) == (200, 0)


def test_the_clock_goes_on_with_none_but_the_packet_that_it_measured_and_placed_last() -> None:
    """It hears of no keys: after many of them a sequence may be that of a packet long past, or overtaken."""
    clock = SenderClock(8000)

    def placed(sequence: int, timestamp: int, samples: int) -> bool:
        clock.place(sequence=sequence, timestamp=timestamp, samples=samples, arrival=1.0)
        return clock.is_newest(sequence, timestamp, samples)

    assert placed(0, 0, 160)
    assert placed(1, 160, 160)
    assert placed(2, 240, 80)  # lies inside the one before, and so stands behind it
    assert not placed(1, 160, 160)
    assert not placed(40_002, 6_400_000, 160)
    assert not placed(2, 6_400_240, 80)
    assert not placed(2, 240, 320)


STEPS = st.lists(
    st.tuples(
        st.one_of(st.just(Sender.say), st.sampled_from(DISTURBANCES)),
        st.integers(0, 99),
        st.one_of(st.just(0.0), st.floats(-0.03, 0.3)),
    ),
    max_size=20,
)


def outcome(wire: list[Item]) -> list[object]:
    """All that can be seen of a stream that gets this, at each look and at the end, and its whole state."""
    stream = RtpStream(CODECS)
    seen: list[object] = []
    for item in [*wire, None]:
        if item is not None:
            seen.append(stream.receive(*item))
            continue
        seen += [stream.strangers, stream.malformed, stream.unknown, stream.ssrc_changes]
        seen += [stream.source, stream.codec, stream.payload_type, stream.heard()]
        seen += [dict(vars(stream.reception)), dict(vars(stream.clock))]
    return seen


def assert_the_same_one_by_one(sender: Sender) -> None:
    with patch.object(Run, "keeps", return_value=False):
        one_by_one = outcome(sender.wire)
    assert outcome(sender.wire) == one_by_one


@settings(max_examples=300, deadline=None)  # a case has up to 2,000 packets, twice
@given(
    sequence=st.sampled_from([0, 100, 0xFFF0, 0xFFFF]),
    timestamp=st.sampled_from([0, 0xFFFFF000, 0xFFFFFF60, 0x7FFFFF00]),
    pace=st.sampled_from([1.0, 1.0001, 0.96, 1.05]),
    steps=STEPS,
)
def test_packets_taken_in_together_are_what_they_are_one_by_one(
    sequence: int, timestamp: int, pace: float, steps: list[tuple[Callable[..., None], int, float]]
) -> None:
    sender = Sender(sequence=sequence, timestamp=timestamp, pace=pace)
    for disturbance, number, delay in steps:
        disturbance(sender, number, delay)
    assert_the_same_one_by_one(sender)


@pytest.mark.parametrize("pace", [1.05, 0.96])
def test_so_are_those_of_a_clock_that_is_corrected(pace: float) -> None:
    """60 ms late after 60 packets of 5 %; 200 ms early after 250 of 4 %."""
    sender, stream = Sender(sequence=0xFFF0, timestamp=0xFFFFF000, pace=pace), RtpStream(CODECS)
    sender.say(700)
    for item in sender.wire:
        if item is not None:
            stream.receive(*item)
    assert abs(stream.clock.corrected) > 50
    assert_the_same_one_by_one(sender)


def test_so_are_those_of_a_clock_that_a_line_follows() -> None:
    """The line is drawn after 24 s; at 300 ppm the clock is 12 ms off after 40 s. Packets are overtaken."""
    sender, stream = Sender(sequence=0xFFF0, timestamp=0xFFFFF000, pace=1.0003), RtpStream(CODECS)
    for number in range(1000):
        sender.say(3)
        sender.overtake(0, 0.005 * (number % 5))
    for item in sender.wire:
        if item is not None:
            stream.receive(*item)
    assert stream.clock.corrected > 100
    assert stream.clock.drift.ppm is not None
    assert_the_same_one_by_one(sender)


def test_so_is_one_that_a_key_has_overtaken() -> None:
    """The clock hears of no keys: to it such a packet is the newest, to the counts it is not."""
    sender = Sender(sequence=0, timestamp=0)
    sender.say(3)
    sender.key(0, 0.0)
    sender.say(3)
    assert_the_same_one_by_one(sender)
