"""One recording: from the legs' audio to a file at wavstream."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import trio

from daemon.legs.leg import SIDE_NAMES, Leg, SideName
from daemon.media.quality import Quality
from daemon.media.timeline import CALLEE, CALLER, Block, Timeline
from daemon.recording import forwarder, silence
from daemon.recording.endpoint import RecordingFormat, WavstreamEndpoint
from daemon.recording.failure import RecordingFailed
from daemon.recording.measure import Measure, Silence
from daemon.recording.sender import Sender
from daemon.recording.window import ReplayWindow
from wavstream import protocol
from wavstream.process.cadence import Cadence
from wavstream.process.logs import Log

__all__ = ["Recording", "RecordingFailed", "RecordingFormat", "WavstreamEndpoint"]

QUEUED_BLOCKS = 4
"""Between timeline and forwarder: a beat's audio each, five seconds at most after the machine has slept."""


class Recording:
    """What becomes one file.

    `started`, and all times here, are seconds of `trio.current_time()`; sample 0 was spoken at `started`.
    `legs` are attached by `run`, which also finds what they heard since `started` (2 s at most). `metadata`
    goes to wavstream as it is; its `started_at` (seconds since the epoch) is when sample 0 was spoken.
    `replay_seconds` of audio are kept for a wavstream that is away; `lost` is told at the end how
    many seconds silence replaced, `measured` how good each side is.
    """

    def __init__(
        self,
        *,
        recording_id: str,
        format: RecordingFormat,  # noqa: A002 - the word for it
        legs: Sequence[Leg],
        started: float,
        metadata: dict[str, Any],
        wavstream: WavstreamEndpoint,
        cadence: Cadence,
        replay_seconds: float,
        log: Log,
        lost: Callable[[float], object] = lambda _seconds: None,
        measured: Callable[[Mapping[SideName, Quality]], object] = lambda _quality: None,
    ) -> None:
        self.recording_id = recording_id
        self.format = format
        self._legs = tuple(legs)
        self._cadence = cadence
        self._log = log.bind(recording=recording_id)
        self._lost = lost
        self._measured = measured
        self._timeline = Timeline(format.sample_rate, format.channels, started, encoding=format.encoding)
        self._measure = Measure(self._legs, self._timeline)
        self._window = ReplayWindow(
            capacity=math.ceil(replay_seconds * format.sample_rate) * format.frame_bytes,
            silent_byte=format.codec.silent_byte,
        )
        self._sender = Sender(
            start=protocol.Start(
                recording_id=recording_id,
                sample_rate=format.sample_rate,
                channels=format.channels,
                encoding=format.encoding,
                metadata=metadata,
            ),
            endpoint=wavstream,
            window=self._window,
            log=self._log,
        )
        self._reason: protocol.Reason | None = None
        self._completed: protocol.Completed | None = None
        self._failed: RecordingFailed | None = None

    @property
    def reason(self) -> protocol.Reason:
        """Why it ended: that of `stop`, or "interrupted" when wavstream had finished it before."""
        return self._reason if self._reason is not None and self._sender.stopped else "interrupted"

    def stop(self, at: float, reason: protocol.Reason) -> None:
        """What was spoken before `at` belongs to the recording, and no more. Only the first stop counts.

        It takes effect in order behind the audio: `run` returns when the last sample is on wavstream's disk.
        An `at` further back than the timeline's allowance ends it where the audio has already left.
        """
        if self._reason is None:
            self._reason = self._sender.reason = reason
            self._timeline.end(at)
            if self._timeline.pauses:
                self._sender.metadata["pauses"] = self._pauses()
            self._measure.end()
            self._log.info("recording stopping", reason=reason)

    def pause(self, at: float) -> None:
        """What is spoken from `at` on is exact silence. Does nothing while it is paused."""
        self._timeline.pause(at)
        self._log.info("recording paused")

    def resume(self, at: float) -> None:
        """What is spoken from `at` on is recorded again. Does nothing where it is not paused."""
        self._timeline.resume(at)
        self._log.info("recording resumed")

    def holding(self, at: float) -> AbstractContextManager[None]:
        """Meanwhile nothing spoken from `at` on is given out: a command about it is under way."""
        return self._timeline.holding(at)

    def _pauses(self) -> list[list[float | None]]:
        """[from, to] in seconds from its start; a pause that lasts to the end has no `to`."""
        rate = self.format.sample_rate
        return [
            [first / rate, None if last is None else last / rate] for first, last in self._timeline.pauses
        ]

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> protocol.Completed:
        """Record until `stop`, and until wavstream has all of it. Raises RecordingFailed.

        `task_status.started()` is called when the legs are attached. Cancelling it leaves the recording to
        wavstream, which finishes what it has as interrupted.
        """
        try:
            self._measure.begin()
            for leg in self._legs:
                leg.attach(self._timeline)
            task_status.started()
            self._log.info("recording started")
            await self._work()
        finally:
            for leg in self._legs:
                leg.detach(self._timeline)
            self._lost(self._window.lost / self.format.byte_rate)
            self._measured(self._measure.quality())
        if self._completed is None:
            raise self._failed or RecordingFailed("the recording was given up")
        self._log.info("recording completed", duration=self._completed.duration, size=self._completed.size)
        return self._completed

    async def _work(self) -> None:
        finished, blocks = trio.open_memory_channel[Block](QUEUED_BLOCKS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._generate_silence, finished, name="silence generator")
            nursery.start_soon(self._forward_audio, blocks, name="audio forwarder")
            nursery.start_soon(self._send, nursery.cancel_scope, name="WebSocket sender")

    async def _generate_silence(self, finished: trio.MemorySendChannel[Block]) -> None:
        await silence.generate(
            legs=self._legs, timeline=self._timeline, blocks=finished, cadence=self._cadence
        )
        self._sender.metadata["quality"] = self._quality()  # before the forwarder can close the window
        for leg in self._legs:
            leg.detach(self._timeline)

    async def _forward_audio(self, blocks: trio.MemoryReceiveChannel[Block]) -> None:
        await forwarder.forward(
            blocks=blocks, codec=self.format.codec, window=self._window, news=self._sender.news
        )

    async def _send(self, scope: trio.CancelScope) -> None:
        """The sender outlives the others, unless wavstream has finished already or will take nothing."""
        try:
            self._completed = await self._sender.run()
        except RecordingFailed as failed:
            self._failed = failed
        scope.cancel()

    def silences(self) -> Mapping[SideName, Silence]:
        """For how long no sound of each side has been recorded."""
        return self._measure.silences()

    def _quality(self) -> dict[str, Any]:
        return {side: quality.view() for side, quality in self._measure.quality().items()}

    def view(self) -> dict[str, Any]:
        """How the recording stands, for whoever asks for its session. Durations are seconds."""
        window, timeline = self._window, self._timeline
        return {
            "recording_id": self.recording_id,
            "state": self._state(),
            "paused": self._timeline.is_masked,
            "sample_rate": self.format.sample_rate,
            "channels": self.format.channels,
            "encoding": self.format.encoding,
            "duration": timeline.closed / timeline.rate,
            "allowance_ms": round(timeline.allowance * 1000),
            "connected": self._sender.connected,
            "kept": window.acked / self.format.byte_rate,
            "waiting": (window.end - window.acked) / self.format.byte_rate,
            "lost": window.lost / self.format.byte_rate,
            "audio": {SIDE_NAMES[leg.side]: vars(timeline.counts(leg.side)) for leg in self._legs},
            "quality": self._quality(),
        }

    def _state(self) -> str:
        if self._failed is not None:
            return "failed"
        if self._completed is not None:
            return "completed"
        return "recording" if self._reason is None else "finishing"


__all__ += ["CALLEE", "CALLER"]
