"""Whoever harms a leg harms his own call alone: another one is recorded exactly all the while."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import repeat
from pathlib import Path

import pytest
import trio

from daemon.media import audiosocket
from tests.daemon.running import BOUND_SECONDS, Application, Daemon, both, running
from tests.daemon.switches import Way, audio_socket, audio_stream, connect, media_stream
from tests.daemon.test_switches import call
from tests.wavstream import clients

pytestmark = pytest.mark.usefixtures("cheap_keys")

BURST_BYTES = 16_384
STEP_SECONDS = 0.02

Malice = Callable[[], Iterator[bytes]]
"""What is sent, piece by piece, STEP_SECONDS from each other."""


def garbage() -> Iterator[bytes]:
    return repeat(bytes(range(256)) * 4)


def empty_messages() -> Iterator[bytes]:
    """Each a frame of its own, and nothing in it."""
    return repeat(clients.audio(b"") * (BURST_BYTES // 6))


def empty_texts() -> Iterator[bytes]:
    return repeat(clients.text("") * (BURST_BYTES // 6))


def pings() -> Iterator[bytes]:
    """Each of which wants an answer, that nobody reads."""
    return repeat(clients.frame(9, b"") * (BURST_BYTES // 6))


def huge_message() -> Iterator[bytes]:
    """A mebibyte that never ends."""
    yield clients.frame(2, bytes(1 << 20))[:14]
    yield from repeat(bytes(BURST_BYTES))


def slow_message() -> Iterator[bytes]:
    """One byte after the other."""
    return (bytes([byte]) for byte in clients.audio(bytes(3000)))


def deep_text() -> Iterator[bytes]:
    return repeat(clients.text("[" * 60_000))


def empty_frames() -> Iterator[bytes]:
    return repeat(audiosocket.build(audiosocket.AUDIO) * (BURST_BYTES // 3))


def slow_frames() -> Iterator[bytes]:
    return (bytes([byte]) for byte in audiosocket.build(audiosocket.AUDIO, bytes(3000)))


PLAIN, TWILIO, SOCKET = audio_stream(8000, 1), media_stream("inbound"), audio_socket(8000)
FLOODS = ((PLAIN, empty_messages), (TWILIO, empty_texts), (PLAIN, pings), (SOCKET, empty_frames))
OTHERS = (
    (PLAIN, garbage),
    (PLAIN, huge_message),
    (PLAIN, slow_message),
    (TWILIO, deep_text),
    (SOCKET, garbage),
    (SOCKET, slow_frames),
)
ENDS = (
    (PLAIN, garbage),
    (PLAIN, huge_message),
    (PLAIN, empty_messages),
    (PLAIN, pings),
    (SOCKET, empty_frames),
    (SOCKET, garbage),
)


async def harm(switch: socket.socket, malice: Malice) -> None:
    """Send it for as long as it is taken, until cancelled."""
    with switch:
        for piece in malice():
            with suppress(BlockingIOError):
                try:
                    switch.send(piece)
                except OSError as refused:
                    if not isinstance(refused, BlockingIOError):
                        return
            await trio.sleep(STEP_SECONDS)


async def hostile(daemon: Daemon, shop: Application, way: Way, malice: Malice, there: trio.Event) -> None:
    """A call whose switch does nothing but harm, until cancelled."""
    session = await shop.created()
    switch = connect(daemon, session, way)
    await shop.until(session["session_uuid"], lambda view: view["legs"][0]["connections"] == 1)
    there.set()
    try:
        await harm(switch, malice)
        await trio.sleep_forever()
    finally:
        switch.close()


@pytest.mark.parametrize("malices", [FLOODS, OTHERS], ids=["floods", "others"])
async def test_hostile_legs_cost_their_own_calls_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, malices: Sequence[tuple[Way, Malice]]
) -> None:
    monkeypatch.setattr("daemon.calls.cooldown.Cooldown.remaining", lambda *_args: 0.0)
    with trio.fail_after(BOUND_SECONDS):
        async with (
            both(tmp_path, recording_channels="stereo") as (daemon, _),
            daemon.application() as shop,
            trio.open_nursery() as nursery,
        ):
            for way, malice in malices:
                there = trio.Event()
                nursery.start_soon(hostile, daemon, shop, way, malice, there)
                await there.wait()
            async with trio.open_nursery() as calls:
                for way in (audio_socket(8000), media_stream("inbound"), audio_stream(8000, 1)):
                    calls.start_soon(call, daemon, shop, way, trio.Event())
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("way", "malice"), ENDS, ids=lambda value: getattr(value, "__name__", ""))
async def test_a_leg_that_was_harmed_may_be_gone_on_with(tmp_path: Path, way: Way, malice: Malice) -> None:
    """What cannot be understood ends its connection; the call waits for the next one."""
    async with running(tmp_path) as daemon, daemon.application() as shop, trio.open_nursery() as nursery:
        session = await shop.created()
        nursery.start_soon(harm, connect(daemon, session, way), malice)
        await shop.until(
            session["session_uuid"],
            lambda view: view["legs"][0]["connections"] == 1 and not view["legs"][0]["connected"],
        )
        nursery.cancel_scope.cancel()
        with connect(daemon, session, way):
            await shop.until(session["session_uuid"], lambda view: view["legs"][0]["connections"] == 2)
