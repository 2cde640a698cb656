import random
from itertools import count

import pytest

from daemon.media.drift import MOST_POINTS, Drift

WINDOW = 2.0


def feed(drift: Drift, seconds: float, ppm: float, *, begins: float = 0.0, noise: float = 0.0) -> None:
    """Windows of a sender that is faster by so many ppm, each held up by up to `noise` s."""
    numbers = random.Random(3)
    for number in range(round(seconds / WINDOW)):
        at = begins + number * WINDOW
        drift.add(at, numbers.uniform(0, noise) - at * ppm * 1e-6)


@pytest.mark.parametrize("ppm", [-200.0, -3.5, 0.0, 60.0])
def test_a_clock_s_drift_is_told_once_it_is_known(ppm: float) -> None:
    drift = Drift()
    feed(drift, 30, ppm)
    assert drift.ppm is None
    assert drift.expected(100.0) is None
    drift = Drift()
    feed(drift, 120, ppm)
    assert drift.ppm == pytest.approx(ppm, abs=0.01)
    assert drift.expected(130.0) == pytest.approx(-130 * ppm * 1e-6, abs=1e-6)


def test_it_is_not_told_while_it_may_be_off_by_more_than_five_ppm() -> None:
    # A network whose quickest packets are held up by anything up to 20 ms: 100 s say no more than 200 ppm.
    drift = Drift()
    feed(drift, 100, 50, noise=0.02)
    assert drift.ppm is None
    feed(drift, 3600, 50, begins=100, noise=0.02)
    assert drift.ppm == pytest.approx(50, abs=2)


def test_windows_in_which_all_was_held_up_do_not_turn_it() -> None:
    drift = Drift()
    for number in range(300):
        drift.add(number * WINDOW, (0.7 if number % 7 in (2, 3) else 0.0) + number * WINDOW * 40e-6)
    assert drift.ppm == pytest.approx(-40, abs=0.1)


def test_a_clock_that_was_set_does_not_turn_it_while_most_was_before() -> None:
    drift = Drift()
    feed(drift, 900, 10)
    for number in range(40):
        at = 900 + number * WINDOW
        drift.add(at, 0.3 - at * 10e-6)
    assert drift.ppm == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("way", [0.03, -0.03, 0.1])
def test_a_way_that_becomes_longer_or_shorter_at_once_does_not_turn_it(way: float) -> None:
    drift, numbers = Drift(), random.Random(3)
    for number in range(1800):
        at = number * WINDOW
        drift.add(at, numbers.uniform(0, 0.001) - at * 20e-6 + (way if number > 300 else 0.0))
        assert drift.ppm is None or drift.ppm == pytest.approx(20, abs=5)
    assert drift.ppm == pytest.approx(20, abs=0.5)


def test_it_keeps_no_more_than_an_hour_and_follows_a_clock_that_changes() -> None:
    drift, late = Drift(), 0.0
    for number in count():
        ppm = 20 if number < 5000 else 35  # it became warmer
        late -= WINDOW * ppm * 1e-6
        drift.add(number * WINDOW, late)
        assert len(drift._points) <= MOST_POINTS
        if number == 8000:
            break
    assert drift.ppm == pytest.approx(35, abs=0.1)


def test_a_line_through_half_a_minute_says_nothing_of_ten_minutes_later() -> None:
    drift = Drift()
    feed(drift, 40, 100, noise=0.004)
    assert drift.expected(60.0) == pytest.approx(-60 * 100e-6, abs=0.008)
    assert drift.expected(640.0) is None


def test_after_a_new_beginning_what_was_known_stays_until_it_is_known_anew() -> None:
    drift = Drift()
    feed(drift, 200, 25)
    drift.begin()
    assert drift.ppm == pytest.approx(25, abs=0.01)
    assert drift.expected(300.0) is None
    feed(drift, 200, 90, begins=500)
    assert drift.ppm == pytest.approx(90, abs=0.01)
    drift.forget()
    assert drift.ppm is None


def test_what_comes_in_frames_is_told_when_a_frame_no_longer_matters() -> None:
    drift = Drift(quantum=0.02, precision=20)
    feed(drift, 980, 0)
    assert drift.ppm is None
    feed(drift, 300, 0, begins=980)
    assert drift.ppm == 0
