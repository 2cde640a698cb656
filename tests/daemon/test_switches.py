"""The same speech through every dialect, on real sockets, at its own pace, through both programs."""

from pathlib import Path

import numpy as np
import pytest
import soxr
import trio

from daemon.media.audiosocket import Parser
from daemon.media.codecs import Codec, Samples
from tests.daemon.media import captures
from tests.daemon.recorded import Recorded, download
from tests.daemon.running import Application, Daemon, both
from tests.daemon.speaker import Speaker
from tests.daemon.switches import MOST_TRIES, PUNCTUAL_SECONDS, TAKES_SECONDS, WAYS, Way, connect
from tests.wavstream.clients import frames
from wavstream.process.cadence import SECONDS_BY_LOAD

pytestmark = pytest.mark.usefixtures("cheap_keys")

SPOKEN_SECONDS = 2
BEAT_SECONDS = dict(SECONDS_BY_LOAD)[24]
"""With more than a dozen calls and less than two."""


def voices_of(way: Way) -> list[Samples]:
    """Speech, and the same backwards for who brings the other side as well."""
    speech = captures.speech()[: SPOKEN_SECONDS * 8000]
    if way.codec.rate != 8000:
        speech = soxr.resample(speech, 8000, way.codec.rate).astype(np.int16)
    return [speech, speech[::-1]][: way.voices]


def after(codec: Codec, voice: Samples) -> Samples:
    """What is left of it after the codec's own loss, without its frame of silence's own value."""
    return codec.decode(codec.encode(voice))


async def call(daemon: Daemon, shop: Application, way: Way, recorded: trio.Event) -> None:
    """A call, and another where the switch could not speak in time. `recorded` is set once one is."""
    for _ in range(MOST_TRIES):
        if await punctual(daemon, shop, way, recorded):
            return
    pytest.fail("this machine is too busy")


async def punctual(daemon: Daemon, shop: Application, way: Way, recorded: trio.Event) -> bool:
    """One call: silence, speech, silence; its recording is judged where the switch has spoken in time."""
    session = await shop.created()
    uuid = session["session_uuid"]
    voices = voices_of(way)
    async with trio.open_nursery() as nursery:
        speaker = Speaker(connect(daemon, session, way), way)
        nursery.start_soon(speaker.run)
        await shop.until(uuid, lambda view: view["state"] == "active")
        assert (await shop.command(uuid, "record/start")).status_code == 202
        await shop.recording(uuid, "recording")
        recorded.set()
        await trio.sleep(0.3)
        speaker.say(*voices)
        await speaker.said.wait()
        await trio.sleep(0.5)  # what is spoken last has to be heard before the stop
        await shop.command(uuid, "record/stop")
        recording = await shop.recording(uuid, "completed")
        back = speaker.heard()
        leg = (await shop.show(uuid))["legs"][0]
        nursery.cancel_scope.cancel()
    if speaker.latest > PUNCTUAL_SECONDS:
        return False
    file = await download(recording)
    assert file.rate == way.codec.rate
    judge(way, file, speaker.began, leg["corrected"])
    assert returned(way, back)
    await shop.until(uuid, lambda view: not view["legs"][0]["connected"])
    return True


def judge(way: Way, recorded: Recorded, began: tuple[float, float], corrected: int) -> None:
    slack = way.slack + BEAT_SECONDS
    for side, voice in enumerate(voices_of(way)):
        left = after(way.codec, voice)
        at = recorded.time_of_corrected(side, left, corrected) if corrected else recorded.time_of(side, left)
        assert began[0] - slack <= at <= began[1] + slack, (way.name, at - began[0], at - began[1])
    if way.voices == 1:
        assert not recorded.samples[:, 1].any()


def returned(way: Way, back: bytes) -> bool:
    """Whether nothing but silence has come back, and that only to who takes it."""
    if way.target is None:
        parser = Parser()
        parser.feed(back)
        return {frame.payload for frame in parser.frames()} == {way.silence}
    kinds = set(frames(back.partition(b"\r\n\r\n")[2]))
    return kinds == (set() if way.silence is None else {(2, way.silence)})


async def test_the_same_speech_through_every_dialect_is_where_it_was_spoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.calls.cooldown.Cooldown.remaining", lambda *_args: 0.0)
    with trio.fail_after(TAKES_SECONDS):
        async with (
            both(tmp_path, recording_channels="stereo") as (daemon, _),
            daemon.application() as shop,
            trio.open_nursery() as calls,
        ):
            for way in WAYS:
                recorded = trio.Event()
                calls.start_soon(call, daemon, shop, way, recorded)
                await recorded.wait()  # one after the other: so many at once would keep each other waiting
