"""Audio without timestamps against our clock: a sender sends frames of 20 ms, and somebody looks."""

import random
from bisect import bisect
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media.orderclock import HELD_SECONDS, SLACK_SECONDS, OrderClock, Place

START = 70_000.0
FRAME = 160  # samples at 8 kHz


def steady(seconds: float, *, begins: float = START, ppm: float = 0) -> list[float]:
    """When each frame of 20 ms of so much audio arrives: as its last sample has been spoken."""
    step = 0.02 * (1 + ppm * 1e-6)
    return [begins + (number + 1) * step for number in range(round(seconds / 0.02))]


def looks(arrivals: Sequence[float], beat: float, *, until: float) -> Iterator[tuple[int, float]]:
    """(samples that came since the look before, its time), at whole beats."""
    taken, number = 0, round(START / beat)
    while number * beat <= until + beat:
        now = number * beat
        came = bisect(arrivals, now)
        yield (came - taken) * FRAME, now
        taken = came
        number += 1


def placed(clock: OrderClock, arrivals: Sequence[float], beat: float = 0.1) -> list[Place]:
    """All places given, after a look well behind the last frame."""
    places: list[Place] = []
    for samples, now in looks(arrivals, beat, until=arrivals[-1] + 2):
        places += clock.take(samples, now)
    return places


def at(places: Sequence[Place], sample: int) -> float:
    """Seconds at which the sample of this number stands."""
    for index, count in places:
        if sample < count:
            return (index + sample) / 8000
        sample -= count
    raise AssertionError("it has no place")


def seams(places: Sequence[Place]) -> list[int]:
    """By how many samples each piece stands apart from the one before, where it does."""
    apart = [second[0] - sum(first) for first, second in pairwise(places)]
    return [gap for gap in apart if gap]


@pytest.mark.parametrize("beat", [0.1, 0.5])
def test_an_undisturbed_sender_s_samples_follow_each_other_and_stand_at_their_time(beat: float) -> None:
    places = placed(OrderClock(8000), steady(10), beat)
    assert seams(places) == []
    assert sum(count for _, count in places) == 80_000
    # The frame that a look finds last came up to 20 ms before it.
    assert START <= at(places, 0) <= START + 0.02


@pytest.mark.parametrize("beat", [0.1, 0.5])
@pytest.mark.parametrize("begins", [0.0, 0.04, 0.3])
@pytest.mark.parametrize("pause", [0.1, 0.25, 0.6, 5.0])
def test_around_a_pause_samples_stand_where_they_were_spoken_to_a_look(
    beat: float, begins: float, pause: float
) -> None:
    # 2 s of speech, nothing, 2 s of speech: a switch that sends nothing while nobody speaks.
    first, second = START + begins, START + begins + 2 + pause
    places = placed(OrderClock(8000), steady(2, begins=first) + steady(2, begins=second), beat)
    # A look before the pause it is right to a frame, and a look behind it to the slack.
    before, behind = 2 - beat - 0.02, 2 + beat + 0.02
    assert at(places, 0) == pytest.approx(first, abs=0.021)
    assert at(places, round(before * 8000)) == pytest.approx(first + before, abs=0.021)
    assert at(places, round(behind * 8000)) == pytest.approx(first + behind + pause, abs=SLACK_SECONDS)
    assert at(places, 31_000) == pytest.approx(second + 15_000 / 8000, abs=SLACK_SECONDS)
    assert sum(count for _, count in places) == 32_000


def test_a_word_between_two_pauses_stands_where_it_was_spoken() -> None:
    # 40 ms of sound 1.33 s behind the speech, and speech again 2 s behind that.
    word, again = START + 3.33, START + 5.37
    arrivals = steady(2) + steady(0.04, begins=word) + steady(1, begins=again)
    places = placed(OrderClock(8000), arrivals)
    assert at(places, 16_000) == pytest.approx(word, abs=0.1)
    assert at(places, 16_000 + 319) == pytest.approx(word + 0.04, abs=0.1)
    assert at(places, 17_000) == pytest.approx(again + 680 / 8000, abs=0.041)


def test_the_end_of_speech_is_not_taken_for_the_begin_of_more() -> None:
    # It ends 20 ms behind a look, and the next look comes half a second behind the last.
    places = placed(OrderClock(8000), steady(2.02), 0.5)
    assert seams(places) == []


