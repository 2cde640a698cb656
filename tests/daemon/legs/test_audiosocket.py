"""An AudioSocket leg over real connections."""

from dataclasses import asdict
from uuid import UUID

import numpy as np
import pytest
import trio

from daemon.legs import connected as leg_module
from daemon.legs.connected import ConnectedLeg
from daemon.legs.leg import CALLEE, CALLER
from daemon.legs.switchboard import Switchboard
from daemon.media.audiosocket import DTMF, ERROR, HANGUP, KINDS, Frame, Parser, build
from daemon.media.codecs import Samples
from daemon.media.quality import Received
from daemon.media.timeline import Timeline
from tests.daemon.legs.switch import Switch, audio, listening, until
from tests.daemon.media import captures
from wavstream.process import logs
from wavstream.process.cadence import Cadence

VOICE = np.arange(1, 161, dtype="<i2")
"""20 ms at 8 kHz, none of it silence."""


def opened(switchboard: Switchboard[Parser]) -> ConnectedLeg[Parser]:
    return switchboard.open(side=CALLER, log=logs.get("tests"))


async def connected(switchboard: Switchboard[Parser], leg: ConnectedLeg[Parser], number: int = 1) -> Switch:
    """A switch whose connection is the leg's."""
    switch = Switch(switchboard.address, UUID(leg.name))
    await until(lambda: leg.view()["connections"] == number)
    return switch


async def until_frames(leg: ConnectedLeg[Parser], count: int) -> None:
    while leg.view()["frames"] < count:
        leg.poll()
        await trio.sleep(0.01)


def loud(timeline: Timeline) -> list[int]:
    """All that was heard, without the silence before and after."""
    samples = timeline.finish(trio.current_time() + 1)[:, 0]
    places = np.flatnonzero(samples)
    return samples[places[0] : places[-1] + 1].tolist() if len(places) else []


async def test_a_connection_with_its_uuid_is_the_leg_s_and_its_audio_is_placed_in_order() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        switch = await connected(switchboard, leg)
        switch.send(audio(VOICE.tobytes(), VOICE[::-1].tobytes()))
        await until_frames(leg, 2)
        assert loud(timeline) == [*VOICE.tolist(), *VOICE[::-1].tolist()]
        switch.close()
        view = leg.view()
        assert view == {
            "leg": "caller",
            "kind": "audiosocket",
            "state": "active",
            "connected": True,
            "connections": 1,
            "codec": "slin",
            "rate": 8000,
            "frames": 2,
            "keys": 0,
            "dtmf": [],
            "unknown": 0,
            "anchors": 1,
            "corrected": 0,
            "drift_ppm": None,
            "silence_frames": view["silence_frames"],
            "quality": {
                **asdict(Received(packets=2)),
                "unheard_seconds": view["quality"]["unheard_seconds"],
            },
        }


async def test_a_leg_that_nobody_records_hears_by_itself_and_keeps_the_last_moments() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        start = trio.current_time()
        switch.send(audio(VOICE.tobytes()))
        await leg.heard.wait()
        timeline = Timeline(8000, 1, start - 1)
        leg.attach(timeline)
        assert loud(timeline) == VOICE.tolist()
        switch.close()


