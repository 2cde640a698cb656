from typing import Any

import numpy as np
import pytest
import trio

from daemon.legs import tracks
from daemon.legs.leg import CALLER
from daemon.media import codecs
from daemon.media.timeline import Timeline
from daemon.recording.recording import RecordingFailed
from tests.daemon.legs.caller import VOICE
from tests.daemon.recording.fakewavstream import FakeWavstream
from tests.daemon.recording.studio import RECORDING_ID, Studio, studio
from wavstream import protocol

JITTER_SECONDS = 0.04
HEARD = codecs.PCMU.decode(VOICE)


async def call(place: Studio, packets: int) -> None:
    """Speak on the clock, a packet every 20 ms. Then be silent for as long as jitter may be."""
    begun = trio.current_time()
    for number in range(packets):
        await trio.sleep_until(begun + (number + 1) * 0.02)
        place.caller.send(number)
    await trio.sleep_until(begun + packets * 0.02 + JITTER_SECONDS)


def spoken(samples: codecs.Samples) -> codecs.Samples:
    """Without the silence before and after."""
    loud = np.flatnonzero(samples)
    return samples[loud[0] : loud[-1] + 1]


async def test_every_sample_arrives_in_order_and_the_length_is_the_clock_s() -> None:
    async with studio() as place:
        recording = place.recording()
        await place.start(recording)
        started = recording._timeline.start
        await call(place, 30)
        stop = trio.current_time()
        recording.stop(stop, "stopped")
        await place.done.wait()
        samples = place.kept_samples()
        assert len(samples) == round((stop - started) * 8000)
        # VOICE ends with code 0x9F and begins with code 0: neither decodes to silence.
        assert np.array_equal(spoken(samples), np.tile(HEARD, 30))
        assert isinstance(place.outcome, protocol.Completed)
        assert place.kept.stop is not None
        assert place.kept.stop.metadata.keys() == {"quality"}
        told = {"offset": len(place.kept.audio), "reason": "stopped"}
        assert place.kept.stop.model_dump(include={"offset", "reason"}) == told
        assert place.kept.start.metadata == {"started_at": 1.5}
        assert recording.reason == "stopped"


async def test_the_last_sample_spoken_before_the_stop_is_in_it_though_it_arrives_after() -> None:
    async with studio() as place:
        recording = place.recording()
        await place.start(recording)
        await trio.sleep_until(recording._timeline.start + 0.03)  # by then 20 ms have been spoken
        place.caller.send(0)
        await place.leg.heard.wait()
        spoken_until = trio.current_time() + 0.06
        recording.stop(spoken_until, "hangup")  # packets 1 and 2 are spoken before that, but not yet sent
        await trio.sleep_until(spoken_until + 0.02)
        place.caller.send(1, 2)
        await place.done.wait()
        assert np.array_equal(spoken(place.kept_samples()), np.tile(HEARD, 3))
        assert place.kept.stop is not None
        assert place.kept.stop.reason == "hangup"


async def test_when_nobody_ever_speaks_exact_silence_is_recorded() -> None:
    async with studio() as place:
        recording = place.recording(encoding="alaw", rate=16000, channels=2)
        await place.start(recording)
        started = recording._timeline.start
        await place.wavstream.until(lambda: len(place.kept.audio) > 0 if place.wavstream.kept else False)
        stop = trio.current_time()
        recording.stop(stop, "stopped")
        recording.stop(stop + 60, "hangup")  # the first one counts
        await place.done.wait()
        # A-law has no 0: its silence is the code of the quietest sample that 0 is coded as.
        assert bytes(place.kept.audio) == b"\xd5" * (2 * round((stop - started) * 16000))


async def test_a_restart_of_wavstream_in_mid_call_costs_no_sample() -> None:
    wavstream = FakeWavstream()
    async with studio(wavstream) as place:
        recording = place.recording()
        await place.start(recording)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call, place, 45)
            await wavstream.until(lambda: RECORDING_ID in wavstream.kept and len(place.kept.audio) > 1000)
            wavstream.crash()
            for _ in range(3):
                await place.cadence.beat()
            assert not recording.view()["connected"]
            await place.nursery.start(wavstream.serve)
        recording.stop(trio.current_time(), "stopped")
        await place.done.wait()
        assert np.array_equal(spoken(place.kept_samples()), np.tile(HEARD, 45))
        assert recording.view()["lost"] == 0
        assert wavstream.connections == 2


