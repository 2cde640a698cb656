"""Requests counted by the minute, whoever asks and however many they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.limits import WINDOW_SECONDS, FixedWindow, Standing
from wavstream.process.peers import network


@pytest.mark.contract("rate-limits")
def test_each_key_has_its_quota_and_it_begins_anew_with_the_minute() -> None:
    window = FixedWindow()
    assert window.charge("a", 2, 59.5) == Standing(2, 1, 1, exceeded=False)
    assert window.charge("a", 2, 59.9) == Standing(2, 0, 1, exceeded=False)
    assert window.charge("a", 2, 59.9).exceeded
    assert not window.charge("b", 2, 59.9).exceeded
    assert window.charge("a", 2, 60.0) == Standing(2, 1, 60, exceeded=False)


def test_what_is_taken_back_was_never_counted() -> None:
    window = FixedWindow()
    window.charge("a", 1, 0.0)
    window.refund("a", 1.0)
    window.refund("a", 1.0)
    assert not window.charge("a", 1, 2.0).exceeded
    assert window.charge("a", 1, 2.0).exceeded


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 600)), max_size=200), st.integers(1, 5))
def test_nobody_gets_more_than_the_quota_in_one_window(asked: list[tuple[int, float]], quota: int) -> None:
    window = FixedWindow()
    allowed: dict[tuple[int, int], int] = {}
    for key, now in sorted(asked, key=lambda each: each[1]):
        standing = window.charge(str(key), quota, now)
        place = key, int(now // WINDOW_SECONDS)
        allowed[place] = allowed.get(place, 0) + (not standing.exceeded)
        assert allowed[place] <= quota
        assert standing.remaining == quota - allowed[place]
        assert 1 <= standing.seconds <= WINDOW_SECONDS


def test_a_million_addresses_take_no_more_memory_than_the_bound_and_share_one_count() -> None:
    window = FixedWindow(most_keys=100)
    refused = sum(window.charge(f"address {number}", 30, 1.0).exceeded for number in range(1_000_000))
    assert len(window._counts) <= 101
    assert refused == 1_000_000 - 100 - 30
    assert not window.charge("address 7", 30, 2.0).exceeded, "who came first is counted apart"


@pytest.mark.parametrize(
    ("address", "stands_for"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("2001:db8:1:3::", "2001:db8:1:3::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_an_address_of_ipv6_stands_for_its_network(address: str, stands_for: str) -> None:
    assert network(address) == stands_for
