"""Faults are what was asked for, and the same again with the same seed."""

from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.caller.faults import OVERTAKERS, Faults, plan

PTIME = 0.02
LOUD = np.zeros(20_000, np.bool_)
"""400 s in which somebody speaks all the time."""


def test_where_nothing_goes_wrong_each_packet_leaves_when_it_was_spoken() -> None:
    planned = plan(Faults(), LOUD[:3], PTIME)
    assert [turn.at for turn in planned.turns] == pytest.approx([0.02, 0.04, 0.06])
    assert [(turn.number, turn.order, turn.marker) for turn in planned.turns] == [
        (0, 0, True),
        (1, 1, False),
        (2, 2, False),
    ]
    assert planned.delivered.all()
    assert planned.sent == 3
    assert not Faults().any


def test_lost_packets_are_counted_by_the_sender_and_never_leave() -> None:
    planned = plan(Faults(loss=10), LOUD, PTIME)
    assert planned.sent == 20_000
    assert all(turn.order == turn.number for turn in planned.turns)
    assert planned.delivered.sum() == len(planned.turns)
    # 10 % of 20,000 are 2,000; chance's own spread is 42, and five times that is never left.
    assert 1790 < 20_000 - len(planned.turns) < 2210


def test_bursts_of_loss_are_as_long_as_asked_for_on_average() -> None:
    planned = plan(Faults(loss=10, burst=5), LOUD, PTIME)
    runs = [len(list(run)) for lost, run in groupby(~planned.delivered) if lost]
    assert 4.3 < np.mean(runs) < 5.7
    assert 0.08 < 1 - planned.delivered.mean() < 0.12
    single = plan(Faults(loss=10, burst=1), LOUD, PTIME)
    assert all(a or b for a, b in pairwise(single.delivered))


@pytest.mark.parametrize(("loss", "left"), [(0.0, 100), (100.0, 0)])
def test_nothing_is_lost_or_all(loss: float, left: int) -> None:
    assert len(plan(Faults(loss=loss), LOUD[:100], PTIME).turns) == left


def test_the_same_seed_does_the_same_and_each_line_has_chances_of_its_own() -> None:
    faults = Faults(loss=10, reorder=10, duplicate=10, jitter=0.03, seed=4)
    one, again = plan(faults, LOUD[:500], PTIME, 1), plan(faults, LOUD[:500], PTIME, 1)
    assert one.turns == again.turns
    assert one.turns != plan(faults, LOUD[:500], PTIME, 2).turns
    other = Faults(loss=10, reorder=10, duplicate=10, jitter=0.03, seed=5)
    assert one.turns != plan(other, LOUD[:500], PTIME, 1).turns


def test_overtaken_packets_leave_behind_up_to_three_others_and_never_before_they_were_spoken() -> None:
    planned = plan(Faults(reorder=10), LOUD[:2000], PTIME)
    numbers = [turn.number for turn in planned.turns]
    assert sorted(numbers) == list(range(2000))
    overtaken = [number for at, number in enumerate(numbers) if any(n > number for n in numbers[:at])]
    assert 140 < len(overtaken) < 260
    assert all(
        turn.number < OVERTAKERS or turn.number - place >= -OVERTAKERS
        for place, turn in enumerate(planned.turns)
    )
    assert all(turn.at >= (turn.number + 1) * PTIME - 1e-9 for turn in planned.turns)


def test_duplicates_leave_twice_with_the_same_number() -> None:
    planned = plan(Faults(duplicate=100), LOUD[:50], PTIME)
    assert [turn.number for turn in planned.turns] == [number for number in range(50) for _ in (1, 2)]
    assert planned.sent == 50


def test_jitter_delays_within_its_bound_and_keeps_the_order() -> None:
    planned = plan(Faults(jitter=0.05), LOUD[:2000], PTIME)
    delays = [turn.at - (turn.number + 1) * PTIME for turn in planned.turns]
    assert -1e-9 < min(delays) < 0.02
    assert 0.049 < max(delays) < 0.05 + 1e-9
    assert [turn.number for turn in planned.turns] == list(range(2000))


def test_a_fast_clock_says_more_in_the_same_time() -> None:
    # 500 ppm fast: 10,000 packets, 200 s of its own clock, are said in 199.9 s.
    planned = plan(Faults(skew=500), LOUD[:10_000], PTIME)
    assert planned.turns[-1].at == pytest.approx(200 / 1.0005)


def test_pauses_are_not_sent_and_what_follows_one_is_marked() -> None:
    silent = np.array([False, True, True, False, False, True, False])
    planned = plan(Faults(dtx=True), silent, PTIME)
    assert [(turn.number, turn.order, turn.marker) for turn in planned.turns] == [
        (0, 0, True),
        (3, 1, True),
        (4, 2, False),
        (6, 3, True),
    ]
    assert planned.sent == 4
    assert planned.delivered.tolist() == [True, False, False, True, True, False, True]


def test_a_gap_takes_out_its_seconds() -> None:
    # From 1 s on for 0.5 s: packets 50 to 74.
    planned = plan(Faults(gap=(1.0, 0.5)), LOUD[:100], PTIME)
    assert np.flatnonzero(~planned.delivered).tolist() == list(range(50, 75))
    assert [turn.number for turn in planned.turns if turn.marker] == [0, 75]
    assert planned.sent == 75


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"loss": 101.0}, "--loss 101: takes 0 to 100"),
        ({"reorder": -1.0}, "--reorder -1"),
        ({"duplicate": 1000.0}, "--duplicate 1000"),
        ({"jitter": 2.0}, "--jitter 2000: takes 0 to 1000"),
        ({"skew": 20_000.0}, "--skew 20000"),
        ({"gap": (-1.0, 2.0)}, "--gap AT,SECONDS"),
        ({"gap": (1.0, 0.0)}, "--gap AT,SECONDS"),
        ({"burst": 3.0}, "give both"),
        ({"loss": 5.0, "burst": 0.5}, "--burst 0.5: takes 1 to 1000"),
        ({"loss": 90.0, "burst": 2.0}, "more than bursts of 2 can make"),
        ({"loss": float("nan")}, "--loss nan"),
    ],
)
def test_what_cannot_be_is_refused_in_plain_words(asked: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Faults(**asked)  # type: ignore[arg-type] # of the right types by name


@given(
    loss=st.floats(0, 60),
    reorder=st.floats(0, 100),
    duplicate=st.floats(0, 100),
    jitter=st.floats(0, 0.2),
    dtx=st.booleans(),
    seed=st.integers(),
)
def test_any_mixture_keeps_its_promises(
    loss: float, reorder: float, duplicate: float, jitter: float, dtx: bool, seed: int
) -> None:
    faults = Faults(loss=loss, reorder=reorder, duplicate=duplicate, jitter=jitter, dtx=dtx, seed=seed)
    silent = np.arange(200) % 50 > 35
    planned = plan(faults, silent, PTIME)
    times = [turn.at for turn in planned.turns]
    assert times == sorted(times)
    assert sorted({turn.number for turn in planned.turns}) == np.flatnonzero(planned.delivered).tolist()
    assert all(turn.at >= (turn.number + 1) * PTIME - 1e-9 for turn in planned.turns)
    assert all(0 <= turn.order < planned.sent for turn in planned.turns)
    if dtx:
        assert not (planned.delivered & silent).any()