async def test_a_recording_may_begin_while_the_one_before_still_waits_for_wavstream() -> None:
    wavstream = FakeWavstream()
    async with studio(wavstream) as place:
        wavstream.crash()
        first, second = place.recording(), place.recording(recording_id="rec_87654321")
        async with trio.open_nursery() as nursery:
            await place.start(first)
            nursery.start_soon(call, place, 60)
            for _ in range(5):
                await place.cadence.beat()
            first.stop(trio.current_time(), "stopped")
            await place.nursery.start(second.run)
            await place.cadence.beat()
            await place.nursery.start(wavstream.serve)
            await place.done.wait()  # the first one's end, which takes nothing from the second
        second.stop(trio.current_time(), "stopped")
        await wavstream.until(lambda: wavstream.kept["rec_87654321"].stop is not None)
    whole = np.tile(HEARD, 60)
    head = spoken(place.kept_samples())
    assert 2000 < len(head) < len(whole)
    assert np.array_equal(head, whole[: len(head)])
    both = np.frombuffer(bytes(wavstream.kept["rec_87654321"].audio), np.int16)
    assert np.array_equal(spoken(both), whole)  # it was told to begin with the call


async def test_connections_lost_at_any_byte_cost_no_sample() -> None:
    async with studio(FakeWavstream(drops=[1, 3001, 777, 0, 2500])) as place:
        recording = place.recording()
        await place.start(recording)
        await call(place, 60)
        recording.stop(trio.current_time(), "stopped")
        await place.done.wait()
        assert np.array_equal(spoken(place.kept_samples()), np.tile(HEARD, 60))


async def test_an_outage_longer_than_the_window_leaves_silence_and_the_right_length() -> None:
    wavstream = FakeWavstream()
    async with studio(wavstream) as place:
        wavstream.crash()
        recording = place.recording(replay_seconds=0.2)
        await place.start(recording)
        started = recording._timeline.start
        said = trio.Event()

        async def speak_until_well_connected() -> None:
            begun, number = trio.current_time(), 0
            while not said.is_set():
                number += 1
                await trio.sleep_until(begun + number * 0.02)
                place.caller.send(number)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak_until_well_connected)
            while recording.view()["duration"] < 0.8:  # as many beats as that takes
                await place.cadence.beat()
            await place.nursery.start(wavstream.serve)
            await wavstream.until(lambda: RECORDING_ID in wavstream.kept and len(place.kept.audio) > 12_000)
            said.set()
        stop = trio.current_time() + JITTER_SECONDS
        recording.stop(stop, "stopped")
        await place.done.wait()
    samples = place.kept_samples()
    assert len(samples) == round((stop - started) * 8000)
    # At least 0.8 s were spoken while nobody listened, of which the window kept 0.2 s.
    assert recording.view()["lost"] > 0.5
    assert place.lost == [recording.view()["lost"]]
    lost = round(recording.view()["lost"] * 8000)
    assert not samples[:lost].any()
    heard = spoken(samples)
    assert len(heard) > 1000
    assert np.array_equal(heard, np.resize(HEARD[::-1], len(heard))[::-1])  # the last of it, to its end


async def test_the_view_tells_how_the_recording_stands() -> None:
    async with studio() as place:
        recording = place.recording()
        assert recording.view()["state"] == "recording"
        await place.start(recording)
        await call(place, 20)
        await place.wavstream.until(lambda: len(place.kept.audio) > 3200)
        view = recording.view()
        assert (view["recording_id"], view["encoding"], view["sample_rate"], view["channels"]) == (
            RECORDING_ID,
            "pcm16",
            8000,
            1,
        )
        assert view["connected"]
        assert view["allowance_ms"] <= 250
        assert view["duration"] > 0.1
        recording.stop(trio.current_time(), "stopped")
        assert recording.view()["state"] == "finishing"
        await place.done.wait()
        view = recording.view()
        assert view["state"] == "completed"
        assert view["kept"] == view["duration"]
        assert view["waiting"] == view["lost"] == 0
        assert view["audio"]["caller"]["placed"] == 3200


async def test_a_recording_that_wavstream_will_not_have_fails_with_its_words() -> None:
    refusing = FakeWavstream(
        error=protocol.Error(code="failed", message="the recording ended without any audio")
    )
    async with studio(refusing) as place:
        recording = place.recording()
        await place.start(recording)
        await place.done.wait()
        assert isinstance(place.outcome, RecordingFailed)
        assert str(place.outcome) == "wavstream: the recording ended without any audio"
        assert recording.view()["state"] == "failed"


