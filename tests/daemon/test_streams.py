"""Bodies that nobody wants to the end."""

from collections.abc import AsyncIterator

import trio

from daemon.streams import abandon


async def nested(ended: list[str], depth: int) -> AsyncIterator[bytes]:
    """Generators that lie one in another, as httpx's do; the innermost gives two blocks, and then waits."""
    try:
        if depth:
            async for block in nested(ended, depth - 1):
                yield block
            return
        yield b"one"
        yield b"two"
        await trio.sleep_forever()
    finally:
        ended.append(f"depth {depth}")


async def test_all_generators_of_an_abandoned_body_end_the_innermost_first() -> None:
    ended: list[str] = []
    body = nested(ended, 2)
    assert await anext(body) == b"one"
    await abandon(body)
    assert ended == ["depth 0", "depth 1", "depth 2"]


async def test_a_body_that_has_ended_is_left_alone() -> None:
    ended: list[str] = []
    body = nested(ended, 1)
    await abandon(body)
    await abandon(body)
    assert ended == ["depth 0", "depth 1"]
