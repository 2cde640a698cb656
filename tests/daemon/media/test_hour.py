"""An hour of a call in virtual time: the sender's clock runs off, and each packet is delayed anew."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest

from daemon.media import rtp
from daemon.media.codecs import l16
from daemon.media.timeline import CALLER, Timeline
from tests.daemon.media.desk import L16, Datagram, Desk

START = 50_000.25
PACKETS = 180_000
SAMPLES = PACKETS * 160
CYCLE = 30_011
"""Sample n of the sender is n modulo this, plus one: it tells where it belongs, and is never silence."""
JITTER_SECONDS = 0.04

Delays = npt.NDArray[np.float64]


def uniform(numbers: np.random.Generator) -> Delays:
    return JITTER_SECONDS * numbers.random(PACKETS)


def like_gauss(numbers: np.random.Generator) -> Delays:
    """The mean of three: the least are seldom, as in a network they are not."""
    delays: Delays = numbers.random((PACKETS, 3)) @ np.full(3, JITTER_SECONDS / 3)
    return delays


def sent(faster: float, delays: Delays) -> Iterator[Datagram]:
    """Packet n's last sample is spoken at (n + 1) * 20 ms of a clock that is `faster` by so many ppm."""
    arrivals = START + (np.arange(PACKETS) + 1) * 0.02 / (1 + faster * 1e-6) + delays
    voice = l16(8000).encode((np.arange(CYCLE + 160) % CYCLE + 1).astype(np.int16))
    for number in np.argsort(arrivals).tolist():
        at = 2 * (number * 160 % CYCLE)
        yield (
            float(arrivals[number]),
            rtp.build(
                payload_type=L16,
                sequence=60_000 + number,
                timestamp=0xFFFF0000 + number * 160,
                ssrc=9,
                payload=voice[at : at + 320],
            ),
        )


@pytest.mark.parametrize("jitter", [uniform, like_gauss])
@pytest.mark.parametrize("faster", [200, -200])
def test_an_hour_is_as_long_as_it_was_and_moved_by_single_samples_only(
    faster: int, jitter: Callable[[np.random.Generator], Delays]
) -> None:
    delays = jitter(np.random.default_rng(1))
    timeline = Timeline(8000, 1, START)
    desk = Desk(timeline, {CALLER: sent(faster, delays)})
    clock = desk.streams[CALLER].clock
    total, spoken, told, slips = 0, -1, 0, 0
    shift = 0.0
    for block in desk.blocks(3601.0, 0.5):
        samples = block[:, 0].astype(np.int64)
        heard = np.flatnonzero(samples)
        if len(heard):
            # From each sample heard to the next: the sender's goes on by as many as ours, but for a slip.
            first, last = int(heard[0]), int(heard[-1]) + 1
            assert len(heard) == last - first  # no gap, and no click where one was corrected
            values = samples[first:last] - 1
            steps = np.diff(values, prepend=(spoken if spoken >= 0 else values[0] - 1) % CYCLE) % CYCLE
            assert steps.max() <= 2  # one sample left out; 0: one repeated
            slips += int(np.count_nonzero(steps != 1))
            spoken += int(steps.sum())
            # Sample `spoken` ended at this time of our clock, and stands here.
            place = (total + last) / 8000
            shift = place - (spoken + 1) / 8000 / (1 + faster * 1e-6)
            assert -0.02 < shift < JITTER_SECONDS + 0.02
        total += len(samples)
        if clock.drift.ppm is not None:
            told += 1
            assert clock.drift.ppm == pytest.approx(faster, abs=5)
    assert total == 3601 * 8000
    assert spoken == SAMPLES - 1
    # 0.72 s run off, less the band, and more for a first packet that was late itself.
    assert slips == pytest.approx(5760, abs=(0.005 + 2 * JITTER_SECONDS) * 8000)
    assert clock.anchored == 1
    # At the end it lies where the quickest packets say, those of 2 s or of longer, to the band of 5 ms.
    quickest = float(np.median(delays.reshape(-1, 100).min(axis=1)))
    assert delays.min() - 0.0055 < shift < quickest + 0.0055
    assert told > 3000 / 0.5
    counts = timeline.counts(CALLER)
    assert (counts.late, counts.early, counts.outside) == (0, 0, 0)
    assert counts.placed + counts.filled == total
