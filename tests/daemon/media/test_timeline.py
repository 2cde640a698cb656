from math import inf

import numpy as np
import pytest

from daemon.media.allowance import BEGINS_SECONDS, LEAST_SECONDS, MOST_SECONDS
from daemon.media.codecs import Samples
from daemon.media.timeline import CALLEE, CALLER, HOLD_SECONDS, PATIENCE_SECONDS, STALL_SECONDS, Timeline
from daemon.media.track import AHEAD_SECONDS, Counts, Track

RATE = 8000
START = 1000.0
ORIGIN = 8_000_000
"""The index of the sample spoken at START."""


def tone(frequency: float, seconds: float, rate: int = RATE, loudness: float = 10_000) -> Samples:
    return (loudness * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(
        np.int16
    )


def timeline_of(channels: int = 1, rate: int = RATE) -> Timeline:
    return Timeline(rate, channels, START, allowance=0.125)  # exact in binary, as START is


def joined(timeline: Timeline, side: int = CALLER, rate: int = RATE) -> Track:
    """A track that never makes the timeline wait."""
    track = timeline.join(CALLER if side == CALLER else CALLEE, rate)
    track.drained(START + 3600)
    return track


def test_a_timeline_is_exact_silence_when_nobody_speaks() -> None:
    timeline = timeline_of()
    timeline.join(CALLER, RATE).drained(START + 100)
    block = timeline.advance(START + 1.0)
    assert block.shape == (7000, 1)  # 1.0 s less the allowance of 0.125 s
    assert not block.any()
    assert timeline.finish(START + 1.25).shape == (3000, 1)
    assert timeline.counts(CALLER) == Counts(filled=10_000)


def test_a_timeline_without_legs_goes_by_the_clock() -> None:
    timeline = timeline_of(channels=2)
    assert timeline.advance(START + 0.0625).shape == (0, 2)
    assert timeline.advance(START + 0.625).shape == (4000, 2)
    assert timeline.finish(START + 1.0).shape == (4000, 2)
    assert timeline.complete


def test_samples_stand_where_they_were_spoken_and_gaps_are_zeros() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    track.place(ORIGIN + 160, np.full(160, 7, np.int16))
    track.place(ORIGIN + 480, np.full(160, 9, np.int16))
    heard = timeline.finish(START + 0.1)[:, 0]
    assert heard.tolist() == [0] * 160 + [7] * 160 + [0] * 160 + [9] * 160 + [0] * 160
    assert timeline.counts(CALLER) == Counts(placed=320, filled=480)


def test_a_leg_that_stalls_for_less_than_a_second_loses_nothing() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    track.place(ORIGIN, np.full(800, 5, np.int16))
    stalled = [timeline.advance(START + at) for at in (0.125, 0.5, 1.0)]
    assert [len(block) for block in stalled] == [0, 800, 0]  # it broke off there, and may go on there
    track.place(ORIGIN + 800, np.full(7200, 6, np.int16))
    assert timeline.finish(START + 1.0)[:, 0].tolist() == [6] * 7200
    assert timeline.counts(CALLER) == Counts(placed=8000)


def test_a_leg_that_stays_silent_is_waited_for_once_until_it_speaks_again() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    track.place(ORIGIN, np.full(1000, 5, np.int16))  # 0.125 s
    timeline.advance(START + 1.0)
    assert timeline.closed == 1000
    timeline.advance(START + 0.125 + STALL_SECONDS)  # by the clock again: all but the allowance
    assert timeline.closed == 8000
    track.place(ORIGIN + 12_000, np.full(1000, 6, np.int16))  # to 1.625 s
    timeline.advance(START + 2.0)
    assert timeline.closed == 13_000
    track.leave()  # it is gone: nothing can be on its way
    timeline.advance(START + 2.0)
    assert timeline.closed == 15_000


def test_audio_inside_the_allowance_takes_its_place_and_later_audio_is_dropped() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    first = timeline.advance(START + 0.25)  # closes 0.125 s = 1,000 samples
    track.place(ORIGIN + 900, np.full(200, 5, np.int16))  # its first half is too late
    rest = timeline.finish(START + 0.25)
    assert len(first) == 1000
    assert not first.any()
    assert rest[:, 0].tolist() == [5] * 100 + [0] * 900
    assert timeline.counts(CALLER) == Counts(placed=100, late=100, filled=1900)


def test_of_two_samples_for_one_place_the_first_to_come_stays() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    track.place(ORIGIN + 100, np.full(100, 1, np.int16))
    track.place(ORIGIN + 50, np.full(100, 2, np.int16))
    track.place(ORIGIN + 100, np.full(100, 3, np.int16))
    heard = timeline.finish(START + 200 / RATE)[:, 0]
    assert heard.tolist() == [0] * 50 + [2] * 50 + [1] * 100
    assert timeline.counts(CALLER) == Counts(placed=150, duplicate=150, filled=50)


def test_nothing_spoken_before_the_start_or_after_the_stop_is_in_it() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    track.place(ORIGIN - 80, np.full(160, 1, np.int16))
    track.place(ORIGIN - 500, np.full(160, 1, np.int16))
    track.place(ORIGIN + 720, np.full(160, 2, np.int16))
    timeline.end(START + 0.1)  # sample 800: it takes half of what already stood there
    track.place(ORIGIN + 640, np.full(200, 3, np.int16))
    heard = timeline.finish(START + 5)[:, 0]
    assert heard.tolist() == [1] * 80 + [0] * 560 + [3] * 80 + [2] * 80
    counts = timeline.counts(CALLER)
    assert counts.outside == 80 + 160 + 80 + 40
    assert counts == Counts(placed=240, duplicate=80, outside=360, filled=560)


@pytest.mark.parametrize("seconds", [0.0, 0.00006, 0.0001, 1.23456, 7.5])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_recording_is_as_long_as_it_was_recorded_to_one_frame(seconds: float, rate: int) -> None:
    timeline = Timeline(rate, 1, START + 0.123)
    joined(timeline, rate=8000)
    frames = sum(len(timeline.advance(START + 0.123 + beat * 0.1)) for beat in range(8))
    ended = max(frames, round(seconds * rate))
    assert frames + len(timeline.finish(START + 0.123 + seconds)) == ended


def test_the_first_end_counts() -> None:
    timeline = timeline_of()
    timeline.end(START + 1)
    timeline.end(START + 9)
    assert len(timeline.finish(START + 20)) == RATE


def test_an_end_that_has_been_passed_ends_where_the_audio_has_left() -> None:
    timeline = timeline_of()
    assert len(timeline.advance(START + 1.125)) == RATE
    timeline.end(START + 0.5)
    assert timeline.complete
    assert len(timeline.advance(START + 9)) == 0


def test_the_end_is_reached_only_when_audio_in_time_can_no_longer_come() -> None:
    timeline = timeline_of()
    track = timeline.join(CALLER, RATE)
    timeline.end(START + 1.0)
    track.drained(START + 1.0625)
    timeline.advance(START + 2.0)
    assert not timeline.complete  # what came from then on has not been placed yet
    track.place(ORIGIN + 7840, np.full(160, 3, np.int16))
    track.drained(START + 1.125)
    assert timeline.advance(START + 2.0)[-160:, 0].tolist() == [3] * 160
    assert timeline.complete


def test_a_leg_that_says_nothing_holds_the_others_for_a_bounded_time() -> None:
    timeline = timeline_of()
    timeline.join(CALLER, RATE)
    assert len(timeline.advance(START + 2.0)) == 0
    block = timeline.advance(START + 1.0 + PATIENCE_SECONDS)
    assert len(block) == 7000


def test_a_leg_that_left_holds_nobody() -> None:
    timeline = timeline_of()
    track = timeline.join(CALLER, RATE)
    track.place(ORIGIN, np.full(80, 4, np.int16))
    track.leave()
    assert timeline.advance(START + 2.125)[:, 0].tolist() == [4] * 80 + [0] * 15920
    assert timeline.counts(CALLER) == Counts(placed=80, filled=15920)


def test_a_block_has_a_bounded_length_also_after_a_long_sleep() -> None:
    timeline = timeline_of()
    assert [len(timeline.advance(START + 12.125)) for _ in range(4)] == [40_000, 40_000, 16_000, 0]


def test_audio_far_ahead_of_all_that_can_be_kept_is_dropped() -> None:
    timeline = timeline_of()
    track = joined(timeline)
    limit = AHEAD_SECONDS * RATE
    track.place(ORIGIN + limit - 100, np.full(160, 1, np.int16))
    track.place(ORIGIN + 10 * limit, np.full(160, 1, np.int16))
    assert timeline.counts(CALLER) == Counts(placed=100, early=220)


def test_one_channel_mixes_both_sides_and_stays_at_full_scale() -> None:
    timeline = timeline_of()
    for side, voice in ((CALLER, [100, 30_000, -30_000]), (CALLEE, [11, 10_000, -10_000])):
        joined(timeline, side).place(ORIGIN, np.array(voice, np.int16))
    assert timeline.finish(START + 4 / RATE)[:, 0].tolist() == [111, 32767, -32768, 0]


def test_two_channels_have_the_caller_left_and_the_callee_right() -> None:
    timeline = timeline_of(channels=2)
    joined(timeline, CALLER).place(ORIGIN, np.array([1, 2], np.int16))
    joined(timeline, CALLEE).place(ORIGIN + 1, np.array([3, 4], np.int16))
    assert timeline.finish(START + 3 / RATE).tolist() == [[1, 0], [2, 3], [0, 4]]
    assert timeline.counts(CALLEE) == Counts(placed=2, filled=1)


def test_a_leg_may_join_when_the_recording_is_under_way() -> None:
    timeline = timeline_of()
    timeline.advance(START + 1.125)
    track = joined(timeline)
    track.place(ORIGIN + RATE - 5, np.full(10, 6, np.int16))
    assert timeline.finish(START + 1 + 8 / RATE)[:, 0].tolist() == [6] * 5 + [0] * 3
    assert timeline.counts(CALLER) == Counts(placed=5, late=5, filled=3)


def test_a_leg_may_join_when_the_end_is_known() -> None:
    timeline = timeline_of()
    timeline.end(START + 10 / RATE)
    joined(timeline).place(ORIGIN, np.full(20, 6, np.int16))
    assert timeline.finish(inf)[:, 0].tolist() == [6] * 10


def hear_in_pieces(track: Track, timeline: Timeline, voice: Samples, origin: int) -> Samples:
    """Place a voice packet by packet, closing what can be closed at every tenth."""
    size, blocks = track.rate // 50, []
    for number, at in enumerate(range(0, len(voice), size)):
        track.place(origin + at, voice[at : at + size])
        if number % 10 == 9:
            blocks.append(timeline.advance(START + number * 0.02))
    return np.concatenate([*blocks, timeline.finish(START + len(voice) / track.rate)])[:, 0]


@pytest.mark.parametrize(("leg", "recording"), [(8000, 16000), (16000, 8000), (8000, 44100), (48000, 8000)])
def test_a_leg_of_another_rate_is_resampled_with_no_delay_and_no_seam(leg: int, recording: int) -> None:
    timeline = timeline_of(rate=recording)
    voice = tone(440, 2.0, leg)
    heard = hear_in_pieces(joined(timeline, rate=leg), timeline, voice, round(START * leg))
    expected = tone(440, 2.0, recording)
    assert len(heard) == len(expected)
    inside = slice(recording // 20, -recording // 20)  # a tone that begins at once has no band limit
    assert np.abs(heard[inside].astype(int) - expected[inside]).max() <= 12


def test_a_resampled_leg_that_left_is_heard_to_its_end() -> None:
    timeline = timeline_of(rate=16000)
    track = joined(timeline)
    voice = tone(440, 0.5)
    track.place(ORIGIN, voice)
    track.leave()
    blocks = [timeline.advance(START + 0.1 * beat) for beat in range(60)]
    heard = np.concatenate(blocks)[:, 0]
    assert np.abs(heard[1000:7500].astype(int) - tone(440, 0.5, 16000)[1000:7500]).max() <= 12
    assert not heard[10_000:].any()
    assert timeline.counts(CALLER).placed == 4000


def test_a_leg_that_changes_its_rate_goes_on_in_its_place() -> None:
    timeline = timeline_of(rate=16000)
    narrow, wide = joined(timeline), None
    narrow.place(ORIGIN, tone(440, 0.5))
    narrow.leave()
    wide = joined(timeline, rate=16000)
    wide.place(2 * ORIGIN + 8000, tone(440, 0.5, 16000))
    heard = timeline.finish(START + 1)[:, 0]
    expected = tone(440, 1.0, 16000)  # 440 periods a second: the second half goes on in phase
    assert np.abs(heard[8200:].astype(int) - expected[8200:]).max() <= 1  # the phase's own rounding
    assert np.abs(heard[1000:7500].astype(int) - expected[1000:7500]).max() <= 12
    assert timeline.counts(CALLER).placed == 4000 + 8000


def test_two_legs_of_different_rates_stay_together() -> None:
    timeline = timeline_of(channels=2, rate=16000)
    narrow, wide = joined(timeline, CALLER), joined(timeline, CALLEE, 16000)
    narrow.place(ORIGIN + 4000, tone(440, 0.5))
    wide.place(2 * ORIGIN + 8000, tone(440, 0.5, 16000))
    blocks = [timeline.advance(START + 0.1 * beat) for beat in range(10)]
    heard = np.concatenate([*blocks, timeline.finish(START + 1.0)]).astype(int)
    assert len(heard) == 16000
    assert np.abs(heard[9000:15000, 0] - heard[9000:15000, 1]).max() <= 12


def test_the_allowance_in_use_leaves_room_for_a_late_packet_and_shows_audio_within_a_second() -> None:
    assert 0.2 <= BEGINS_SECONDS <= 0.5
    assert LEAST_SECONDS < BEGINS_SECONDS < MOST_SECONDS <= 1


def test_a_pause_takes_what_was_placed_out_of_memory_and_counts_it_apart() -> None:
    timeline = Timeline(8000, 1, 100.0)
    track = timeline.join(CALLER, 8000)
    track.place(800_000, np.full(1600, 7, np.int16))
    timeline.pause(100.1)
    assert timeline.is_masked
    assert np.flatnonzero(track._samples).tolist() == list(range(800))
    track.place(801_600, np.full(800, 9, np.int16))
    assert np.max(track._samples) == 7
    timeline.resume(100.3)
    assert not timeline.is_masked
    track.place(802_400, np.full(800, 5, np.int16))
    voice = timeline.finish(100.4)[:, 0]
    assert voice.tolist() == [7] * 800 + [0] * 1600 + [5] * 800
    counts = timeline.counts(CALLER)
    assert (counts.placed, counts.masked, counts.filled) == (1600, 1600, 0)
    assert timeline.pauses == [(800, 2400)]


@pytest.mark.parametrize("told", [0.3, 2.0])
def test_a_pause_whose_command_is_slow_to_be_stored_hides_all_from_when_it_was_taken(told: float) -> None:
    """It was taken at 0.5 s, and stored so many seconds later; beats go on meanwhile."""
    timeline = Timeline(8000, 1, 100.0, allowance=0.125)
    track, blocks = timeline.join(CALLER, 8000), []
    with timeline.holding(100.5):
        for beat in range(1, round((0.5 + told) * 10)):
            track.place(800_000 + (beat - 1) * 800, np.full(800, 7, np.int16))
            track.drained(100 + beat * 0.1)
            blocks.append(timeline.advance(100 + beat * 0.1))
        assert timeline.closed <= 4000
        timeline.pause(100.5)
    blocks.append(timeline.finish(100.5 + told))
    voice = np.concatenate(blocks)[:, 0]
    assert voice.tolist() == [7] * 4000 + [0] * round(told * 8000)
    assert timeline.pauses == [(4000, None)]


def test_nothing_is_held_back_for_longer_than_a_command_may_take() -> None:
    timeline = Timeline(8000, 1, 100.0, allowance=0.125)
    with timeline.holding(101.0), timeline.holding(100.5):
        timeline.advance(104.0)
        assert timeline.closed == 4000
        timeline.advance(100.5 + HOLD_SECONDS + 1)
        assert timeline.closed == 12_000
    timeline.advance(106.0)
    assert timeline.closed == 5.875 * 8000


def test_a_recording_that_ends_in_a_pause_is_silent_to_its_end_and_hides_nothing_behind_it() -> None:
    timeline = Timeline(8000, 1, 100.0)
    track = timeline.join(CALLER, 8000)
    timeline.pause(100.1)
    track.place(800_000, np.full(2400, 7, np.int16))
    timeline.end(100.2)
    assert not timeline.is_masked
    voice = timeline.finish(100.2)[:, 0]
    assert voice.tolist() == [7] * 800 + [0] * 800
    counts = timeline.counts(CALLER)
    assert (counts.placed, counts.masked, counts.outside) == (800, 800, 800)


def test_a_track_that_joins_in_a_pause_is_masked_as_well() -> None:
    timeline = Timeline(8000, 1, 100.0)
    timeline.pause(100.1)
    track = timeline.join(CALLER, 16000)
    track.place(1_600_000, np.full(4800, 1000, np.int16))
    timeline.resume(100.2)
    track.place(1_604_800, np.full(3200, 1000, np.int16))
    voice = timeline.finish(100.5)[:, 0]
    assert not np.any(voice[800:1600])
    assert np.all(voice[100:700] > 990)
    assert np.all(voice[2500:3900] > 990)


def test_pausing_twice_and_resuming_twice_does_nothing_the_second_time() -> None:
    timeline = Timeline(8000, 1, 100.0)
    timeline.resume(100.1)
    timeline.pause(100.2)
    timeline.pause(100.3)
    timeline.resume(100.4)
    timeline.resume(100.5)
    timeline.pause(100.35)  # told late: what may be heard by now stays so
    assert timeline.pauses == [(1600, 3200), (3200, None)]
