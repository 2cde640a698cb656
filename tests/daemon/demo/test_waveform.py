"""Pictures of sound."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.demo import waveform


def test_peaks_are_the_loudest_of_each_part() -> None:
    samples = np.array([0, 16384, -32768, 0], np.int16)
    assert waveform.peaks(samples, 2) == [0.5, 1.0]
    assert waveform.peaks(np.zeros(0, np.int16), 3) == [0, 0, 0]


def test_silence_is_a_thin_line_and_the_loudest_reaches_both_edges() -> None:
    # Two columns of dots in one character each: silence, then full scale. Of eight rows of dots, silence
    # has the middle two (dots 7 and 8 above the middle, 1 and 4 below it).
    samples = np.array([0, 0, 32767, 32767], np.int16)
    top, bottom = waveform.picture(samples, width=2, rows=2)
    assert (top[0], bottom[0]) == (chr(0x2800 + 0xC0), chr(0x2800 + 0x09))
    assert (top[1], bottom[1]) == (chr(0x28FF), chr(0x28FF))


def test_without_unicode_hash_signs_do() -> None:
    samples = np.array([0, 32767], np.int16)
    assert waveform.picture(samples, width=2, rows=3, plain=True) == [" #", "##", " #"]


@given(
    samples=st.lists(st.integers(-32768, 32767), max_size=300),
    width=st.integers(1, 120),
    rows=st.integers(1, 6),
    plain=st.booleans(),
)
def test_a_picture_has_the_size_that_was_asked_for(
    samples: list[int], width: int, rows: int, plain: bool
) -> None:
    lines = waveform.picture(np.array(samples, np.int16), width=width, rows=rows, plain=plain)
    assert [len(line) for line in lines] == [width] * rows


def test_the_ruler_names_the_seconds_at_their_place() -> None:
    assert waveform.ruler(10, 50) == "0 s  1    2    3    4    5    6    7    8    9    "
    # Five columns a label at least: of 20 columns only each fifth second, the half of them at column 10.
    assert waveform.ruler(10, 20) == "0 s       5         "
    assert waveform.ruler(0, 5) == "0 s  "
    assert len(waveform.ruler(100_000, 10)) == 10
