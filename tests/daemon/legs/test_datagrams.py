import pytest

from daemon.legs.datagrams import STAMP, arrival

STAMPED = [(1, 35, STAMP.pack(5, 250_000_000))]


def test_an_arrival_is_the_kernel_s_stamp_by_our_own_clock() -> None:
    # Stamped at 5.25 s of the wall clock, which is 1,000 s behind ours.
    assert arrival(STAMPED, 1000.0, 1005.0, 1006.0) == pytest.approx(1005.25)


@pytest.mark.parametrize(
    ("ancillary", "from_real"),
    [
        ([], 1000.0),
        (STAMPED, 1001.0),  # later than it was read: the wall clock was set back
        (STAMPED, 999.0),  # before the read that found nothing: it was set on
    ],
)
def test_without_a_stamp_that_can_be_right_the_time_of_reading_stands(
    ancillary: list[tuple[int, int, bytes]], from_real: float
) -> None:
    assert arrival(ancillary, from_real, 1005.0, 1006.0) == 1006.0
