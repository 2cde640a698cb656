"""All waiting tasks wake together, at whole multiples of the period."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from wavstream.process.cadence import Cadence, following


@pytest.fixture
async def cadence(nursery: trio.Nursery) -> Cadence:
    """A running beat in virtual time."""
    beat = Cadence()
    await nursery.start(beat.run)
    return beat


async def test_a_hundred_tasks_wake_at_one_instant(autojump_clock: MockClock, cadence: Cadence) -> None:
    woken: list[float] = []

    async def wait() -> None:
        await cadence.beat()
        woken.append(trio.current_time())

    async with trio.open_nursery() as waiting:
        for _ in range(100):
            waiting.start_soon(wait)
    assert len(woken) == 100
    assert len(set(woken)) == 1


@pytest.mark.parametrize(
    ("load", "period"),
    [(0, 0.1), (12, 0.1), (13, 0.2), (24, 0.2), (25, 0.4), (48, 0.4), (49, 0.5), (1000, 0.5)],
)
async def test_the_period_grows_with_the_load(
    autojump_clock: MockClock, cadence: Cadence, load: int, period: float
) -> None:
    cadence.load = load
    await cadence.beat()  # was under way when the load changed
    await cadence.beat()
    first = trio.current_time()
    await cadence.beat()
    await cadence.beat()
    assert trio.current_time() - first == pytest.approx(2 * period)


def test_who_waits_for_what_comes_at_a_beat_may_ask_for_shorter_ones() -> None:
    cadence = Cadence(slowest=0.3)
    periods = []
    for cadence.load in (0, 24, 48, 1000):
        periods.append(cadence.period)
    assert periods == [0.1, 0.2, 0.3, 0.3]


async def test_some_things_are_done_at_a_beat_of_about_each_second(
    autojump_clock: MockClock, cadence: Cadence
) -> None:
    await cadence.seldom()
    for _ in range(3):
        first = trio.current_time()
        cadence.load = 48 - cadence.load  # 0.4 s a beat, or 0.1 s
        await cadence.seldom()
        assert trio.current_time() - first == pytest.approx(0.8)


async def test_beats_stay_on_multiples_of_the_period_after_a_late_one(
    autojump_clock: MockClock, cadence: Cadence
) -> None:
    await trio.sleep(0.137)
    await cadence.beat()
    assert trio.current_time() % 0.1 == pytest.approx(0, abs=1e-6)


async def test_a_cancelled_wait_leaves_nobody_behind(autojump_clock: MockClock, cadence: Cadence) -> None:
    with trio.move_on_after(0.01):
        await cadence.beat()
    await cadence.beat()
    assert trio.current_time() > 0


@given(
    beats=st.integers(0, 10**7),
    period=st.sampled_from([0.1, 0.2, 0.4, 0.5]),
    within=st.floats(0, 1, exclude_max=True),
)
def test_the_next_beat_is_never_now_and_never_skips_one(beats: int, period: float, within: float) -> None:
    now = (beats + within) * period
    assert now < following(now, period) < now + period * 1.000001
    assert following(beats * period, period) == pytest.approx((beats + 1) * period)
