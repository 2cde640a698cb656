"""A recording's quality, on legs with real sockets and a timeline of the test's own."""

from collections.abc import Callable

import numpy as np
import pytest
import trio

from daemon.legs.connected import ConnectedLeg
from daemon.legs.leg import CALLEE, CALLER
from daemon.media.audiosocket import Parser
from daemon.media.timeline import Timeline
from daemon.recording.measure import Measure, Silence
from tests.daemon.legs.caller import calling, make_leg
from tests.daemon.legs.switch import audio, listening, until
from tests.daemon.legs.test_audiosocket import VOICE, connected, opened
from tests.daemon.recording.studio import studio
from wavstream.process.cadence import Cadence


async def test_only_what_comes_from_the_start_to_the_stop_counts() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        measure = Measure([leg], timeline)
        caller.send(0, 1, 2, 5)  # two are lost before the recording begins
        measure.begin()
        assert measure.quality()["caller"].packets == 0
        leg.attach(timeline)
        caller.send(6, 8, 7, 8, 12)  # one overtaken, one twice, three lost
        measure.end()
        caller.send(13, 15)
        leg.poll()
        timeline.finish(trio.current_time() + 10)
        quality = measure.quality()["caller"]
    assert (quality.packets, quality.lost, quality.reordered, quality.duplicates) == (4, 3, 1, 1)
    assert quality.jitter_ms is not None
    assert quality.audible


async def test_a_leg_that_was_measured_before_it_was_told_to_begin_has_nothing() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        measure = Measure([leg], Timeline(8000, 1, trio.current_time()))
        caller.send(0)
        measure.end()  # a stop may come before the recording's task runs
        measure.begin()
        assert measure.quality()["caller"].packets == 0


async def polled(leg: ConnectedLeg[Parser], right: Callable[[], object]) -> None:
    """Poll a leg, as its recording does, until it is so."""

    def look() -> object:
        leg.poll()
        return right()

    await until(look)


async def test_over_connections_that_come_and_go_it_is_one_count() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = opened(switchboard)
        await nursery.start(leg.run)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        measure = Measure([leg], timeline)
        first = await connected(switchboard, leg)
        first.send(audio(VOICE.tobytes()))
        await until(lambda: leg.received.packets == 1)
        measure.begin()
        leg.attach(timeline)
        first.send(audio(VOICE.tobytes()))
        await polled(leg, lambda: leg.received.packets == 2)
        first.close()
        await polled(leg, lambda: not leg.view()["connected"])
        second = await connected(switchboard, leg, 2)
        second.send(audio(VOICE.tobytes(), VOICE.tobytes()))
        await polled(leg, lambda: leg.received.packets == 4)
        measure.end()
        second.close()
        quality = measure.quality()["caller"]
        assert (quality.packets, quality.lost, quality.jitter_ms, quality.drift_ppm) == (3, 0, None, None)


async def test_a_leg_that_brings_the_other_side_as_well_is_measured_for_both() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        start = trio.current_time()
        timeline = Timeline(8000, 2, start)
        measure = Measure([leg], timeline)
        measure.begin()
        leg.attach(timeline)
        assert measure.quality().keys() == measure.silences().keys() == {"caller"}
        other = timeline.join(CALLEE, 8000)
        other.place(round(start * 8000), np.full(4000, 1000, np.int16))
        caller.send(0)
        leg.poll()
        timeline.finish(start + 3)
        quality = measure.quality()
    assert [(side, each.packets) for side, each in quality.items()] == [("caller", 1), ("callee", 1)]
    assert quality["callee"].filled_seconds == 2.5
    assert quality["callee"].audible
    assert measure.silences().keys() == {"caller", "callee"}


async def test_silence_and_filled_seconds_are_those_of_what_was_given_out() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        start = trio.current_time()
        timeline = Timeline(8000, 1, start)
        measure = Measure([leg], timeline)
        measure.begin()
        leg.attach(timeline)
        timeline.finish(start + 3)
        assert measure.silences() == {"caller": Silence(3.0, start)}
        caller.send(0)
        leg.poll()  # all of it is late, or behind the end
        quality = measure.quality()["caller"]
        assert (quality.filled_seconds, quality.silent_seconds, quality.audible) == (3.0, 3.0, False)
        assert quality.view()["packets"] == 1


async def test_a_recording_tells_its_quality_to_wavstream_and_to_whoever_counts() -> None:
    async with studio() as place:
        recording = place.recording()
        await place.start(recording)
        place.caller.send(0, 1, 2, 4, 4)
        await until(lambda: recording.view()["quality"]["caller"]["packets"] == 4)
        recording.stop(trio.current_time(), "stopped")
        place.caller.send(5)
        await place.done.wait()
        assert place.kept.stop is not None
        told = place.kept.stop.metadata["quality"]["caller"]
        assert told == recording.view()["quality"]["caller"]
        (measured,) = place.measured
        assert measured["caller"].view() == told
        assert (told["packets"], told["lost"], told["duplicates"], told["audible"]) == (4, 1, 1, True)
        assert recording.silences()["caller"].since > recording._timeline.start
        # To the sample: all that is not of the four packets was filled.
        samples = place.kept_samples()
        counts = recording._timeline.counts(CALLER)
        filled = (len(samples) - counts.placed) / 8000
        assert told["filled_seconds"] == pytest.approx(filled, abs=0.001)
