"""AudioSocket's audio in a recording, in virtual time: a clock that runs off, a network that hesitates."""

import tracemalloc
from bisect import bisect
from random import Random
from uuid import UUID

import numpy as np
import pytest

from daemon.legs.tracks import Tracks
from daemon.media.allowance import LEAST_SECONDS
from daemon.media.audiosocket import AUDIO, IDENTITY, Parser, build
from daemon.media.audiosocketstream import AudioSocketStream
from daemon.media.orderclock import SLACK_SECONDS
from daemon.media.timeline import CALLER, Timeline
from tests.daemon.media.voices import CYCLE

START = 70_000.0
VOICE = (np.arange(CYCLE + 160) % CYCLE + 1).astype("<i2").tobytes()


def frame(number: int) -> bytes:
    at = 2 * (number * 160 % CYCLE)
    return build(AUDIO, VOICE[at : at + 320])


@pytest.mark.parametrize("beat", [0.1, 0.5])
@pytest.mark.parametrize("faster", [300, -300])
def test_a_clock_that_runs_off_is_followed_without_a_gap_and_nothing_comes_too_late(
    beat: float, faster: int
) -> None:
    numbers, seconds = Random(2), 900
    arrivals = [
        START + (n + 1) * 0.02 / (1 + faster * 1e-6) + numbers.uniform(0, 0.03) for n in range(seconds * 50)
    ]
    arrivals.sort()  # a connection keeps the order
    stream, tracks, timeline = AudioSocketStream(), Tracks(CALLER), Timeline(8000, 1, START)
    parser = Parser()
    parser.feed(build(IDENTITY, UUID(int=5).bytes))
    next(parser.frames())
    stream.begin(parser)
    tracks.attach(timeline, rate=8000, drained=START)
    blocks, taken = [], 0
    drained = START
    for number in range(1, round(seconds / beat)):
        now = START + number * beat
        came = bisect(arrivals, now)
        stream.receive(b"".join(map(frame, range(taken, came))), now)
        taken = came
        stream.look(now, whole=True)
        drained = drained if stream.waiting else now
        tracks.take(stream.heard(), now=now, drained=drained)
        blocks.append(timeline.advance(now))
    assert timeline.allowance == LEAST_SECONDS
    counts = timeline.counts(CALLER)
    assert (counts.late, counts.duplicate, counts.early) == (0, 0, 0)
    heard = np.concatenate(blocks)[:, 0].astype(np.int64)
    first = int(np.flatnonzero(heard)[0])
    steps = np.diff(heard[first:] - 1) % CYCLE
    assert heard[first:].all()  # no gap, also where it was corrected
    assert set(np.unique(steps)) == {1, 0 if faster < 0 else 2}  # a sample that stands twice, or is left out
    spoken = heard[first] + int(steps.sum())
    assert len(heard) / 8000 == pytest.approx(spoken / 8000 / (1 + faster * 1e-6), abs=SLACK_SECONDS + 0.02)
    assert stream.anchored == 1


def test_frames_without_a_sample_leave_nothing_behind() -> None:
    stream, parser = AudioSocketStream(), Parser()
    stream.begin(parser)
    tracemalloc.start()
    try:
        for number in range(50):
            stream.receive(build(AUDIO) * 5000, START + number / 10)
            stream.look(START + number / 10, whole=False)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000
    assert not stream.waiting
    assert stream.heard() == []
