"""Attacks on wavstream's audio input."""

import secrets

import trio

from benchmarks.attack.http import PIECE, head
from benchmarks.attack.wire import READ_BYTES, Tally, connected, drained, somewhere
from wavstream.process.settings import Address
from wavstream.protocol import PATH, SUBPROTOCOL

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": SUBPROTOCOL,
}
HUGE_FRAME = b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"mask"


async def slow_upgrade(target: Address, tally: Tally) -> None:
    """An upgrade request of a byte a second."""
    async with connected(target, somewhere()) as stream, trio.open_nursery() as nursery:

        async def listen() -> None:
            await drained(stream)
            tally.note("slow upgrades", "cut")
            nursery.cancel_scope.cancel()

        nursery.start_soon(listen)
        for byte in head("GET", PATH, UPGRADE):
            await stream.send_all(bytes([byte]))
            await trio.sleep(1)


async def unknown_token(target: Address, tally: Tally) -> None:
    """Token after token."""
    async with connected(target, somewhere()) as stream:
        await stream.send_all(head("GET", f"{PATH}?token={secrets.token_hex(16)}", UPGRADE))
        tally.answers("unknown tokens", bytes(await stream.receive_some(READ_BYTES)))


async def huge_frame(target: Address, tally: Tally, token: str) -> None:
    """Let in, and then a message of a terabyte."""
    async with connected(target, somewhere()) as stream:
        await stream.send_all(head("GET", f"{PATH}?token={token}", UPGRADE))
        tally.answers("huge frames", bytes(await stream.receive_some(READ_BYTES)))
        try:
            await stream.send_all(HUGE_FRAME)
            while True:
                await stream.send_all(PIECE)
                tally.note("huge frames", "bytes taken", len(PIECE))
        except trio.BrokenResourceError:
            tally.note("huge frames", "cut")


async def huge_request(target: Address, tally: Tally) -> None:
    """An upgrade request without an end."""
    async with connected(target, somewhere()) as stream:
        await stream.send_all(head("GET", PATH, UPGRADE)[:-2])
        try:
            while True:
                await stream.send_all(b"X-Field: " + b"y" * 4096 + b"\r\n")
        except trio.BrokenResourceError:
            tally.note("huge upgrade requests", "cut")