async def test_a_recording_that_wavstream_has_finished_meanwhile_ends_as_interrupted() -> None:
    wavstream = FakeWavstream()
    async with studio(wavstream) as place:
        recording = place.recording()
        await place.start(recording)
        await wavstream.until(lambda: len(place.kept.audio) > 0 if wavstream.kept else False)
        place.kept.stop = protocol.Stop(offset=len(place.kept.audio), reason="interrupted")
        wavstream.crash()
        await place.nursery.start(wavstream.serve)
        await place.done.wait()
        assert place.outcome == place.kept.completed()
        assert recording.reason == "interrupted"


async def test_the_helpers_of_a_recording_can_be_seen_in_its_nursery() -> None:
    async with studio() as place:
        recording = place.recording()
        await place.start(recording)
        seen = {task.name for task in _below(place.nursery)}
        assert {"silence generator", "audio forwarder", "WebSocket sender"} <= seen


def _below(nursery: trio.Nursery) -> list[trio.lowlevel.Task]:
    tasks = list(nursery.child_tasks)
    return tasks + [each for task in tasks for inner in task.child_nurseries for each in _below(inner)]


@pytest.mark.contract("start-silence")
async def test_the_far_end_hears_silence_while_it_is_recorded_and_no_longer() -> None:
    async with studio() as place:
        place.caller.send(0)
        await place.leg.heard.wait()
        assert place.leg.view()["silence_packets"] == 0
        recording = place.recording()
        await place.start(recording)
        await place.wavstream.until(lambda: len(place.kept.audio) > 0 if place.wavstream.kept else False)
        recording.stop(trio.current_time(), "stopped")
        await place.done.wait()
        sent = place.leg.view()["silence_packets"]
        assert sent >= 1
        assert place.caller.heard().payload == b"\xff" * 160
        await place.cadence.beat()
        await place.cadence.beat()
        assert place.leg.view()["silence_packets"] == sent


@pytest.mark.parametrize("beats", [0, 1, 3, 5])
@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"answering_start": False},
        {"acknowledging": False},
        {"completing": False},
        {"reading": False},
        {"drops": [0] * 100},
        {"reject": 401},
    ],
    ids=["none", "no ready", "no acks", "no completed", "not reading", "dropping", "refusing"],
)
async def test_cancelled_anywhere_it_leaves_the_call_as_it_was(
    fault: dict[str, Any], beats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracks, "RECENT_SECONDS", 60)  # however long the beats take on a busy machine
    async with studio(FakeWavstream(**fault)) as place:
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            recording = place.recording()
            await nursery.start(recording.run)
            place.caller.send(0)
            for beat in range(beats):
                if beat == 3:
                    recording.stop(trio.current_time(), "stopped")
                await place.cadence.beat()
            nursery.cancel_scope.cancel()
        assert recording.view()["connected"] is False
        # The leg drains itself again, and another recording can have it.
        place.caller.send(1)
        await place.leg.heard.wait()
        timeline = Timeline(8000, 1, begun - 1)
        place.leg.attach(timeline)
        place.leg.poll()
        assert timeline.counts(CALLER).placed == 320


async def test_what_is_spoken_in_a_pause_is_exact_silence_and_kept_nowhere() -> None:
    async with studio() as place:
        recording = place.recording()
        await place.start(recording)
        started, begun = recording._timeline.start, trio.current_time()
        paused = begun + 0.2 + JITTER_SECONDS
        for number in [*range(10), *range(12, 20)]:
            await trio.sleep_until(begun + (number + 1) * 0.02)
            place.caller.send(number)
            if number == 9:
                recording.pause(paused)
                assert recording.view()["paused"]
        resumed = begun + 0.4 + JITTER_SECONDS
        await trio.sleep_until(resumed)
        place.leg.poll()
        assert place.leg._tracks._recent
        assert all(heard.end <= paused * 8000 for heard in place.leg._tracks._recent)
        recording.resume(resumed)
        assert not recording.view()["paused"]
        recording.stop(resumed, "stopped")
        await place.done.wait()
        samples = place.kept_samples()
        assert len(samples) == round((resumed - started) * 8000)
        assert not np.any(samples[round((paused - started) * 8000) :])
        assert np.array_equal(spoken(samples), np.tile(HEARD, 10))
        audio = recording.view()["audio"]["caller"]
        assert (audio["placed"], audio["masked"]) == (1600, 1280)
        assert place.kept.stop is not None
        first, last = (round((at - started) * 8000) / 8000 for at in (paused, resumed))
        assert place.kept.stop.metadata["pauses"] == [[first, last]]
