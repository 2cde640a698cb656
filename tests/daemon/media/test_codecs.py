import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from daemon.media import codecs

EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


@pytest.mark.parametrize(("codec", "subtype"), [(codecs.PCMU, "ULAW"), (codecs.PCMA, "ALAW")])
def test_g711_decodes_every_code_as_libsndfile_does(codec: codecs.Codec, subtype: str) -> None:
    theirs, _ = soundfile.read(
        io.BytesIO(EVERY_CODE), samplerate=8000, channels=1, format="RAW", subtype=subtype, dtype="int16"
    )
    assert np.array_equal(codec.decode(EVERY_CODE), theirs)


def test_every_code_comes_back_from_its_sample_except_the_negative_zero_of_mu_law() -> None:
    assert codecs.PCMA.encode(codecs.PCMA.decode(EVERY_CODE)) == EVERY_CODE
    again = codecs.PCMU.encode(codecs.PCMU.decode(EVERY_CODE))
    assert [code for code in EVERY_CODE if again[code] != code] == [0x7F]  # decodes to 0, as 0xFF does
    assert again[0x7F] == 0xFF


@pytest.mark.parametrize(("codec", "encoding"), [(codecs.PCMU, "ulaw"), (codecs.PCMA, "alaw")])
def test_for_a_file_of_the_same_law_every_code_comes_back(codec: codecs.Codec, encoding: str) -> None:
    samples = codec.decode_into(encoding, EVERY_CODE)
    assert codecs.in_file(encoding, 8000).encode(samples) == EVERY_CODE
    assert np.abs(samples.astype(int) - codec.decode(EVERY_CODE)).max() <= 1
    for other in {"pcm16", "ulaw", "alaw"} - {encoding}:
        assert np.array_equal(codec.decode_into(other, EVERY_CODE), codec.decode(EVERY_CODE))


@pytest.mark.parametrize("codec", [codecs.PCMU, codecs.PCMA])
def test_g711_encodes_every_sample_to_within_half_a_step_or_the_loudest_code(codec: codecs.Codec) -> None:
    heard = codec.decode(codec.encode(EVERY_SAMPLE)).astype(int)
    away = np.abs(heard - EVERY_SAMPLE)
    # A step is at most 1/16 of its segment's beginning, plus the smallest step (8, or 16 for A-law). The
    # loudest mu-law code stands for 32,124, so samples beyond it are up to 32,768 - 32,124 = 644 away.
    loud = np.abs(EVERY_SAMPLE.astype(int)) > 32124
    assert np.all(away[~loud] <= np.abs(EVERY_SAMPLE[~loud].astype(int)) / 32 + 8)
    assert away[loud].max() <= 644


@pytest.mark.parametrize(("codec", "silent"), [(codecs.PCMU, 0), (codecs.PCMA, 8), (codecs.l16(16000), 0)])
def test_silence_is_the_quietest_code(codec: codecs.Codec, silent: int) -> None:
    assert codec.decode(codec.silence(5)).tolist() == [silent] * 5


def test_l16_has_the_high_byte_first_and_a_file_the_low_one() -> None:
    samples = np.array([1, -2, 0x1234], np.int16)
    assert codecs.l16(8000).encode(samples) == bytes.fromhex("0001fffe1234")
    assert codecs.in_file("pcm16", 8000).encode(samples) == bytes.fromhex("0100feff3412")


@given(st.binary(max_size=200).map(lambda data: data[: len(data) // 2 * 2]))
def test_linear_codecs_lose_nothing(payload: bytes) -> None:
    for codec in (codecs.l16(8000), codecs.in_file("pcm16", 16000)):
        samples = codec.decode(payload)
        assert samples.dtype == np.int16
        assert len(samples) * codec.bytes_per_sample == len(payload)
        assert codec.encode(samples) == payload


def test_a_call_names_its_codec_by_encoding_and_rate() -> None:
    assert codecs.named("PCMU", 8000) is codecs.PCMU
    assert codecs.named("PCMA", 8000) is codecs.PCMA
    wide = codecs.named("L16", 16000)
    assert (wide.name, wide.rate, wide.clock_rate, wide.bytes_per_sample) == ("L16", 16000, 16000, 2)


@pytest.mark.parametrize(("encoding", "rate"), [("PCMU", 16000), ("L16", 11025), ("G729", 8000)])
def test_an_unknown_codec_is_refused_with_what_would_do(encoding: str, rate: int) -> None:
    with pytest.raises(ValueError, match="takes PCMU/8000"):
        codecs.named(encoding, rate)


def test_g722_is_named_by_its_rate_or_as_sdp_does_by_its_clock() -> None:
    assert codecs.named("G722", 16000) is codecs.named("G722", 8000) is codecs.G722
    assert (codecs.G722.rate, codecs.G722.clock_rate) == (16000, 8000)


def test_only_pcmu_pcma_and_g722_need_no_telling() -> None:
    known = {kind: codecs.by_payload_type(kind) for kind in range(128)}
    assert {kind: codec.name for kind, codec in known.items() if codec} == {
        0: "PCMU",
        8: "PCMA",
        9: "G722",
    }


def test_a_file_may_be_linear_or_g711_at_any_rate() -> None:
    quiet = np.zeros(3, np.int16)
    for encoding, expected in (("pcm16", bytes(6)), ("ulaw", b"\xff" * 3), ("alaw", b"\xd5" * 3)):
        codec = codecs.in_file(encoding, 16000)
        assert codec.rate == 16000
        assert codec.encode(quiet) == codec.silence(3) == expected
    with pytest.raises(ValueError, match="takes pcm16, ulaw or alaw"):
        codecs.in_file("mp3", 8000)
