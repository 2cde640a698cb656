"""Two legs of one call stay together, whatever one of them goes through."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from daemon.media.timeline import CALLEE, CALLER, Timeline
from tests.daemon.media.desk import Datagram, Desk
from tests.daemon.media.voices import PTIME, in_order, packet, shifts

START = 50_000.25
SECONDS = 150.0
PACKETS = round((SECONDS - 1) / PTIME)
STALLS, RETURNS, RESTARTS = 20.0, 23.0, 30.0
TOGETHER = 0.02


def spoken(number: int) -> float:
    """When packet `number` has been spoken: at the earliest it arrives then."""
    return START + (number + 1) * PTIME


def lost(number: int, delay: float) -> Datagram | None:
    """The network takes nothing for 3 s."""
    if STALLS <= number * PTIME < RETURNS:
        return None
    return packet(number, spoken(number) + delay, sequence=65_000, timestamp=1)


def held(number: int, delay: float) -> Datagram:
    """The network holds all that is sent for 3 s, and then gives it at once."""
    arrival = spoken(number) + delay
    if STALLS <= number * PTIME < RETURNS:
        arrival = START + RETURNS + number * 1e-5
    return packet(number, arrival, sequence=65_000, timestamp=1)


def not_counted(number: int, delay: float) -> Datagram | None:
    """The sender says nothing for 3 s, and its timestamps and numbers go on from where they were."""
    if STALLS <= number * PTIME < RETURNS:
        return None
    skipped = round((RETURNS - STALLS) / PTIME) if number * PTIME >= RETURNS else 0
    return packet(
        number, spoken(number) + delay, sequence=65_000 - skipped, timestamp=1 - skipped * 160, marker=False
    )


def restarted(number: int, delay: float) -> Datagram | None:
    """The sender begins anew at 30 s, with a second of nothing: another SSRC, and random numbers."""
    if number * PTIME < RESTARTS:
        return packet(number, spoken(number) + delay, sequence=4, timestamp=1 << 31)
    if number * PTIME < RESTARTS + 1:
        return None
    return packet(number, spoken(number) + delay, sequence=31_000, timestamp=0xFFFFF000, ssrc=1234)


@pytest.mark.parametrize("jitter", [0.005, 0.04])
@pytest.mark.parametrize("stalled", [lost, held, not_counted])
def test_after_a_stall_of_one_and_a_restart_of_the_other_both_sides_are_together(
    stalled: Callable[[int, float], Datagram | None], jitter: float
) -> None:
    numbers, wires = Random(5), {}
    for side, how in ((CALLER, stalled), (CALLEE, restarted)):
        sent = [how(number, numbers.uniform(0, jitter)) for number in range(PACKETS)]
        wires[side] = in_order(each for each in sent if each is not None)
    timeline = Timeline(8000, 2, START)
    desk = Desk(timeline, wires)
    heard = desk.recorded(SECONDS, 0.1)
    assert heard.shape == (SECONDS * 8000, 2)
    left, right = (shifts(heard[:, side], 0.0) for side in (CALLER, CALLEE))
    for away in (left, right):  # no sample before its time, none further behind it than its network's jitter
        assert np.nanmin(away) >= -0.005 - 1 / 8000
        assert np.nanmax(away) <= jitter + 1 / 8000
    end = slice(-16_000, -9_000)
    assert not np.isnan([left[end], right[end]]).any()
    assert np.abs(left[end] - right[end]).max() < TOGETHER
    assert desk.streams[CALLEE].ssrc_changes == 1
    # Where one of them was not heard there is silence, and the other one goes on.
    at = slice(round((STALLS + 0.1) * 8000), round((STALLS + 1.5) * 8000))
    assert np.isnan(left[at]).all()
    assert not np.isnan(right[at]).any()
