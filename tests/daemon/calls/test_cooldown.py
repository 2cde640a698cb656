"""The pause between two heavy commands of a session."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.calls.cooldown import SECONDS, Cooldown


def test_a_session_that_was_never_charged_need_not_wait() -> None:
    assert Cooldown().remaining("a", 0.0) == 0.0


def test_the_window_is_two_seconds_from_the_command_that_was_taken() -> None:
    cooldown = Cooldown()
    cooldown.charge("a", 10.0)
    assert cooldown.remaining("a", 10.5) == 1.5
    assert cooldown.remaining("a", 12.0) == 0.0


@pytest.mark.contract("cooldown")
def test_each_session_has_its_own() -> None:
    cooldown = Cooldown()
    cooldown.charge("a", 10.0)
    assert cooldown.remaining("b", 10.0) == 0.0


def test_asking_does_not_extend_it() -> None:
    cooldown = Cooldown()
    cooldown.charge("a", 10.0)
    for tenth in range(20):
        cooldown.remaining("a", 10.0 + tenth / 10)
    assert cooldown.remaining("a", 12.0) == 0.0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 3)), max_size=60))
def test_it_holds_no_session_longer_than_its_window(charges: list[tuple[str, float]]) -> None:
    cooldown, now, last = Cooldown(), 0.0, dict[str, float]()
    for session, pause in charges:
        now += pause
        cooldown.charge(session, now)
        last[session] = now
        assert set(cooldown._taken) == {name for name, at in last.items() if at + SECONDS > now}
        for name, at in last.items():
            assert cooldown.remaining(name, now) == max(at + SECONDS - now, 0.0)
