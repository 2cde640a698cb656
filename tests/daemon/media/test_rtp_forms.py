"""Every way in which a telephone may send its voice, each sample found where it was spoken."""

import numpy as np
import pytest

from daemon.legs.datagrams import DATAGRAM_BYTES
from daemon.media import codecs, rtp
from daemon.media.codecs import STATIC, Samples
from daemon.media.rtpstream import RtpStream
from daemon.media.timeline import CALLER, Timeline

SOURCE = ("192.0.2.1", 4000)
START = 5000.0
"""When the recording begins; what is spoken begins half a second later."""
SPOKEN = START + 0.5
TOLD = {96: codecs.l16(8000), 97: codecs.l16(16000), 98: codecs.l16(44100), 99: codecs.l16(48000)}
KINDS = {**STATIC, **TOLD}


class Phone:
    """Says what it is given, packet by packet; each leaves when its last sample was spoken."""

    def __init__(self, *, sequence: int = 0xFFF8, timestamp: int = 0xFFFFFE00, ssrc: int = 7) -> None:
        self.stream = RtpStream(KINDS)
        self.sequence, self.timestamp, self.ssrc = sequence, timestamp, ssrc
        self.now = SPOKEN

    def say(
        self, samples: Samples, kind: int, ptime: float = 0.02, *, marker: bool = False, lose: bool = False
    ) -> Samples:
        """Give what a receiver makes of the samples, which are whole packets."""
        codec = KINDS[kind]
        payload, step = codec.encode(samples), round(ptime * codec.clock_rate)
        for start in range(0, len(payload), step * codec.bytes_per_sample):
            self.now += ptime
            packet = rtp.build(
                payload_type=kind,
                sequence=self.sequence,
                timestamp=self.timestamp,
                ssrc=self.ssrc,
                payload=payload[start : start + step * codec.bytes_per_sample],
                marker=marker and start == 0,
            )
            self.sequence += 1
            self.timestamp += step
            if not lose:
                assert self.stream.receive(packet, SOURCE, self.now) is None
        return codec.decode(payload)


def voice(seconds: float, rate: int, *, seed: int = 1) -> Samples:
    """Noise, loud from the first sample to the last, in which no sample is 0."""
    loud = np.random.default_rng(seed).integers(1000, 8000, round(seconds * rate))
    return np.asarray(loud * np.random.default_rng(seed + 1).choice([-1, 1], len(loud)), np.int16)


def recorded(phone: Phone, rate: int, seconds: float) -> Samples:
    """All that was recorded from SPOKEN on; before it there has to be silence."""
    timeline = Timeline(rate, 1, START)
    track = timeline.join(CALLER, rate)
    for heard in phone.stream.heard():
        assert heard.codec.rate == rate
        track.place(heard.place, heard.codec.decode(heard.payload))
    whole = timeline.finish(START + 0.5 + seconds)[:, 0]
    assert not whole[: round(0.5 * rate)].any()
    return whole[round(0.5 * rate) :]


@pytest.mark.parametrize("ptime", [0.01, 0.02, 0.03, 0.04, 0.06])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_packets_of_any_length_in_any_codec_across_both_wraps(kind: int, ptime: float) -> None:
    """Of 512 steps before its wrap the timestamp is at it within 64 ms, the sequence within 8 packets."""
    phone, codec = Phone(), KINDS[kind]
    said = phone.say(voice(1.2, codec.rate), kind, ptime)
    assert np.array_equal(recorded(phone, codec.rate, 1.2), said)
    stream = phone.stream
    assert (stream.reception.packets, stream.reception.lost) == (round(1.2 / ptime), 0)
    assert (stream.clock.anchored, stream.clock.corrected) == (1, 0)
    assert stream.reception.jitter == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", [0, 8, 96])
def test_packets_whose_length_changes_follow_each_other_without_a_seam(kind: int) -> None:
    phone = Phone()
    said = [
        phone.say(voice(0.24, 8000, seed=number), kind, ptime)
        for number, ptime in enumerate((0.02, 0.06, 0.01, 0.03, 0.04))
    ]
    assert np.array_equal(recorded(phone, 8000, 1.2), np.concatenate(said))
    assert phone.stream.clock.anchored == 1


def test_a_loss_at_the_wrap_of_both_numbers_is_silence_of_its_length() -> None:
    phone = Phone(sequence=0xFFFE, timestamp=0xFFFFFFFF - 319)
    before = phone.say(voice(0.02, 8000, seed=1), 0)
    phone.say(voice(0.06, 8000, seed=2), 0, lose=True)
    after = phone.say(voice(0.04, 8000, seed=3), 0)
    silence = np.zeros(480, np.int16)
    assert np.array_equal(recorded(phone, 8000, 0.12), np.concatenate([before, silence, after]))
    assert phone.stream.reception.lost == 3


