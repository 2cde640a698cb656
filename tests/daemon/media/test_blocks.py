"""A sender of blocks: it sends all that it reads at once, when the first sample of that is due."""

from itertools import pairwise

import pytest

from daemon.media.senderclock import SenderClock

RATE = 8000
PACKET = 160


def places(block: int, *, seconds: int, ppm: float = 0.0) -> list[int]:
    """Of the packets of so many seconds, in blocks of `block` samples; its clock is faster by `ppm`."""
    clock, sent = SenderClock(RATE), 0
    found: list[int] = []
    while sent < seconds * RATE:
        due = sent // block * block / RATE / (1 + ppm * 1e-6)
        samples = min(PACKET, block - sent % block)
        found.append(
            clock.place(
                sequence=len(found) & 0xFFFF,
                timestamp=sent & 0xFFFFFFFF,
                samples=samples,
                arrival=1000.0 + due + sent % block / PACKET * 5e-5,
            )
        )
        sent += samples
    assert clock.anchored == 1
    return found


@pytest.mark.parametrize("block", [1024, 2048, 4096])
def test_the_last_of_a_block_are_early_and_nothing_moves(block: int) -> None:
    found = places(block, seconds=300)
    assert found[-1] - found[0] == (len(found) - 1) // -(-block // PACKET) * block + _within(
        len(found) - 1, block
    )
    assert all(0 < after - before <= PACKET for before, after in pairwise(found))


@pytest.mark.parametrize("ppm", [-200, 200])
def test_the_clock_of_a_sender_of_blocks_is_followed(ppm: int) -> None:
    found = places(2048, seconds=1200, ppm=ppm)
    spoken = (len(found) - 1) // 13 * 2048 + _within(len(found) - 1, 2048)
    run_off = found[-1] - found[0] - spoken / (1 + ppm * 1e-6)
    assert abs(run_off) < 0.02 * RATE


def _within(packets: int, block: int) -> int:
    """Samples of a block before the packet that is the n-th of all."""
    return packets % -(-block // PACKET) * PACKET
