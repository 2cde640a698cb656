"""When a webhook is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.webhooks import schedule

DAY = 86400.0


def after(
    attempts: int, *, now: float = 0.0, chance: float = 0.5, asked_for: float = 0.0, hours: float = 72
) -> float | None:
    return schedule.next_attempt(
        attempts=attempts,
        since=0.0,
        now=now,
        chance=chance,
        asked_for=asked_for,
        retry_seconds=hours * 3600,
    )


@pytest.mark.contract("webhook-retries")
def test_each_pause_is_twice_the_one_before_up_to_an_hour() -> None:
    assert [after(attempts) for attempts in range(1, 6)] == [2, 4, 8, 16, 32]
    assert after(11) == 2048
    assert after(12) == 3600  # 4096 would be longer
    assert after(1000) == 3600


@pytest.mark.contract("webhook-retries")
def test_a_pause_is_up_to_a_fifth_shorter_or_longer() -> None:
    assert after(1, chance=0.0) == 1.6
    assert after(1, chance=1.0) == pytest.approx(2.4)


def test_the_last_attempt_is_three_days_after_the_event() -> None:
    assert after(90, now=3 * DAY - 3600) == 3 * DAY
    assert after(90, now=3 * DAY - 3599) is None


def test_the_operator_says_how_long_it_is_tried() -> None:
    assert after(1, now=3598, hours=1) == 3600
    assert after(1, now=3599, hours=1) is None
    assert after(90, now=3 * DAY, hours=96) == 3 * DAY + 3600


def test_a_receiver_that_asks_for_more_time_gets_it_up_to_an_hour() -> None:
    assert after(1, asked_for=60) == 60
    assert after(5, asked_for=1) == 32
    assert after(1, asked_for=1e9) == 3600


@given(st.integers(1, 10_000), st.floats(0, 3 * DAY), st.floats(0, 1), st.floats(0, 1e12))
def test_it_never_comes_at_once_nor_after_the_third_day(
    attempts: int, now: float, chance: float, asked_for: float
) -> None:
    at = after(attempts, now=now, chance=chance, asked_for=asked_for)
    assert at is None or now + 1.5 < at <= 3 * DAY
