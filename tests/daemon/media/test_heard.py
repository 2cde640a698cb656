import numpy as np
import pytest

from daemon.media import codecs
from daemon.media.heard import Heard, Memory, stretched


def test_one_sample_too_many_is_left_out_and_one_that_lacks_is_the_first_of_what_follows() -> None:
    assert stretched(b"abcdef", 2, 1) == b"ababcdef"
    assert stretched(b"abcdef", 2, -1) == b"cdef"
    assert stretched(b"abcdef", 2, 0) == b"abcdef"
    assert stretched(b"ab", 2, -1) == b"ab"  # or nothing would be left


@pytest.mark.parametrize("step", [1, -1])
def test_g722_is_stretched_only_when_it_is_decoded(step: int) -> None:
    """A byte more or less in mid-stream would be heard: the decoder counts on the encoder's own."""
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(6400) / 16000)).astype(np.int16)
    said = codecs.G722.encode(tone)
    parts = [Heard(1000, codecs.G722, said[:1600]), Heard(2600 + step, codecs.G722, said[1600:])]
    first, second = Memory(codecs.G722).decoded(parts)
    assert first.end == second.place  # no seam
    plain = codecs.G722.decode(said)
    heard = np.concatenate([first.codec.decode(first.payload), second.codec.decode(second.payload)])
    assert len(heard) == len(plain) + 2 * step  # a step of its clock is two samples
    assert np.array_equal(heard[:3200], plain[:3200])
    assert np.array_equal(heard[3200 + 2 * max(step, 0) :], plain[3200 + 2 * max(-step, 0) :])
