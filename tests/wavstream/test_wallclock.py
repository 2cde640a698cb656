"""How far the wall clock is believed."""

from hypothesis import given
from hypothesis import strategies as st

from wavstream.wallclock import PATIENCE_SECONDS, STEP_SECONDS, Belief

NOON = 1_000_000.0
YEAR = 365 * 86_400.0


def test_a_clock_that_keeps_step_with_the_seconds_that_pass_is_believed() -> None:
    belief = Belief(known=NOON, steady=5.0)
    assert belief.time(wall=NOON, steady=5.0) == NOON
    assert belief.time(wall=NOON + 86_400, steady=5.0 + 86_400) == NOON + 86_400
    # Set right by less than a minute: that is what keeping a clock right looks like.
    assert belief.time(wall=NOON + 86_430, steady=5.0 + 86_400) == NOON + 86_430
    assert not belief.doubts


def test_a_clock_that_is_a_year_ahead_for_a_moment_is_not_believed() -> None:
    belief = Belief(known=NOON, steady=0.0)
    assert belief.time(wall=NOON + YEAR, steady=20.0) == NOON + 20
    assert belief.doubts
    assert belief.time(wall=NOON + 40, steady=40.0) == NOON + 40
    assert not belief.doubts


def test_a_clock_that_stays_ahead_for_an_hour_is_believed() -> None:
    belief = Belief(known=NOON, steady=0.0)
    for steady in (10.0, 1000.0, 10 + PATIENCE_SECONDS - 1):
        assert belief.time(wall=NOON + YEAR + steady, steady=steady) == NOON + steady
    steady = 10 + PATIENCE_SECONDS
    assert belief.time(wall=NOON + YEAR + steady, steady=steady) == NOON + YEAR + steady
    assert not belief.doubts


def test_one_that_jumps_again_has_to_stay_there_anew() -> None:
    belief = Belief(known=NOON, steady=0.0)
    belief.time(wall=NOON + YEAR, steady=0.0)
    steady = PATIENCE_SECONDS - 1
    assert belief.time(wall=NOON + 2 * YEAR + steady, steady=steady) == NOON + steady
    assert belief.time(wall=NOON + 2 * YEAR + steady + 5, steady=steady + 5) == NOON + steady + 5


def test_a_clock_that_is_set_back_is_believed_at_once() -> None:
    belief = Belief(known=NOON, steady=0.0)
    assert belief.time(wall=NOON - YEAR, steady=10.0) == NOON - YEAR


def test_a_start_long_after_what_is_known_waits_as_well() -> None:
    belief = Belief(known=NOON, steady=0.0)
    assert belief.time(wall=NOON + YEAR, steady=0.0) == NOON
    assert belief.time(wall=NOON + YEAR + PATIENCE_SECONDS, steady=PATIENCE_SECONDS) > NOON + YEAR


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(-1e9, 1e9)), max_size=30))
def test_it_is_never_ahead_of_the_clock_and_never_ahead_of_a_time_that_lasted(
    looks: list[tuple[float, float]],
) -> None:
    belief, steady, earlier = Belief(known=NOON, steady=0.0), 0.0, [(0.0, NOON)]
    for pause, ahead in looks:
        steady += pause
        earlier.append((steady, NOON + steady + ahead))
        now = belief.time(wall=earlier[-1][1], steady=steady)
        assert now <= earlier[-1][1] + STEP_SECONDS
        # Some earlier look, an hour ago, or else the one before a small step, said as much.
        assert now - steady <= max(at - since for since, at in earlier)