@pytest.mark.parametrize("rate", KINDS)
async def test_audio_of_every_rate_is_taken_and_silence_goes_back_at_the_same(rate: int) -> None:
    voice = np.arange(1, rate // 50 + 1, dtype="<i2")
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        timeline = Timeline(rate, 1, trio.current_time() - 1)
        leg.attach(timeline)
        switch.send(audio(voice.tobytes(), kind=KINDS[rate]))
        await until_frames(leg, 1)
        assert leg.rate == rate
        switch.heard()
        leg.send_silence(trio.current_time())
        await trio.lowlevel.wait_readable(switch.socket)
        # 20 ms at the rate, two bytes a sample.
        assert switch.heard()[-1] == (KINDS[rate], bytes(2 * rate // 50))
        assert loud(timeline) == voice.tolist()
        switch.close()


async def test_a_leg_that_changes_its_rate_changes_its_track() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        switch.send(audio(VOICE.tobytes()), audio(bytes(640), kind=0x12))
        await until_frames(leg, 2)
        assert leg.rate == 16000
        timeline.finish(trio.current_time() + 1)
        assert timeline.counts(CALLER).placed + timeline.counts(CALLER).outside == 160 + 320
        switch.close()


async def test_keys_are_counted_and_never_heard_and_what_nobody_knows_is_passed_over() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        # 0x17 is audio of 96 kHz, which no leg takes.
        switch.send(build(DTMF, b"5"), build(0x42, b"?"), build(0x17, bytes(4)), audio(VOICE.tobytes()))
        await until_frames(leg, 1)
        assert loud(timeline) == VOICE.tolist()
        assert (leg.view()["keys"], leg.view()["unknown"]) == (1, 2)
        assert [pressed["key"] for pressed in leg.view()["dtmf"]] == ["5"]
        switch.close()


async def test_a_key_pressed_in_a_pause_is_counted_and_kept_nowhere() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)

        async def press(digit: bytes, number: int) -> None:
            switch.send(build(DTMF, digit), audio(VOICE.tobytes()))
            await until_frames(leg, number)

        await press(b"5", 1)
        await trio.sleep(2 * leg_module.KEY_SLACK_SECONDS)
        timeline.pause(trio.current_time())
        await press(b"4", 2)
        timeline.resume(trio.current_time())
        await press(b"3", 3)  # as far as can be known it was in the pause
        await trio.sleep(2 * leg_module.KEY_SLACK_SECONDS)
        leg.poll()
        await press(b"8", 4)
        view = leg.view()
        assert view["keys"] == 4
        assert [pressed["key"] for pressed in view["dtmf"]] == ["5", "8"]
        switch.close()


@pytest.mark.parametrize(
    "end", [build(HANGUP), build(ERROR, b"\x01"), b"\x10\x00\x01", b""], ids=["hangup", "error", "bad", "eof"]
)
async def test_a_leg_lost_and_back_leaves_silence_in_the_same_recording(end: bytes) -> None:
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        first = await connected(switchboard, leg)
        first.send(audio(VOICE.tobytes()), end)
        if not end:
            first.close()
        while leg.view()["connected"]:
            leg.poll()
            await trio.sleep(0.01)
        first.close()
        second = await connected(switchboard, leg, 2)
        second.send(audio(VOICE[::-1].tobytes()))
        await until_frames(leg, 2)
        heard = loud(timeline)
        assert heard[:160] == VOICE.tolist()
        assert heard[-160:] == VOICE[::-1].tolist()
        assert not any(heard[160:-160])
        assert leg.view()["anchors"] == 2
        second.close()


async def test_a_connected_leg_is_kept_alive_while_nobody_speaks_and_nobody_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leg_module, "IDLE_SECONDS", -1.0)
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        await trio.lowlevel.wait_readable(switch.socket)
        assert set(switch.heard()) == {(0x10, bytes(320))}
        switch.close()


async def test_a_far_end_that_does_not_read_costs_nothing_and_gets_whole_frames_later() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        tried = 0
        while leg.view()["silence_frames"] >= tried and tried < 100_000:
            leg.send_silence(0.0)
            tried += 1
        sent = leg.view()["silence_frames"]
        assert sent < 100_000  # 32 MB: the kernel keeps no more than some of them
        heard: list[Frame] = []
        while len(heard) < sent - 1:
            await trio.lowlevel.wait_readable(switch.socket)
            heard += switch.heard()
            if len(heard) == sent - 1:
                leg.send_silence(0.0)  # finishes the one of which only half had room
        assert set(heard) == {(0x10, bytes(320))}  # every frame of it is whole
        switch.close()


async def test_one_look_takes_a_bounded_number_of_frames_and_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leg_module, "DRAIN_BYTES", 1)
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        switch = await connected(switchboard, leg)
        switch.send(audio(*[VOICE.tobytes()] * 200))  # 64,600 bytes: four reads
        while leg.view()["frames"] == 0:
            leg.poll()
            await trio.sleep(0.01)
        assert leg.view()["frames"] <= 51  # those of one read of 16,384 bytes
        await until_frames(leg, 200)
        switch.close()


async def test_a_closed_leg_takes_no_connection_and_holds_no_recording() -> None:
    async with listening() as (switchboard, _, _nursery):
        leg = opened(switchboard)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        async with trio.open_nursery() as running:
            await running.start(leg.run)
            leg.attach(timeline)
            switch = await connected(switchboard, leg)
            running.cancel_scope.cancel()
        await switch.closed()
        assert switchboard.find(leg.name) is None
        leg.close()
        leg.poll()  # as its recording still does
        assert len(timeline.advance(trio.current_time() + 1)) > 8000  # it waits for nobody
        switch.close()


