"""Which part of a stretch of audio is hidden."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daemon.media.mask import Mask

SPANS = st.lists(st.integers(1, 40), min_size=1, max_size=9)
"""How long it is heard, hidden, heard, …"""


@given(SPANS, st.integers(0, 120), st.integers(0, 120))
def test_a_stretch_is_cut_where_hearing_changes_and_nowhere_else(
    lengths: list[int], start: int, length: int
) -> None:
    mask, at, hidden = Mask(), 0, set[int]()
    for number, span in enumerate(lengths):
        if number % 2:
            mask.begin(at)
            mask.end(at + span)
            hidden |= set(range(at, at + span))
        at += span
    if len(lengths) % 2:
        mask.begin(at)
        hidden |= set(range(at, 400))
    pieces = list(mask.split(start, start + length))
    assert [n for low, high, _ in pieces for n in range(low, high)] == list(range(start, start + length))
    assert {n for low, high, is_hidden in pieces if is_hidden for n in range(low, high)} == {
        n for n in range(start, start + length) if n in hidden
    }
    for (_, end, before), (begin, _, after) in pairwise(pieces):
        assert end == begin
        assert before != after


@given(SPANS, st.integers(0, 120))
def test_what_is_over_is_forgotten_and_the_rest_is_not(lengths: list[int], now: int) -> None:
    mask, forgetting, at = Mask(), Mask(), 0
    for span in lengths:
        for each in (mask, forgetting):
            each.begin(at)
            each.end(at + span)
        at += span + 3
    forgetting.forget(now)
    assert list(forgetting.split(now, 500)) == list(mask.split(now, 500))


def test_beginning_and_ending_twice_does_nothing() -> None:
    mask = Mask()
    mask.end(5)
    mask.begin(10)
    assert mask.is_open
    mask.begin(12)
    mask.end(20)
    mask.end(30)
    assert not mask.is_open
    assert list(mask.hidden(0, 100)) == [(10, 20)]
