"""The silence generator: into the recording where nobody spoke, and to the far end while it is recorded."""

from collections.abc import Sequence

import trio

from daemon.legs.leg import Leg
from daemon.media.timeline import Block, Timeline
from wavstream.process.cadence import Cadence


async def generate(
    *, legs: Sequence[Leg], timeline: Timeline, blocks: trio.MemorySendChannel[Block], cadence: Cadence
) -> None:
    """At each beat take in what the legs have, close the timeline's gaps, send silence to each far end.

    Returns when the timeline is complete: everything spoken before its end has then been handed to `blocks`.
    """
    with blocks:
        while not timeline.complete:
            await cadence.beat()
            now = trio.current_time()
            for leg in legs:
                leg.poll()
                leg.send_silence(now)
            behind = True
            while behind:
                block = timeline.advance(now)
                behind = len(block) == timeline.longest
                if len(block):
                    await _hand_over(block, blocks)


async def _hand_over(block: Block, blocks: trio.MemorySendChannel[Block]) -> None:
    try:
        blocks.send_nowait(
            block
        )  # without the pass through the scheduler that `send` takes even when there is room
    except trio.WouldBlock:
        await blocks.send(block)  # the forwarder waits for nobody, so this is over within its next turn
