import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media.reception import Reception, Standing, Verdict


def receive(reception: Reception, sequences: list[int]) -> list[Verdict]:
    """Packets of 20 ms, each arriving when it should."""
    return [
        reception.arrived(sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, sequence * 0.02)
        for sequence in sequences
    ]


def test_an_undisturbed_stream_loses_nothing_across_the_wrap_of_its_numbers() -> None:
    reception = Reception(8000)
    assert set(receive(reception, list(range(65500, 65600)))) == {Verdict.FRESH}
    assert (reception.packets, reception.lost, reception.duplicates, reception.reordered) == (100, 0, 0, 0)
    assert reception.jitter == pytest.approx(0, abs=1e-6)


def test_before_the_first_packet_nothing_is_lost() -> None:
    assert Reception(8000).lost == 0


def test_missing_packets_are_lost_until_they_come() -> None:
    reception = Reception(8000)
    receive(reception, [10, 11, 15])
    assert reception.lost == 3
    assert receive(reception, [12]) == [Verdict.FRESH]
    assert (reception.lost, reception.reordered) == (2, 1)


def test_a_packet_before_the_first_one_was_overtaken() -> None:
    reception = Reception(8000)
    assert receive(reception, [0, -1, 1]) == [Verdict.FRESH] * 3
    assert (reception.packets, reception.lost, reception.reordered) == (3, 0, 1)


def test_a_packet_that_comes_again_is_a_duplicate_however_it_came_before() -> None:
    reception = Reception(8000)
    verdicts = receive(reception, [1, 1, 3, 2, 2, 3])
    assert verdicts == [
        Verdict.FRESH,
        Verdict.DUPLICATE,
        Verdict.FRESH,
        Verdict.FRESH,
        Verdict.DUPLICATE,
        Verdict.DUPLICATE,
    ]
    assert (reception.packets, reception.duplicates, reception.reordered, reception.lost) == (3, 3, 1, 0)


def test_after_a_gap_beyond_all_memory_old_numbers_are_not_taken_for_duplicates() -> None:
    reception = Reception(8000)
    receive(reception, [0, 200])
    assert receive(reception, [150]) == [Verdict.FRESH]


def test_one_packet_out_of_all_order_is_a_stray_and_a_second_one_a_new_beginning() -> None:
    reception = Reception(8000)
    receive(reception, [100, 101])
    assert receive(reception, [40000]) == [Verdict.STRAY]
    assert receive(reception, [102]) == [Verdict.FRESH]
    assert receive(reception, [50000, 50001, 50002]) == [Verdict.STRAY, Verdict.RESTARTED, Verdict.FRESH]
    assert (reception.packets, reception.strays, reception.lost) == (5, 2, 0)


def test_what_one_stream_lost_stays_counted_when_the_next_begins() -> None:
    reception = Reception(8000)
    receive(reception, [1, 3])
    reception.begin(16000)
    receive(reception, [900, 903])
    assert (reception.packets, reception.lost) == (4, 3)


def test_jitter_follows_rfc_3550() -> None:
    reception = Reception(8000)
    reception.arrived(1, 0, 0.0)
    reception.arrived(2, 160, 0.036)  # 16 ms late: J = 16 ms / 16
    assert reception.jitter == pytest.approx(0.001)
    reception.arrived(3, 320, 0.056)  # as late as the one before: J = J - J / 16
    assert reception.jitter == pytest.approx(0.001 * 15 / 16)


def test_jitter_ignores_a_jump_of_the_sender_s_clock() -> None:
    reception = Reception(8000)
    reception.arrived(1, 0, 0.0)
    reception.arrived(2, 1 << 31, 0.02)
    reception.arrived(3, (1 << 31) + 160, 0.04)
    assert reception.jitter == pytest.approx(0, abs=1e-6)


@given(st.permutations(range(30)), st.lists(st.integers(0, 29), max_size=20), st.integers(0, 0xFFFF))
def test_in_any_order_each_packet_is_fresh_once(order: list[int], again: list[int], first: int) -> None:
    reception = Reception(8000)
    verdicts = receive(reception, [first + step for step in [*order, *again]])
    assert verdicts.count(Verdict.FRESH) == 30
    assert verdicts.count(Verdict.DUPLICATE) == len(again)
    assert (reception.packets, reception.lost, reception.duplicates) == (30, 0, len(again))


def test_a_stream_s_standing_is_its_own_and_what_came_twice_was_received() -> None:
    reception = Reception(8000)
    receive(reception, [65_534, 65_535, 65_536, 65_536, 65_539])
    # 65,534 to 65,539 are six, of which four came, one of them twice.
    assert reception.standing == Standing(stream=0, expected=6, received=5, highest=65_539, jitter=0)
    reception.begin(8000)
    assert reception.standing == Standing(stream=1, expected=0, received=0, highest=65_539, jitter=0)
    receive(reception, [7, 7])
    assert reception.standing == Standing(stream=1, expected=1, received=2, highest=7, jitter=0)


def test_at_another_clock_rate_the_same_stream_goes_on() -> None:
    reception = Reception(8000)
    reception.arrived(1, 0, 0.0)
    reception.arrived(2, 160, 0.036)
    reception.change(16000)
    assert reception.jitter == pytest.approx(0.001)
    assert reception.standing.jitter == 16  # of 16 kHz
    reception.arrived(4, 480, 0.056)
    assert (reception.lost, reception.standing.expected) == (1, 4)
