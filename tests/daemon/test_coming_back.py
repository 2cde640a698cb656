"""Legs that are lost and come back, that move to another switch, and two of different kinds in one call."""

import socket
import time
from pathlib import Path

import numpy as np
import pytest
import trio

from daemon.media import codecs, rtp
from daemon.media.codecs import PCMU, Samples
from tests.daemon.media import captures
from tests.daemon.recorded import download
from tests.daemon.running import Application, Daemon, both
from tests.daemon.speaker import Speaker
from tests.daemon.switches import (
    MOST_TRIES,
    PTIME_SECONDS,
    PUNCTUAL_SECONDS,
    TAKES_SECONDS,
    Way,
    audio_fork,
    audio_socket,
    audio_stream,
    chan_websocket,
    connect,
    media_stream,
)
from wavstream.process.cadence import SECONDS_BY_LOAD

pytestmark = pytest.mark.usefixtures("cheap_keys")

BEAT_SECONDS = dict(SECONDS_BY_LOAD)[12]
AWAY_SECONDS = 1.0
PLAIN, TWILIO = audio_stream(8000, 1), media_stream("inbound")
MOVES = (
    (PLAIN, PLAIN),
    (audio_fork("mono", "audio.drachtio.org"), audio_fork("mono", "audio.drachtio.org")),
    (chan_websocket("slin", codecs.slin(8000), in_json=False), chan_websocket("ulaw", PCMU, in_json=True)),
    (TWILIO, TWILIO),
    (audio_socket(8000), audio_socket(8000)),
    (PLAIN, TWILIO),
)
"""From one connection to another: the same switch again, or a transfer to one that speaks otherwise."""


def parts() -> tuple[Samples, Samples]:
    """Two pieces of speech, of 0.4 s each, that begin and end loud."""
    speech = captures.speech()
    loud = np.flatnonzero(np.abs(speech.astype(int)) > 1000)
    first = int(loud[0])
    second = int(loud[loud > first + 8000][0])
    return tuple(speech[at : at + 3200] for at in (first, second))  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def no_cooldown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.calls.cooldown.Cooldown.remaining", lambda *_args: 0.0)


async def speaking(
    daemon: Daemon, session: dict[str, object], way: Way, part: Samples, number: int
) -> Speaker:
    """One connection, that says its part and goes."""
    async with trio.open_nursery() as nursery:
        speaker = Speaker(connect(daemon, session, way), way)
        nursery.start_soon(speaker.run)
        await trio.sleep(0.4)
        speaker.say(part)
        await speaker.said.wait()
        await trio.sleep(0.1 * number)
        nursery.cancel_scope.cancel()
    return speaker


async def moving(daemon: Daemon, shop: Application, first: Way, second: Way) -> None:
    """A call, and another where a switch could not speak in time."""
    for _ in range(MOST_TRIES):
        if await moved(daemon, shop, first, second):
            return
    pytest.fail("this machine is too busy")


async def moved(daemon: Daemon, shop: Application, first: Way, second: Way) -> bool:
    session = await shop.created()
    uuid = session["session_uuid"]
    await shop.command(uuid, "record/start")
    await shop.recording(uuid, "recording")
    speakers = []
    for number, (way, part) in enumerate(zip((first, second), parts(), strict=True), 1):
        speakers.append(await speaking(daemon, session, way, part, number))
        gone = await shop.until(uuid, lambda view: not view["legs"][0]["connected"])
        assert gone["legs"][0]["connections"] == number
        await trio.sleep(AWAY_SECONDS / number)
    await shop.command(uuid, "record/stop")
    recorded = await download(await shop.recording(uuid, "completed"))
    if max(speaker.latest for speaker in speakers) > PUNCTUAL_SECONDS:
        return False
    rest = recorded.samples[:, 0].copy()
    for speaker, way, part in zip(speakers, (first, second), parts(), strict=True):
        said = way.codec.decode(way.codec.encode(part))
        at = recorded.place_of(0, said)
        slack = way.slack + BEAT_SECONDS
        assert speaker.began[0] - slack <= recorded.time_at(at) <= speaker.began[1] + slack
        rest[at : at + len(said)] = 0
    assert not rest.any()  # where nobody spoke, or was there, is silence
    return True


