"""How many frames a far end may send."""

from daemon.legs.budget import FRAMES_A_SECOND, MOST_SAVED, Budget


def test_who_speaks_never_runs_out_and_what_a_stall_held_up_is_taken() -> None:
    budget = Budget(100.0)
    for second in range(60):
        assert budget.spend(200, 100.0 + second)  # two voices in frames of 10 ms
    assert budget.spend(MOST_SAVED, 161.0)


def test_who_floods_is_found_out_and_stays_so_until_it_stops() -> None:
    budget = Budget(100.0)
    flood = [budget.spend(2 * FRAMES_A_SECOND, 100.0 + second) for second in range(20)]
    # What was saved lasts for as many seconds as it has thousands, less one: the first second brings nothing.
    assert flood == [True] * 5 + [False] * 15
    assert not budget.spend(FRAMES_A_SECOND + 1, 120.0)
    assert budget.spend(FRAMES_A_SECOND - 1, 121.5)
