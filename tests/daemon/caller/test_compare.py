"""The comparison that the demonstration and `wavstream call --verify` rest on: it finds what is wrong."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.caller.compare import NEEDLE, compare, expected_recording, find
from daemon.media.codecs import Samples

SECOND = 8000


def noise(length: int, seed: int = 1) -> Samples:
    """Sound that nowhere repeats."""
    return np.random.default_rng(seed).integers(-9000, 9000, length).astype(np.int16)


def recorded(sent: Samples, before: int, after: int) -> Samples:
    """What was sent, with silence around it."""
    return np.pad(sent, (before, after))


def test_a_whole_recording_is_exact_and_its_offset_is_found() -> None:
    sent = noise(2 * SECOND)
    found = compare(recorded(sent, 700, 300), sent, near=0)
    assert found.exact
    assert (found.offset, found.spoken, found.kept, found.stray) == (700, 16000, 16000, 0)
    assert found.first_difference is None


def test_one_changed_sample_is_found_and_named() -> None:
    sent = noise(SECOND)
    recording = recorded(sent, 100, 100)
    recording[100 + 5000] ^= 1
    found = compare(recording, sent, near=100)
    assert not found.exact
    assert (found.kept, found.stray, found.first_difference) == (7999, 0, 5100)


def test_a_sample_that_is_not_silence_outside_of_the_speech_is_stray() -> None:
    sent = noise(SECOND)
    recording = recorded(sent, 100, 100)
    recording[50] = 1
    found = compare(recording, sent, near=100)
    assert (found.kept, found.stray, found.first_difference) == (8000, 1, 50)


def test_a_closed_gap_is_found_out() -> None:
    # 20 ms in the middle are left out, as by a recorder without a clock: the rest is 160 samples too early.
    sent = noise(SECOND)
    recording = recorded(np.delete(sent, slice(4000, 4160)), 0, 160)
    found = compare(recording, sent, near=0)
    assert not found.exact
    assert found.kept < 8000 - 160


def test_a_tail_that_is_missing_counts_as_not_kept() -> None:
    sent = noise(SECOND)
    found = compare(recorded(sent[:7000], 40, 0), sent, near=40)
    assert (found.kept, found.spoken, found.stray, found.exact) == (7000, 8000, 0, False)


def test_a_recording_that_began_in_mid_speech_has_a_negative_offset() -> None:
    sent = noise(SECOND)
    found = compare(sent[3000:], sent, near=-3000, speech=range(3000, 8000))
    assert found.exact
    assert found.offset == -3000


def test_of_equal_places_the_one_nearest_to_the_expected_is_taken() -> None:
    # The same second twice: its first half alone fits at two places.
    sent = noise(SECOND)
    twice = np.concatenate([sent, sent])
    assert find(twice, sent, near=100) == 0
    assert find(twice, sent, near=7000) == 8000
    assert find(recorded(twice, 500, 0), twice, near=8000) == 500


def test_silence_and_foreign_sound_are_not_what_was_said() -> None:
    sent = noise(SECOND)
    silent = compare(np.zeros(4000, np.int16), sent, near=0)
    assert (silent.offset, silent.kept, silent.stray, silent.first_difference) == (None, 0, 0, None)
    foreign = compare(noise(4000, seed=2), sent, near=0)
    assert foreign.offset is None
    assert foreign.stray > 0
    assert find(np.zeros(0, np.int16), np.zeros(0, np.int16), near=0) is None


def test_an_equal_byte_string_at_an_odd_byte_is_not_a_place() -> None:
    sent = noise(NEEDLE)
    shifted = b"\0" + sent.tobytes() + b"\0"
    assert find(np.frombuffer(shifted, np.int16), sent, near=0) is None


def test_a_perfect_recording_may_lie_wholly_beside_what_was_sent() -> None:
    assert not expected_recording(noise(100), offset=200, length=50).any()
    assert not expected_recording(noise(100), offset=-200, length=50).any()


@given(before=st.integers(0, 3000), cut=st.integers(0, 5000), after=st.integers(0, 3000))
def test_any_window_of_what_was_sent_is_found_exact(before: int, cut: int, after: int) -> None:
    # The recording starts `before` samples ahead of the speech, or `cut` samples into it.
    sent = noise(SECOND)
    recording = recorded(sent, before, after)[cut:]
    first = max(0, cut - before)
    found = compare(recording, sent, near=before - cut, speech=range(first, SECOND))
    assert found.exact
    assert found.offset == before - cut
