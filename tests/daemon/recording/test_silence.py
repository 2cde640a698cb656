from typing import Any

import numpy as np
import trio
from trio.testing import MockClock

from daemon.legs.leg import CALLER, Side
from daemon.media.quality import Received
from daemon.media.timeline import Block, Timeline
from daemon.recording.silence import generate
from wavstream.process.cadence import Cadence


def slow_cadence() -> Cadence:
    """Beats of 0.5 s: exact in binary."""
    cadence = Cadence()
    cadence.load = 1000
    return cadence


class Listener:
    """A leg that notes when it is polled and sent silence."""

    side: Side = CALLER
    rate = 8000
    last_heard = 0.0
    received = Received()

    def __init__(self) -> None:
        self.polled: list[float] = []
        self.silence: list[float] = []

    def attach(self, timeline: Timeline) -> None: ...

    def detach(self, timeline: Timeline) -> None: ...

    def poll(self) -> None:
        self.polled.append(trio.current_time())

    def send_silence(self, now: float) -> None:
        self.silence.append(now)

    def view(self) -> dict[str, Any]:
        return {}


async def test_each_beat_polls_every_leg_sends_silence_and_closes_the_gaps(autojump_clock: MockClock) -> None:
    cadence, legs = slow_cadence(), [Listener(), Listener()]
    timeline = Timeline(8000, 1, trio.current_time())
    timeline.end(timeline.start + 1)
    finished, blocks = trio.open_memory_channel[Block](100)
    async with trio.open_nursery() as nursery:
        await nursery.start(cadence.run)
        await generate(legs=legs, timeline=timeline, blocks=finished, cadence=cadence)
        nursery.cancel_scope.cancel()
    heard = np.concatenate([block async for block in blocks])
    assert heard.shape == (8000, 1)
    # 1 s and the allowance of 0.25 s after the start all is closed: at the third beat.
    for leg in legs:
        assert leg.polled == leg.silence == [0.5, 1.0, 1.5]


async def test_after_a_long_sleep_all_that_was_missed_follows_in_blocks_and_waits_for_room(
    autojump_clock: MockClock,
) -> None:
    cadence = slow_cadence()
    timeline = Timeline(8000, 1, trio.current_time() - 23)  # 23 s ago: five blocks of 5 s at most
    timeline.end(trio.current_time())
    finished, blocks = trio.open_memory_channel[Block](1)
    lengths = []
    async with trio.open_nursery() as nursery:
        await nursery.start(cadence.run)

        async def make() -> None:
            await generate(legs=[], timeline=timeline, blocks=finished, cadence=cadence)

        nursery.start_soon(make)
        await trio.testing.wait_all_tasks_blocked()
        async for block in blocks:
            lengths.append(len(block))
            await trio.sleep(0.03)  # slower than the maker
        nursery.cancel_scope.cancel()
    assert sum(lengths) == 23 * 8000
    assert max(lengths) == 5 * 8000
