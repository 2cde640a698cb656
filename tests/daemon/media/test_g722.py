import shutil
import subprocess

import numpy as np
import pytest

from daemon.media import codecs, g722
from daemon.media.codecs import STATIC
from daemon.media.heard import Heard
from daemon.media.rtpstream import RtpStream
from tests.daemon.media import captures
from tests.daemon.media.test_rtpstream import CALLER, VOICE, packet

NOISE = np.random.default_rng(722).normal(0, 6000, 16_000).clip(-32768, 32767).astype(np.int16)
SPOKEN = codecs.G722.encode(NOISE)  # 50 packets of 160 bytes


def said(number: int, **other: int) -> bytes:
    """20 ms out of the middle of a second of noise, which mean nothing without those before."""
    return packet(number, kind=9, payload=SPOKEN[number * 160 : number * 160 + 160], **other)


def heard_of(stream: RtpStream) -> list[tuple[int, list[int]]]:
    return [(heard.place, heard.codec.decode(heard.payload).tolist()) for heard in stream.heard()]


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg")
def test_asterisk_s_bytes_decode_as_ffmpeg_decodes_them_bit_for_bit() -> None:
    payloads = [datagram[12:] for _, datagram in captures.packets("asterisk-rtp-g722")]
    command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", "-", "-f", "s16le", "-"]
    theirs = subprocess.run(command, input=b"".join(payloads), stdout=subprocess.PIPE, check=True).stdout
    decode = g722.decoder()
    ours = np.concatenate([decode(payload) for payload in payloads])
    assert len(ours) == (199 * 160 + 138) * 2
    assert np.array_equal(ours, np.frombuffer(theirs, "<i2"))


def test_a_byte_is_two_samples_wherever_the_bytes_are_cut() -> None:
    decode = g722.decoder()
    pieces = [decode(SPOKEN[at : at + 7]) for at in range(0, len(SPOKEN), 7)]
    whole = codecs.G722.decode(SPOKEN)
    assert len(whole) == len(NOISE) == 2 * len(SPOKEN)
    assert np.array_equal(np.concatenate(pieces), whole)
    assert np.corrcoef(whole[22:], NOISE[:-22])[0, 1] > 0.95  # the filters delay it by 22 samples


def test_our_silence_is_silent_to_a_decoder_that_hears_nothing_else_of_us() -> None:
    silence = codecs.G722.silence(160)
    assert len(silence) == 160  # 20 ms
    assert np.abs(codecs.G722.decode(silence * 50)).max() <= 3  # of 32,768, as the encoder's own silence


def test_the_places_are_those_of_the_audio_though_the_clock_runs_at_half_its_rate() -> None:
    stream = RtpStream(STATIC)
    for number in (0, 1, 3):
        stream.receive(said(number), CALLER, (number + 1) * 0.02)
    # The timestamp counts 160 for the 320 samples of a packet, of which number 2 is lost.
    decode = g722.decoder()
    assert heard_of(stream) == [
        (0, decode(SPOKEN[:320]).tolist()),
        (960, decode(SPOKEN[480:640]).tolist()),
    ]
    assert stream.reception.jitter == pytest.approx(0, abs=1e-6)
    assert stream.clock.rate == 8000


def test_what_was_overtaken_is_decoded_in_its_order() -> None:
    stream = RtpStream(STATIC)
    for number in (0, 2, 1, 3):
        stream.receive(said(number), CALLER, (number + 1) * 0.02)
    samples = [sample for _, samples in heard_of(stream) for sample in samples]
    assert samples == codecs.G722.decode(SPOKEN[:640]).tolist()


def test_the_decoder_goes_on_from_one_look_to_the_next() -> None:
    stream, samples = RtpStream(STATIC), []
    for number in range(50):
        stream.receive(said(number), CALLER, (number + 1) * 0.02)
        samples += [sample for _, samples in heard_of(stream) for sample in samples]
    assert samples == codecs.G722.decode(SPOKEN).tolist()


def test_another_codec_or_another_sender_begins_with_no_memory() -> None:
    stream = RtpStream(STATIC)
    stream.receive(said(0), CALLER, 0.02)
    stream.receive(packet(1), CALLER, 0.04)
    stream.receive(packet(2, kind=9, payload=SPOKEN[:160]), CALLER, 0.06)
    stream.receive(packet(3, kind=9, payload=SPOKEN[:160], ssrc=8), CALLER, 0.08)
    first = codecs.G722.decode(SPOKEN[:160]).tolist()
    assert heard_of(stream) == [
        (0, first),
        (160, codecs.PCMU.decode(VOICE).tolist()),
        (640, first),
        (960, first),
    ]


def test_what_is_given_on_is_plain() -> None:
    stream = RtpStream(STATIC)
    stream.receive(said(0), CALLER, 0.02)
    [heard] = stream.heard()
    assert (heard.codec.name, heard.codec.rate, heard.end - heard.place) == ("pcm16", 16000, 320)
    assert stream.codec is codecs.G722
    assert isinstance(heard, Heard)
