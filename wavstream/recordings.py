"""The recordings: which run, whose they are, how they end, and what the catalogue says of the others."""

import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import trio

from storage import recordings as rows
from storage.catalog import Catalog
from storage.objects import ObjectStore
from storage.recordings import Recording
from wavstream.chunks import HEADER_BYTES
from wavstream.epilogue import epilogue, words
from wavstream.files import RecordingFile
from wavstream.finisher import Finisher, Policy
from wavstream.journal import Journal
from wavstream.label import label
from wavstream.live import LiveRecording
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.cadence import Cadence
from wavstream.protocol import Reason
from wavstream.registration import Registrar
from wavstream.space import Space
from wavstream.wav import WavFormat
from wavstream.writer import Writer

STUCK_SECONDS = 5.0
"""A write that takes longer is more than a slow disk's: whoever asks whether we are ready is told."""

log = logs.get(__name__)

__all__ = ["Policy", "Recordings"]


class Recordings:
    """All recordings of this server. `run` is their life; connections and downloads call the rest."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        store: ObjectStore,
        journal: Journal,
        cadence: Cadence,
        metrics: Metrics,
        policy: Policy,
        space: Space,
    ) -> None:
        self.space = space
        self.catalog = catalog
        self.store = store
        self._journal = journal
        self._cadence = cadence
        self._metrics = metrics
        self._policy = policy
        self._writer = Writer(cadence, metrics)
        self._registrar = Registrar(catalog)
        self._ending = Finisher(catalog, self._writer, policy, metrics)
        self._live: dict[str, LiveRecording] = {}
        self._nursery: trio.Nursery | None = None  # while it runs

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write, register and end recordings, until cancelled; what is then left is for `close`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._registrar.run)
            await nursery.start(self._writer.run)
            self._nursery = nursery
            try:
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None  # before it closes: a connection may let go in the same instant

    @property
    def live(self) -> Collection[LiveRecording]:
        """Those that have not ended."""
        return self._live.values()

    @property
    def obstacle(self) -> str:
        """What stands in the way of a recording, in words that say what to look at; empty: nothing."""
        failing = sum(each.failing or each.doubtful for each in self._live.values())
        if failing:
            return f"{failing} files cannot be written"
        if self._writer.round_seconds > STUCK_SECONDS:
            return f"the disk has taken no write for {self._writer.round_seconds:.0f} s"
        return self.space.obstacle

    @property
    def byte_rate(self) -> float:
        """Bytes of audio a second that all of them bring together."""
        return sum(each.audio.byte_rate for each in self._live.values())

    def running(self, recording_id: str) -> LiveRecording | None:
        """The recording of that id, while it has not ended."""
        return self._live.get(recording_id)

    async def get(self, recording_id: str) -> Recording | None:
        """The catalogue's row. Raises CatalogError."""
        return await self.catalog.run(lambda tx: rows.get(tx, recording_id))

    def begin(
        self,
        recording_id: str,
        audio: WavFormat,
        *,
        name: str | None = None,
        started_at: float,
        metadata: dict[str, Any],
        resumable: bool,
        continues: bool = False,
    ) -> LiveRecording:
        """A new recording, ready for audio at once; file and row come behind. Raises NoRoomError.

        `continues`: it takes the place of another, and writes no more than that did; so there is room for it.

        Its token is made here: 128 random bits that are the file's name and, later, the way to it.
        """
        if not continues:
            self.space.admit()
        row = Recording(
            recording_id=recording_id,
            token=secrets.token_hex(16),
            name=name,
            state="recording",
            sample_rate=audio.sample_rate,
            channels=audio.channels,
            encoding=audio.encoding,
            started_at=started_at,
            metadata=metadata,
            header_bytes=HEADER_BYTES,
        )
        file = RecordingFile(
            self.store, row.path, audio, label=label(row), entry=self._journal.entry(row.token)
        )
        recording = LiveRecording(row, file, resumable=resumable)
        self._registrar.add(recording)
        self._take_up(recording)
        log.info("recording started", recording=recording_id, name=name, format=words(audio))
        return recording

    def adopt(
        self, row: Recording, file: RecordingFile, *, resumable: bool, silent_since: float
    ) -> LiveRecording:
        """A recording that an earlier run left unfinished: it waits for its client, if it has one.

        `silent_since`: when its audio stopped, in seconds since the epoch.
        """
        recording = LiveRecording(row, file, resumable=resumable)
        recording.is_registered()
        self._take_up(recording)
        self._abandon(recording, silent_since)
        return recording

    def rename(self, recording: LiveRecording, name: str) -> None:
        """Its name has come after its first audio."""
        recording.row = replace(recording.row, name=name)
        recording.file.tell(label(recording.row))
        self._registrar.add(recording)
        log.info("recording named", recording=recording.recording_id, name=name)

    def _take_up(self, recording: LiveRecording) -> None:
        self._live[recording.recording_id] = recording
        self._writer.add(recording)
        self._count()

    def _count(self) -> None:
        self._cadence.load = len(self._live)
        self._metrics.recordings.set(len(self._live))

    def leave(self, recording: LiveRecording, owner: trio.CancelScope) -> None:
        """A connection lets go of its recording."""
        if recording.leave(owner) and recording.state == "running":
            self._abandon(recording, time.time())

    def _abandon(self, recording: LiveRecording, silent_since: float) -> None:
        if not recording.resumable:
            self.finish(recording, "interrupted", stopped_at=silent_since)
        elif self._nursery is not None:
            recording.gaps += 1
            self._nursery.start_soon(self._await_return, recording, recording.owned, silent_since)

    async def _await_return(self, recording: LiveRecording, owned: trio.Event, silent_since: float) -> None:
        log.info("waiting for the client", recording=recording.recording_id, received=recording.received)
        with trio.move_on_after(self._policy.orphan_seconds):
            await owned.wait()
        if recording.owner is None and recording.owned is owned:
            self.finish(recording, "interrupted", stopped_at=silent_since)

    def finish(
        self,
        recording: LiveRecording,
        reason: Reason,
        *,
        metadata: Mapping[str, Any] | None = None,
        stopped_at: float | None = None,
    ) -> None:
        """That was all of it. Returns at once; the recording's `ended` is set when it has.

        `metadata` joins what is known of it. It stopped at `stopped_at`, or now: never before it began, and
        never later than now. The first call decides.
        """
        if recording.state != "running":
            return
        recording.row = replace(recording.row, metadata={**recording.row.metadata, **(metadata or {})})
        recording.state = "finishing"
        recording.reason = reason
        now = time.time()
        recording.stopped_at = (
            now if stopped_at is None else min(now, max(stopped_at, recording.row.started_at))
        )
        if self._nursery is not None:
            self._nursery.start_soon(self._end, recording)

    async def _end(self, recording: LiveRecording) -> None:
        final = await self._ending.end(recording)
        self._ended(recording, final)

    def _ended(self, recording: LiveRecording, final: Recording) -> None:
        recording.row = final
        del self._live[recording.recording_id]
        self._count()
        self._metrics.ended.labels(final.state, final.reason).inc()
        recording.ends()
        log.info("recording ended", **epilogue(recording, final))

    async def close(self) -> None:
        """After `run`: all that came goes to the disk. What can be resumed stays unfinished, the rest ends.

        Bounded by the caller's deadline; what the disk refuses even now is logged.
        """
        async with trio.open_nursery() as nursery:
            for recording in tuple(self._live.values()):
                nursery.start_soon(self._settle, recording)

    async def _settle(self, recording: LiveRecording) -> None:
        if not recording.resumable:
            self.finish(recording, "interrupted")
        final = await self._ending.settle(recording)
        if final is not None:
            self._ended(recording, final)
        recording.file.close()
