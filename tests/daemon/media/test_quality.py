"""What is measured of audio: how long it is that came to which end, and since when nothing can be heard."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media import codecs
from daemon.media.codecs import Samples
from daemon.media.quality import AUDIBLE, Received, Spans, audible_end, is_audible
from daemon.media.reception import Reception
from daemon.media.timeline import CALLEE, CALLER, Side, Timeline
from daemon.media.track import AHEAD_SECONDS, Track

START = 1000.0


def timeline_of(channels: int = 1, rate: int = 8000) -> Timeline:
    return Timeline(rate, channels, START, allowance=0.125)


def joined(timeline: Timeline, side: Side = CALLER, rate: int = 8000) -> Track:
    """A track that never makes the timeline wait."""
    track = timeline.join(side, rate)
    track.drained(START + 3600)
    return track


def say(track: Track, at: float, samples: Samples) -> None:
    track.place(round((START + at) * track.rate), samples)


def loud(seconds: float, rate: int = 8000) -> Samples:
    return np.full(round(seconds * rate), 1000, np.int16)


def test_the_silence_of_every_codec_is_silence() -> None:
    for codec in (codecs.PCMU, codecs.PCMA, codecs.G722, codecs.l16(16000)):
        assert not is_audible(codec.decode(codec.silence(codec.clock_rate)))
    assert not is_audible(np.zeros(0, np.int16))
    assert not is_audible(np.full(10, AUDIBLE, np.int16))
    assert not is_audible(np.full(10, -AUDIBLE, np.int16))


@pytest.mark.parametrize("sample", [AUDIBLE + 1, -AUDIBLE - 1, 32767, -32768])
def test_one_louder_sample_is_audible(sample: int) -> None:
    samples = np.zeros(800, np.int16)
    samples[400] = sample
    assert is_audible(samples)


@given(st.lists(st.sampled_from([0, AUDIBLE, -AUDIBLE, AUDIBLE + 1, -AUDIBLE - 1, -32768]), max_size=40))
def test_the_last_audible_sample_is_found(said: list[int]) -> None:
    loud = [place for place, sample in enumerate(said, 1) if abs(sample) > AUDIBLE]
    assert audible_end(np.array(said, np.int16)) == max(loud, default=0)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_silence_begins_behind_the_last_sound_also_within_one_block(rate: int) -> None:
    timeline = timeline_of()
    track = timeline.join(CALLER, rate)  # a leg that breaks off: all that follows is given out at the end
    say(track, 0.0, loud(1.0, rate))
    timeline.finish(START + 3.0)
    assert timeline.silent(CALLER) == pytest.approx(2.0, abs=0.01)  # a resampler rings for some milliseconds


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_is_measured_for_each_side_alone(channels: int) -> None:
    timeline = timeline_of(channels)
    caller, callee = joined(timeline), joined(timeline, CALLEE)
    say(caller, 0.0, loud(0.5))
    say(callee, 0.0, np.zeros(4000, np.int16))  # packets come, and nothing is in them
    timeline.advance(START + 0.625)
    assert timeline.silent(CALLER) == 0
    assert timeline.silent(CALLEE) == 0.5
    say(callee, 0.5, loud(0.5))
    timeline.advance(START + 1.625)
    timeline.advance(START + 3.625)
    assert [timeline.audible_until(side) for side in (CALLER, CALLEE)] == [0.5, 1.0]
    assert [timeline.silent(side) for side in (CALLER, CALLEE)] == [3.0, 2.5]


def test_a_side_that_never_came_has_been_silent_from_the_start() -> None:
    timeline = timeline_of()
    timeline.finish(START + 2)
    assert timeline.silent(CALLEE) == 2
    assert timeline.audible_until(CALLEE) == 0


def test_the_idle_tone_of_a_law_at_another_rate_is_silence_as_well() -> None:
    timeline = timeline_of(rate=48000)
    track = joined(timeline)
    for number in range(20):
        say(track, 0.5 + number / 10, codecs.PCMA.decode(codecs.PCMA.silence(800)))
    assert timeline.finish(START + 3).max() >= 8
    assert timeline.audible_until(CALLER) == 0


def test_a_pause_is_no_silence_and_it_counts_from_its_end() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    say(track, 0.0, loud(3.125))
    timeline.advance(START + 1.125)
    timeline.pause(START + 1.125)
    timeline.advance(START + 3.125)
    assert timeline.silent(CALLER) == 0  # though all of it is masked
    timeline.resume(START + 3.125)
    timeline.advance(START + 3.25)
    assert timeline.silent(CALLER) == 0
    assert timeline.audible_until(CALLER) == 1.125
    say(track, 3.125, loud(1.875))
    timeline.advance(START + 5.125)
    timeline.advance(START + 8.125)
    assert timeline.silent(CALLER) == 3


def test_seconds_are_those_of_each_track_s_own_rate_also_after_it_has_gone() -> None:
    timeline = timeline_of()
    narrow = joined(timeline)
    say(narrow, 0.0, loud(1.0))
    narrow.leave()
    wide = joined(timeline, rate=16000)
    say(wide, 1.5, loud(1.0, 16000))
    timeline.advance(START + 5.125)
    say(wide, 4.0, loud(0.5, 16000))  # its place is closed
    say(wide, 5.5, loud(0.25, 16000))
    say(wide, 5.5, loud(0.25, 16000))  # its place is taken
    say(wide, 6.0 + AHEAD_SECONDS, loud(0.125, 16000))
    assert timeline.spans(CALLER) == Spans(heard=2.0, late=0.5, dropped=0.875)  # the quarter is open yet
    timeline.finish(START + 6)
    assert timeline.spans(CALLER) == Spans(heard=2.25, late=0.5, dropped=0.875)
    assert timeline.spans(CALLEE) == Spans()


PIECES = st.lists(
    st.tuples(
        st.integers(-800, 24_000), st.integers(1, 2400), st.sampled_from([0, AUDIBLE, -AUDIBLE, 17, -900])
    ),
    max_size=30,
)


@given(PIECES, st.lists(st.integers(1, 8), max_size=30))
def test_at_every_moment_the_seconds_add_up_and_silence_is_what_stands_behind_the_last_sound(
    pieces: list[tuple[int, int, int]], steps: list[int]
) -> None:
    timeline = timeline_of()
    track = timeline.join(CALLER, 8000)
    now, audible, beats = START, 0, iter(steps)
    for at, count, value in pieces:
        track.place(round(START * 8000) + at, np.full(count, value, np.int16))
        now += next(beats, 1) / 8
        track.drained(now)
        block = timeline.advance(now)
        loud_ones = np.flatnonzero(np.abs(block) > AUDIBLE)
        audible = timeline.closed - len(block) + int(loud_ones[-1]) + 1 if len(loud_ones) else audible
        spans, counts = timeline.spans(CALLER), timeline.counts(CALLER)
        assert spans.heard * 8000 + counts.filled == pytest.approx(timeline.closed)
        assert spans.late <= spans.dropped
        assert timeline.audible_until(CALLER) == audible / 8000
        assert timeline.silent(CALLER) == (timeline.closed - audible) / 8000


def test_what_is_masked_was_heard() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    timeline.pause(START + 0.5)
    say(track, 0.0, loud(1.0))
    timeline.finish(START + 1)
    assert timeline.spans(CALLER) == Spans(heard=1.0)


def test_what_came_in_a_span_is_the_difference_and_never_less_than_nothing() -> None:
    earlier = Received(packets=10, lost=5, reordered=1, duplicates=2, jitter_ms=3.0, drift_ppm=None)
    later = Received(packets=30, lost=4, reordered=2, duplicates=2, jitter_ms=1.0, drift_ppm=-20.0)
    assert later.since(earlier) == Received(packets=20, reordered=1, jitter_ms=1.0, drift_ppm=-20.0)


def test_a_reception_tells_all_that_it_counts() -> None:
    reception = Reception(8000)
    assert reception.received(drift_ppm=None) == Received()
    for number in (1, 2, 4, 3, 4, 8):
        reception.arrived(number, 160 * number, 0.02 * number)
    assert reception.received(drift_ppm=7.5) == Received(
        packets=5, lost=3, reordered=1, duplicates=1, jitter_ms=0.0, drift_ppm=7.5
    )
