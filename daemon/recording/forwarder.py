"""The audio forwarder: finished blocks become the recording's bytes. It never waits for the network."""

from collections.abc import Callable

import trio

from daemon.media.codecs import Codec
from daemon.media.timeline import Block
from daemon.recording.window import ReplayWindow


async def forward(
    *,
    blocks: trio.MemoryReceiveChannel[Block],
    codec: Codec,
    window: ReplayWindow,
    news: Callable[[], None],
) -> None:
    """Encode each block, keep it in the window, and tell the sender by `news`. After the last, close it."""
    async with blocks:
        async for block in blocks:
            window.append(codec.encode(block.reshape(-1)))
            news()
    window.close()
    news()