@pytest.mark.parametrize("stall", [0.1, 0.25, 0.6, 0.95])
def test_audio_that_a_network_held_back_is_not_moved(stall: float) -> None:
    # From 2 s on nothing comes; after the stall all of it comes at once.
    arrivals = [
        max(arrival, START + 2 + stall) if START + 2 < arrival < START + 2 + stall else arrival
        for arrival in steady(5)
    ]
    places = placed(OrderClock(8000), arrivals)
    assert seams(places) == []


def test_audio_that_a_busy_sender_is_slow_to_catch_up_with_is_not_moved() -> None:
    # It is stopped for 0.4 s twice, and between the two sends what is overdue at twice the pace.
    late = [0.4 - 0.02 * n for n in range(20)]
    arrivals = steady(2)
    for number in range(100):
        due = START + 2 + (number + 1) * 0.02
        arrivals.append(due + (late[number % 50] if number % 50 < 20 else 0))
    arrivals = [max(arrivals[: n + 1]) for n in range(len(arrivals))]
    assert seams(placed(OrderClock(8000), arrivals)) == []


def test_what_waits_at_the_end_gets_its_place() -> None:
    clock = OrderClock(8000)
    clock.take(800, START + 0.1)
    assert clock.take(0, START + 0.9) == []
    assert clock.take(FRAME, START + 1.0) == []
    # It came behind the look at 0.9 s: the frame was spoken in the 20 ms before that, or later.
    assert clock.finish() == [(round((START + 0.88) * 8000), FRAME)]
    # And who comes back begins anew.
    assert clock.take(FRAME, START + 3.0) == [(round((START + 3.0) * 8000) - FRAME, FRAME)]
    assert clock.finish() == []
    assert clock.anchored == 3


def test_of_audio_that_was_not_all_taken_nothing_is_known_so_it_follows() -> None:
    clock = OrderClock(8000)
    clock.take(800, START + 0.1)
    assert clock.take(800, START + 2.0, whole=False) == [(round((START + 0.1) * 8000), 800)]


def test_who_sends_faster_than_anybody_speaks_gets_no_place_a_second_ahead() -> None:
    clock = OrderClock(8000)
    latest = 0
    for number in range(100):  # a second of audio every 0.1 s
        for index, count in clock.take(8000, START + number / 10):
            latest = max(latest, index + count)
        assert latest <= (START + number / 10 + 1.0) * 8000


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_clock_that_runs_off_is_corrected_by_single_samples_for_an_hour(ppm: float) -> None:
    # 3,600 s at 200 ppm are 0.72 s, or 5,760 samples, by which the sender's clock ends up beside ours.
    numbers = random.Random(1)
    arrivals = sorted(arrival + numbers.uniform(0, 0.02) for arrival in steady(3600, ppm=ppm))
    clock = OrderClock(8000)
    places = placed(clock, arrivals, 0.5)
    assert set(seams(places)) == {1 if ppm > 0 else -1}
    assert at(places, 3600 * 8000 - 1) == pytest.approx(START + 3600 * (1 + ppm * 1e-6), abs=0.06)
    assert abs(clock.corrected) == pytest.approx(5760, abs=500)
    assert clock.anchored == 1
    assert clock.drift.ppm == pytest.approx(-ppm, abs=6)  # a frame of 20 ms in an hour


@given(
    st.lists(st.tuples(st.integers(0, 6), st.floats(0, 0.4)), min_size=1, max_size=80),
    st.sampled_from([8000, 16000, 44100]),
)
def test_every_sample_gets_one_place_in_order_and_none_waits_for_long(
    frames: list[tuple[int, float]], rate: int
) -> None:
    """Whatever comes: no sample twice, none lost, none behind its look by more than the slack and a hold."""
    clock, now = OrderClock(rate), START
    waiting: deque[tuple[float, int]] = deque()
    for count, wait in frames:
        now += wait
        waiting.append((now, count * rate // 50))
        settled = 0
        for index, samples in clock.take(count * rate // 50, now):
            settled += samples
            assert index + samples <= (now + 1.1) * rate
        while waiting and waiting[0][1] <= settled:
            settled -= waiting.popleft()[1]
        assert settled == 0  # a look's samples get their place together
        assert sum(samples for _, samples in waiting) == clock.waiting
        assert not clock.waiting or now - waiting[0][0] < HELD_SECONDS
    assert sum(samples for _, samples in clock.finish()) == sum(samples for _, samples in waiting)
    assert SLACK_SECONDS < HELD_SECONDS
