"""A WAV stream is heard piece by piece, however it is cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.demo.follow import MAX_HEADER_BYTES, Heard, StreamError
from wavstream import wav
from wavstream.wav import WavFormat

MONO = WavFormat("pcm16", 8000, 1)
SOUND = np.arange(-500, 500, dtype=np.int16)
STREAM = wav.header(MONO, None) + SOUND.astype("<i2").tobytes()


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_the_stream_may_be_cut_anywhere(cuts: list[int]) -> None:
    heard = Heard()
    edges = [0, *sorted(cuts), len(STREAM)]
    for at, (first, last) in enumerate(itertools.pairwise(edges)):
        heard.feed(STREAM[first:last], at=float(at))
    assert (heard.rate, heard.channels, heard.length) == (8000, 1, 1000)
    assert np.array_equal(heard.samples, SOUND)
    assert sum(arrival.samples for arrival in heard.arrivals) == 1000
    assert [arrival.first for arrival in heard.arrivals] == sorted(
        {arrival.first for arrival in heard.arrivals}
    )


def test_the_oldest_sample_of_a_piece_waited_longest() -> None:
    # Sample k is spoken at k/8000 s. Samples 0 to 799 come at 0.15 s, the others at 0.2 s: 0.15, 0.1 s old.
    heard = Heard()
    heard.feed(STREAM[: 80 + 1600], at=0.15)
    heard.feed(STREAM[80 + 1600 :], at=0.2)
    assert heard.worst_delay(lambda sample: sample / 8000) == pytest.approx(0.15)


def test_nothing_heard_is_infinitely_late() -> None:
    heard = Heard()
    assert heard.worst_delay(lambda _: 0.0) == float("inf")
    assert heard.length == 0
    assert len(heard.samples) == 0


def test_of_two_channels_the_caller_is_heard() -> None:
    heard = Heard()
    both = np.array([[1, 9], [2, 9], [3, 9]], "<i2").tobytes()
    heard.feed(wav.header(WavFormat("pcm16", 16000, 2), None) + both, at=0.0)
    assert heard.samples.tolist() == [1, 2, 3]
    assert heard.rate == 16000


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"<!doctype html>", "does not begin as a WAV"),
        (b"RIFF\0\0\0\0AVI ", "does not begin as a WAV"),
        (wav.header(WavFormat("ulaw", 8000, 1), None), "not 16 bit PCM"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "lacks its format"),
        (b"RIFF\0\0\0\0WAVEJUNK\xff\xff\xff\x7f" + bytes(MAX_HEADER_BYTES), "has no end"),
    ],
)
def test_what_is_no_recording_is_refused(stream: bytes, words: str) -> None:
    with pytest.raises(StreamError, match=words):
        Heard().feed(stream, at=0.0)


@given(st.binary(max_size=300))
def test_any_bytes_are_heard_or_refused(stream: bytes) -> None:
    heard = Heard()
    try:
        for byte in range(0, len(stream), 7):
            heard.feed(stream[byte : byte + 7], at=0.0)
    except StreamError:
        return
    assert heard.length >= 0


@given(st.binary(max_size=200))
def test_a_header_with_a_damaged_middle_is_heard_or_refused(damage: bytes) -> None:
    try:
        Heard().feed(STREAM[:12] + damage, at=0.0)
    except StreamError:
        return
