"""The writer: all recordings' audio into their files, in one thread hop a beat."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import trio

from wavstream.files import RecordingFile
from wavstream.live import LiveRecording
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.cadence import Cadence

_PASSES = 2
"""The readers wake at the same beat: after one pass they have asked their sockets, after two they have the
audio, which so is in the file at this beat and not at the next."""

log = logs.get(__name__)


@dataclass(slots=True)
class _Job:
    recording: LiveRecording
    file: RecordingFile
    chunks: tuple[bytes, ...]
    again: tuple[bytes, ...]  # what a failed sync may have lost, from `again_from` on
    again_from: int
    failed_syncs: int
    error: OSError | None = None


class Writer:
    """Writes what waits in the recordings given to it. A file that fails harms no other, and is retried."""

    def __init__(self, cadence: Cadence, metrics: Metrics) -> None:
        self._cadence = cadence
        self._metrics = metrics
        self._recordings: set[LiveRecording] = set()
        # Threads of our own: a slow download must not keep the audio waiting.
        self._limiter = trio.CapacityLimiter(1)
        self._hop = trio.Lock()
        self._began = math.inf

    @property
    def round_seconds(self) -> float:
        """How long the present round of writing has taken so far; 0 between rounds."""
        return max(0.0, time.perf_counter() - self._began)

    def add(self, recording: LiveRecording) -> None:
        """Write this one too from now on."""
        self._recordings.add(recording)

    async def release(self, recording: LiveRecording) -> None:
        """Write this one no longer; its file is the caller's when this returns."""
        self._recordings.discard(recording)
        async with self._hop:
            pass

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write at every beat, until cancelled."""
        task_status.started()
        while True:
            await self._cadence.beat()
            for _ in range(_PASSES):
                await trio.lowlevel.checkpoint()
            await self.write()

    async def write(self) -> None:
        """Write all that waits now. A hop that has begun is accounted for, in spite of any cancellation."""
        async with self._hop:
            jobs = list(self._jobs())
            if not jobs:
                return
            self._began = time.perf_counter()
            await trio.to_thread.run_sync(_write, jobs, limiter=self._limiter)
            self._metrics.write_seconds.observe(self.round_seconds)
            self._began = math.inf
            for job in jobs:
                self._account(job)

    def _jobs(self) -> Iterator[_Job]:
        now = time.monotonic()
        for recording in self._recordings:
            if recording.pending or recording.doubtful or recording.file.header_is_due(now):
                yield _job(recording)

    def _account(self, job: _Job) -> None:
        recording = job.recording
        self._metrics.written.inc(job.file.data_bytes - recording.written)
        recording.kept()
        if job.error is None:
            recording.written_again(job.failed_syncs)
        if job.error is not None:
            self._metrics.write_errors.inc()
        if job.error is not None and not recording.failing:
            log.error("cannot write", recording=recording.recording_id, error=str(job.error))
        elif job.error is None and recording.failing:
            log.info("writing again", recording=recording.recording_id, written=recording.written)
        recording.failing = job.error is not None


def _job(recording: LiveRecording) -> _Job:
    return _Job(
        recording,
        recording.file,
        chunks=tuple(recording.pending),
        again=tuple(recording.unsynced) if recording.doubtful else (),
        again_from=recording.synced,
        failed_syncs=recording.failed_syncs,
    )


def _write(jobs: Iterable[_Job]) -> None:
    """In the thread."""
    now = time.monotonic()
    for job in jobs:
        try:
            if job.again:
                job.file.write_again(job.again_from, job.again)
            job.file.append(job.chunks)
        except OSError as wrong:
            job.error = wrong
        _bring_header_up_to_date(job, now)


def _bring_header_up_to_date(job: _Job, now: float) -> None:
    """Also when the audio has found no room: the header takes none, and shall say what is there."""
    try:
        if job.file.header_is_due(now):
            job.file.refresh_header(now)
    except OSError as wrong:
        job.error = job.error or wrong
