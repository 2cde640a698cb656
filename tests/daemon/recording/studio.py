"""All that a recording needs in a test: a beat, a leg with a caller, and a scripted wavstream."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import trio
from trio.testing import wait_all_tasks_blocked

from daemon.legs.leg import SideName
from daemon.legs.rtp import RtpLeg
from daemon.media.codecs import Samples
from daemon.media.quality import Quality
from daemon.recording.recording import Recording, RecordingFailed, RecordingFormat, WavstreamEndpoint
from tests.daemon.legs.caller import Caller, make_leg
from tests.daemon.recording.fakewavstream import FakeWavstream, Kept
from wavstream import protocol
from wavstream.process import logs
from wavstream.process.cadence import Cadence

RECORDING_ID = "rec_12345678"


@dataclass
class Studio:
    """`outcome` is what the recording came to, `done` is set by then."""

    cadence: Cadence
    leg: RtpLeg
    caller: Caller
    wavstream: FakeWavstream
    nursery: trio.Nursery
    done: trio.Event = field(default_factory=trio.Event)
    outcome: protocol.Completed | RecordingFailed | None = None
    lost: list[float] = field(default_factory=list)
    """What each recording said of its lost audio at its end."""
    measured: list[Mapping[SideName, Quality]] = field(default_factory=list)
    """And of its quality."""

    def recording(
        self,
        *,
        encoding: protocol.Encoding = "pcm16",
        rate: int = 8000,
        channels: int = 1,
        replay_seconds: float = 10,
        recording_id: str = RECORDING_ID,
    ) -> Recording:
        return Recording(
            recording_id=recording_id,
            format=RecordingFormat(encoding, rate, channels),
            legs=[self.leg],
            started=trio.current_time(),
            metadata={"started_at": 1.5},
            wavstream=WavstreamEndpoint(self.wavstream.url),
            cadence=self.cadence,
            replay_seconds=replay_seconds,
            log=logs.get("tests"),
            lost=self.lost.append,
            measured=self.measured.append,
        )

    async def start(self, recording: Recording) -> None:
        """Run it beside the test."""
        self.nursery.start_soon(self._run, recording)
        await wait_all_tasks_blocked()  # its legs are attached by then

    async def _run(self, recording: Recording) -> None:
        try:
            self.outcome = await recording.run()
        except RecordingFailed as failed:
            self.outcome = failed
        self.done.set()

    @property
    def kept(self) -> Kept:
        return self.wavstream.kept[RECORDING_ID]

    def kept_samples(self) -> Samples:
        return np.frombuffer(bytes(self.kept.audio), np.int16)


@asynccontextmanager
async def studio(wavstream: FakeWavstream | None = None) -> AsyncIterator[Studio]:
    """Everything up and running; all of it is over at the end, within a bounded time."""
    cadence = Cadence()
    leg = make_leg(cadence)
    caller = Caller(leg)
    wavstream = wavstream or FakeWavstream()
    try:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                await nursery.start(wavstream.serve)
                await nursery.start(cadence.run)
                await nursery.start(leg.run)
                yield Studio(cadence, leg, caller, wavstream, nursery)
                nursery.cancel_scope.cancel()
    finally:
        leg.close()
        caller.socket.close()