async def test_a_leg_lost_and_back_is_one_recording_with_silence_between(tmp_path: Path) -> None:
    with trio.fail_after(TAKES_SECONDS):
        async with (
            both(tmp_path, recording_channels="stereo") as (daemon, _),
            daemon.application() as shop,
            trio.open_nursery() as calls,
        ):
            for first, second in MOVES:
                calls.start_soon(moving, daemon, shop, first, second)


class Phone:
    """Sends RTP: silence, and what it is told to say."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._unsaid = b""
        self._next: bytes | None = None
        self.latest = 0.0
        self.began = 0.0
        """When its first sample was spoken (seconds since the epoch)."""

    def say(self, voice: Samples) -> None:
        """Say it, from the next 20 ms on."""
        self._next = PCMU.encode(voice)

    async def run(self) -> None:
        """Speak until cancelled."""
        epoch, began, number = time.time() - trio.current_time(), trio.current_time(), 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            while True:
                due = began + number * PTIME_SECONDS
                await trio.sleep_until(due)
                self.latest = max(self.latest, trio.current_time() - due)
                if self._next is not None:
                    self.began, self._unsaid, self._next = epoch + due - PTIME_SECONDS, self._next, None
                payload, self._unsaid = self._unsaid[:160].ljust(160, b"\xff"), self._unsaid[160:]
                packet = rtp.build(
                    payload_type=0, sequence=number, timestamp=number * 160, ssrc=9, payload=payload
                )
                phone.sendto(packet, self._address)
                number += 1


async def together(daemon: Daemon, shop: Application, way: Way) -> None:
    """A caller by RTP, and a callee by another way."""
    for _ in range(MOST_TRIES):
        if await stayed_together(daemon, shop, way):
            return
    pytest.fail("this machine is too busy")


async def stayed_together(daemon: Daemon, shop: Application, way: Way) -> bool:
    session = await shop.created(legs=2)
    uuid = session["session_uuid"]
    address = session["media"]["rtp"][0]
    caller_part, callee_part = parts()
    async with trio.open_nursery() as nursery:
        caller = Phone((address["host"], address["port"]))
        callee = Speaker(connect(daemon, session, way, leg=1), way)
        nursery.start_soon(caller.run)
        nursery.start_soon(callee.run)
        await shop.until(uuid, lambda view: all(leg["state"] == "active" for leg in view["legs"]))
        await shop.command(uuid, "record/start")
        await shop.recording(uuid, "recording")
        await trio.sleep(0.4)
        caller.say(caller_part)
        callee.say(callee_part)
        await callee.said.wait()
        await trio.sleep(0.4)
        await shop.command(uuid, "record/stop")
        recorded = await download(await shop.recording(uuid, "completed"))
        corrected = (await shop.show(uuid))["legs"][1]["corrected"]
        nursery.cancel_scope.cancel()
    if max(caller.latest, callee.latest) > PUNCTUAL_SECONDS or corrected:
        return False
    left = recorded.time_of(0, PCMU.decode(PCMU.encode(caller_part)))
    right = recorded.time_of(1, way.codec.decode(way.codec.encode(callee_part)))
    apart = (right - callee.began[0]) - (left - caller.began)
    assert abs(apart) <= PTIME_SECONDS + way.slack
    return True


async def test_two_legs_of_different_kinds_stay_together(tmp_path: Path) -> None:
    with trio.fail_after(TAKES_SECONDS):
        async with (
            both(tmp_path, recording_channels="stereo") as (daemon, _),
            daemon.application() as shop,
            trio.open_nursery() as calls,
        ):
            for way in (PLAIN, TWILIO, audio_socket(8000)):
                calls.start_soon(together, daemon, shop, way)
