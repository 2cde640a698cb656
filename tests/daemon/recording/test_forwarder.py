import numpy as np
import trio

from daemon.media import codecs
from daemon.media.timeline import Block
from daemon.recording.forwarder import forward
from daemon.recording.window import ReplayWindow


async def test_blocks_become_bytes_in_order_frame_by_frame_and_the_end_closes_the_window() -> None:
    finished, blocks = trio.open_memory_channel[Block](10)
    window = ReplayWindow(capacity=100, silent_byte=0)
    told: list[tuple[int, bool]] = []
    finished.send_nowait(np.array([[1, 2], [3, 4]], np.int16))
    finished.send_nowait(np.array([[5, 6]], np.int16))
    finished.close()
    await forward(
        blocks=blocks,
        codec=codecs.in_file("pcm16", 8000),
        window=window,
        news=lambda: told.append((window.end, window.closed)),
    )
    assert window.take(100) == b"\1\0\2\0\3\0\4\0\5\0\6\0"  # left, right, left, right
    assert told == [(8, False), (12, False), (12, True)]
