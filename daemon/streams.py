"""Bodies of HTTP answers that nobody wants to the end."""

from collections.abc import AsyncIterator

import trio


async def abandon(blocks: AsyncIterator[bytes]) -> None:
    """End what `blocks` is made of; does nothing where it has ended.

    httpx reads through generators that lie one in another, and to close the outer one would leave the inner
    ones to the garbage collector. An exception ends them all: so they are asked for more in a scope that is
    cancelled. What had been read already may still come, and is dropped.
    """
    with trio.CancelScope() as scope:
        scope.cancel()
        async for _ in blocks:
            pass