def test_the_payload_type_changes_in_mid_call() -> None:
    """PCMU, A-law, L16 at 8 kHz, all by one clock; each is decoded as what it is, where it was spoken."""
    phone = Phone()
    said = [phone.say(voice(0.4, 8000, seed=kind), kind) for kind in (0, 8, 96, 0)]
    assert np.array_equal(recorded(phone, 8000, 1.6), np.concatenate(said))
    assert phone.stream.clock.anchored == 1


def test_the_payload_type_changes_to_a_wide_codec_and_back() -> None:
    """G.722 counts at 8 kHz, so its clock goes on; L16 at 16 kHz counts at another rate, and is anchored."""
    phone = Phone()
    spoken = []
    for number, kind in enumerate((9, 97, 9, 97)):
        if kind == 97:
            phone.timestamp += 123_456_789  # nobody can tell where another clock stands
        spoken.append(phone.say(voice(0.4, 16000, seed=number), kind))
    assert np.array_equal(recorded(phone, 16000, 1.6), np.concatenate(spoken))
    assert (phone.stream.reception.packets, phone.stream.reception.lost) == (80, 0)


def test_another_source_of_the_same_telephone_goes_on_where_it_speaks() -> None:
    phone = Phone()
    first = phone.say(voice(0.4, 8000, seed=1), 0)
    phone.sequence, phone.timestamp, phone.ssrc = 40_000, 77, 8
    phone.now += 0.2
    payloads = codecs.PCMU.encode(voice(0.4, 8000, seed=2))
    packet = rtp.build(payload_type=0, sequence=39_999, timestamp=0, ssrc=8, payload=payloads[:160])
    notice = phone.stream.receive(packet, SOURCE, phone.now)
    assert notice is not None
    assert notice.event == "sender began anew"
    phone.timestamp = 160
    second = phone.say(voice(0.4, 8000, seed=3), 0)
    heard = recorded(phone, 8000, 1.0)
    assert np.array_equal(heard[:3200], first)
    assert not heard[3200:4640].any()  # 0.2 s less the packet of 20 ms that ended then
    assert np.array_equal(heard[4640:4800], codecs.PCMU.decode(payloads[:160]))
    assert np.array_equal(heard[4800:], second)


@pytest.mark.parametrize("jump", [0.15, 0.4, 0.9, 1.5, 3600.0])
def test_a_marker_with_timestamps_that_jumped_ahead_of_time_goes_on_behind_what_was_heard(
    jump: float,
) -> None:
    """Asterisk, early in a call: the next packet comes on time, marked, and claims to be of the future."""
    phone = Phone()
    first = phone.say(voice(0.1, 8000, seed=1), 0)
    phone.timestamp += round(jump * 8000)
    second = phone.say(voice(0.9, 8000, seed=2), 0, marker=True)
    assert np.array_equal(recorded(phone, 8000, 1.0), np.concatenate([first, second]))
    assert (phone.stream.clock.anchored, phone.stream.clock.corrected) == (2, 0)


def test_a_jump_that_came_too_early_loses_nothing_of_what_was_heard_before_it() -> None:
    """The first packets were held up, so that all that follow seem early: it stands behind them."""
    phone = Phone()
    held = 0.15
    phone.now += held
    first = phone.say(voice(0.1, 8000, seed=1), 0)
    phone.now -= held
    phone.timestamp += 1600
    second = phone.say(voice(0.5, 8000, seed=2), 0, marker=True)
    heard = recorded(phone, 8000, 1.0)
    begun = round(held * 8000)
    assert np.array_equal(heard[begun : begun + 4800], np.concatenate([first, second]))


@pytest.mark.parametrize("pause", [0.1, 1.0, 3.0])
def test_a_marker_behind_a_pause_that_was_counted_moves_nothing(pause: float) -> None:
    """Discontinuous transmission (RFC 3551 §4.1)."""
    phone = Phone()
    first = phone.say(voice(0.4, 8000, seed=1), 0)
    phone.timestamp += round(pause * 8000)
    phone.now += pause
    second = phone.say(voice(0.4, 8000, seed=2), 0, marker=True)
    heard = recorded(phone, 8000, 0.8 + pause)
    assert np.array_equal(heard[:3200], first)
    assert not heard[3200 : 3200 + round(pause * 8000)].any()
    assert np.array_equal(heard[-3200:], second)
    assert phone.stream.clock.anchored == 1


def test_a_codec_s_longest_packets_fit_into_what_is_read_at_once() -> None:
    widest = max(codec.bytes_per_sample * codec.clock_rate for codec in map(codecs.l16, codecs.RATES))
    assert rtp.HEADER_BYTES + round(0.06 * widest) < DATAGRAM_BYTES