async def test_a_uuid_belongs_to_one_leg_while_that_is_open() -> None:
    async with listening() as (switchboard, _, _nursery):
        leg = opened(switchboard)
        with pytest.raises(ValueError, match="has the name"):
            switchboard.open(side=CALLEE, log=logs.get("tests"), name=leg.name)
        leg.close()
        again = switchboard.open(side=CALLEE, log=logs.get("tests"), name=leg.name)
        leg.close()
        assert switchboard.find(leg.name) is again
        again.close()


async def recorded(leg: ConnectedLeg[Parser], cadence: Cadence, rate: int) -> tuple[float, Samples]:
    """When a recording of 6 s began, and what it holds, closed beat by beat."""
    timeline, blocks = Timeline(rate, 1, trio.current_time()), []
    leg.attach(timeline)
    timeline.end(timeline.start + 6)
    while not timeline.complete:
        await cadence.beat()
        leg.poll()
        blocks.append(timeline.advance(trio.current_time()))
    return timeline.start, np.concatenate(blocks)[:, 0]


async def play(name: str, switch: Switch) -> float:
    """Send a capture at its own pace, cut anew; when it began."""
    began = trio.current_time()
    for sent, data in captures.packets(name):
        await trio.sleep_until(began + sent)
        for piece in (data[:7], data[7:]) if not data.startswith(b"\x01") else ():
            switch.send(piece)
    return began


@pytest.mark.parametrize(
    ("name", "rate"), [("asterisk-audiosocket-8k", 8000), ("asterisk-audiosocket-16k", 16000)]
)
async def test_a_real_asterisk_is_recorded_to_its_last_sample(name: str, rate: int) -> None:
    async with listening() as (switchboard, cadence, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        result: list[tuple[float, Samples]] = []

        async def record() -> None:
            result.append(await recorded(leg, cadence, rate))

        async with trio.open_nursery() as call:
            call.start_soon(record)
            began = await play(name, switch)
        start, heard = result[0]
        frames = [data[3:] for _, data in captures.packets(name) if not data.startswith(b"\x01")]
        spoken = np.frombuffer(b"".join(frames), "<i2")
        assert len(spoken) == (31_978 if rate == 8000 else 63_956)
        loud_ones, said = np.flatnonzero(heard), np.flatnonzero(spoken)
        assert np.array_equal(
            heard[loud_ones[0] : loud_ones[-1] + 1], spoken[said[0] : said[-1] + 1]
        )  # every sample in its order, and no seam
        first_frame = next(sent for sent, data in captures.packets(name) if not data.startswith(b"\x01"))
        # Its 20 ms were spoken before it came; a look comes once a beat, so a frame more is not known.
        place = start + (loud_ones[0] - said[0]) / rate
        assert began + first_frame - 0.03 < place < began + first_frame + 0.5
        switch.close()


async def test_a_key_in_mid_speech_leaves_its_time_in_the_recording() -> None:
    name = "asterisk-audiosocket-dtmf"
    async with listening() as (switchboard, cadence, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        switch = await connected(switchboard, leg)
        result: list[tuple[float, Samples]] = []

        async def record() -> None:
            result.append(await recorded(leg, cadence, 8000))

        async with trio.open_nursery() as call:
            call.start_soon(record)
            await play(name, switch)
        heard, speech = result[0][1], captures.speech()
        loud_ones, said = np.flatnonzero(heard), np.flatnonzero(speech[:31_978])
        # By the captures' own account 800 samples are missing behind 13,760. All others are there.
        first = loud_ones[0] - said[0]
        assert np.array_equal(heard[first : first + 12_000], speech[:12_000])
        last = loud_ones[-1] - said[-1]
        assert np.array_equal(heard[last + 15_500 : last + 31_978], speech[15_500:31_978])
        # And those behind the key are where they were spoken, to the slack of 60 ms: 480 samples.
        assert abs(last - first) <= 480
        assert [pressed["key"] for pressed in leg.view()["dtmf"]] == ["5", "2", "#"]
        switch.close()
