"""The jitter allowance: as long as the network needs, no longer, and never taken back."""

from random import Random

import numpy as np
import pytest

from daemon.media.allowance import BEGINS_SECONDS, LEAST_SECONDS, MOST_SECONDS, SHRINKING, Allowance
from daemon.media.timeline import CALLER, STALL_SECONDS, Timeline
from tests.daemon.media.desk import Datagram, Desk
from tests.daemon.media.voices import PTIME, in_order, packet, shifts

START = 50_000.25
BEAT = 0.125


def test_it_grows_at_once_beyond_what_was_needed_and_shrinks_slowly() -> None:
    allowance = Allowance()
    allowance.passed(100.0, speaking=True)
    allowance.needed(0.4)
    grown = allowance.seconds
    assert 0.4 < grown < 0.7
    allowance.needed(0.2)
    assert allowance.seconds == grown
    allowance.passed(101.0, speaking=True)
    assert allowance.seconds == pytest.approx(grown - SHRINKING)
    allowance.passed(201.0, speaking=False)
    assert allowance.seconds == pytest.approx(grown - SHRINKING)
    allowance.needed(grown)
    assert allowance.seconds > grown


def test_it_stays_within_its_bounds() -> None:
    allowance = Allowance()
    assert allowance.seconds == BEGINS_SECONDS
    allowance.needed(MOST_SECONDS)
    assert allowance.seconds == MOST_SECONDS
    allowance.passed(0.0, speaking=True)
    allowance.passed(3600.0, speaking=True)
    assert allowance.seconds == LEAST_SECONDS
    allowance.needed(MOST_SECONDS + 0.001)  # a stall: nothing would have found it
    assert allowance.seconds == LEAST_SECONDS


def test_a_fixed_one_stays_as_it_is() -> None:
    allowance = Allowance(0.125)
    allowance.needed(0.5)
    allowance.passed(0.0, speaking=True)
    allowance.passed(100.0, speaking=True)
    assert allowance.seconds == 0.125


def call(seconds: float, jitter: float, *, worse_from: float = 0.0, seed: int = 1) -> list[Datagram]:
    """Packets on a network that holds each up by up to `jitter` s from some time on, the first not at all."""
    numbers, wire = Random(seed), []
    for number in range(round(seconds / PTIME)):
        delay = numbers.uniform(0, jitter) if number and number * PTIME >= worse_from else 0.0
        wire.append(packet(number, START + (number + 1) * PTIME + delay, sequence=7))
    return in_order(wire)


def late_by(desk: Desk, seconds: float) -> list[int]:
    """Samples that came too late, in all, after each second of a call."""
    late = []
    for second in range(round(seconds)):
        for beat in range(8):
            list(desk.beat(START + second + (beat + 1) * BEAT))
        late.append(desk.timeline.counts(CALLER).late)
    return late


@pytest.mark.parametrize("worse_from", [0.0, 40.0])
def test_a_sender_with_400_ms_of_jitter_loses_only_what_came_before_it_had_adapted(worse_from: float) -> None:
    desk = Desk(Timeline(8000, 1, START), {CALLER: call(200, 0.4, worse_from=worse_from)})
    late = late_by(desk, 200)
    adapted = round(worse_from) + 3
    assert late[-1] == late[adapted]  # in three minutes no sample more
    assert late[adapted] < 1.5 * 8000
    assert 0.4 < desk.timeline.allowance < 0.65


def test_a_calm_sender_is_heard_a_tenth_of_a_second_and_a_beat_later() -> None:
    desk = Desk(Timeline(8000, 1, START), {CALLER: call(30, 0.02)})
    assert late_by(desk, 30) == [0] * 30
    assert desk.timeline.allowance == LEAST_SECONDS
    assert desk.timeline.closed == (30 - LEAST_SECONDS) * 8000


def test_a_sender_that_stalls_in_order_needs_none_of_it() -> None:
    """The timeline waits where it broke off, whatever the allowance."""
    wire = call(20, 0.0)
    held = [(max(arrival, START + 12.8) if arrival > START + 12 else arrival, data) for arrival, data in wire]
    desk = Desk(Timeline(8000, 1, START), {CALLER: held})
    assert late_by(desk, 20) == [0] * 20
    assert desk.timeline.allowance == LEAST_SECONDS
    assert STALL_SECONDS > 0.8


def test_growing_takes_nothing_back_and_everything_stays_in_its_place() -> None:
    desk = Desk(Timeline(8000, 1, START), {CALLER: call(60, 0.3, worse_from=20.0)})
    blocks, closed = [], 0
    for beat in range(500):
        for block in desk.beat(START + beat * BEAT):
            blocks.append(block)
            closed += len(block)
            assert desk.timeline.closed == closed
    away = shifts(np.concatenate(blocks)[: 60 * 8000, 0], 0.0)
    assert np.nanmax(np.abs(away)) == 0
    lost = np.count_nonzero(np.isnan(away[: round(59.9 * 8000)]))
    assert lost == desk.timeline.counts(CALLER).late
