"""Packets of a real Asterisk, at their own times, through everything between the socket and the recording.

The expected numbers are those of the captures' own description: see README in tests/data.
"""

import numpy as np
import pytest
import soxr

from daemon.media import codecs
from daemon.media.codecs import STATIC, Codec, Samples
from daemon.media.rtpstream import RtpStream
from daemon.media.timeline import CALLER, Timeline
from tests.daemon.media import captures

START = 70_000.0
STOP = START + 5.0


def recorded(name: str, told: dict[int, Codec], rate: int) -> tuple[Samples, RtpStream]:
    """What 5 s of recording hold when the capture's first packet comes 0.5 s after their start."""
    stream, timeline = RtpStream({**STATIC, **told}), Timeline(rate, 1, START)
    track = timeline.join(CALLER, rate)
    packets, blocks = captures.packets(name), []
    for beat in range(50):
        now = START + beat / 10
        while packets and START + 0.5 + packets[0][0] <= now:
            sent, datagram = packets.pop(0)
            assert stream.receive(datagram, ("127.0.0.1", 5004), START + 0.5 + sent) is None
        for heard in stream.heard():
            track.place(heard.place, heard.codec.decode(heard.payload))
        track.drained(now)
        blocks.append(timeline.advance(now))
    whole = np.concatenate([*blocks, timeline.finish(STOP)])[:, 0]
    assert len(whole) == 5 * rate
    first = round(0.48 * rate)  # the first packet's 20 ms were spoken before it arrived
    assert not whole[:first].any()
    assert (stream.reception.lost, stream.clock.anchored, stream.clock.corrected) == (0, 1, 0)
    return whole[first:], stream


def test_asterisk_s_mu_law_is_recorded_to_its_last_sample() -> None:
    heard, stream = recorded("asterisk-rtp-ulaw", {}, 8000)
    speech = captures.speech()
    # 199 packets of 160 samples and one of 138: 31,978, the last packet behind the one before, not over it.
    assert stream.reception.packets == 200
    assert not heard[31_978:].any()
    ours = codecs.PCMU.decode(codecs.PCMU.encode(speech))[:31_978]
    steps = np.diff(np.unique(codecs.PCMU.decode(bytes(range(256)))).astype(int)).max()
    assert (
        np.abs(heard[:31_978].astype(int) - ours).max() <= steps
    )  # Asterisk's encoder is one step beside at times
    assert np.count_nonzero(heard[:31_978] == ours) > 29_000
    assert np.corrcoef(heard[:31_978], speech[:31_978])[0, 1] > 0.999


def test_asterisk_s_a_law_is_recorded_bit_for_bit_to_its_last_sample() -> None:
    heard, stream = recorded("asterisk-rtp-alaw", {}, 8000)
    ours = codecs.PCMA.decode(codecs.PCMA.encode(captures.speech()))
    assert stream.reception.packets == 200
    assert np.array_equal(heard[:31_978], ours[:31_978])
    assert not heard[31_978:].any()


def test_asterisk_s_linear_audio_under_type_10_is_recorded_bit_for_bit() -> None:
    heard, stream = recorded("asterisk-rtp-slin", {10: codecs.l16(8000)}, 8000)
    assert stream.reception.packets == 199  # the last, short packet is never sent
    assert np.array_equal(heard[:31_840], captures.speech()[:31_840])
    assert not heard[31_840:].any()


def test_asterisk_s_wideband_audio_is_recorded_at_16_khz() -> None:
    heard, stream = recorded("asterisk-rtp-slin16", {118: codecs.l16(16000)}, 16000)
    assert stream.reception.packets == 199
    assert not heard[63_680:].any()
    # Asterisk's resampler begins 80 samples late.
    speech = soxr.resample(captures.speech(), 8000, 16000)[:63_600].astype(int)
    assert (
        np.abs(heard[80:63_680] - speech).max() <= 328 + 20
    )  # by sox at most 328, and soxr rounds otherwise


def test_asterisk_s_g722_is_recorded_at_16_khz_to_its_last_sample() -> None:
    heard, stream = recorded("asterisk-rtp-g722", {}, 16000)
    payloads = [datagram[12:] for _, datagram in captures.packets("asterisk-rtp-g722")]
    assert stream.reception.packets == 200
    # 199 packets of 160 bytes and one of 138, two samples a byte: 63,956.
    assert np.array_equal(heard[:63_956], codecs.G722.decode(b"".join(payloads)))
    assert not heard[63_956:].any()
    # Resamplers and filters of the switch delay it by 102 samples.
    speech = soxr.resample(captures.speech(), 8000, 16000)[:63_854]
    assert np.corrcoef(heard[102:63_956], speech)[0, 1] > 0.999


@pytest.mark.parametrize("name", ["asterisk-rtp-ulaw", "asterisk-rtp-alaw"])
def test_a_narrow_capture_in_a_wide_recording_keeps_its_length_and_its_place(name: str) -> None:
    stream, timeline = RtpStream(STATIC), Timeline(16000, 1, START)
    track = timeline.join(CALLER, 8000)
    for sent, datagram in captures.packets(name):
        stream.receive(datagram, ("127.0.0.1", 5004), START + 0.02 + sent)
    for heard in stream.heard():
        track.place(heard.place, heard.codec.decode(heard.payload))
    whole = timeline.finish(START + 4.0)[:, 0]
    speech = soxr.resample(captures.speech(), 8000, 16000)
    assert len(whole) == 64_000
    assert np.corrcoef(whole[:63_900], speech[:63_900])[0, 1] > 0.999
