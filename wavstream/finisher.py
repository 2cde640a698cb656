"""How what a recording has becomes its end: on the disk, in the catalogue, as often as it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat

import trio

from storage.catalog import Catalog, CatalogError
from storage.recordings import Recording
from wavstream.completion import Ending, end
from wavstream.files import RecordingFile
from wavstream.live import LiveRecording
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.retention import expires_at
from wavstream.writer import Writer

FINISHERS = 4
"""Files made whole at a time: each waits for the disk, and several together hardly wait longer than one."""
_RETRY_SECONDS = (0.5, 1, 2, 5, 10, 30)
"""Pauses between attempts to end a recording; the last goes on for ever, or until the program stops."""

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long things last. `elsewhere`: another store shows the files, and its own policy rules."""

    retention_hours: float
    orphan_seconds: float
    elsewhere: bool


class Finisher:
    """Brings recordings that are over to their end, and those that wait for their client to the disk."""

    def __init__(self, catalog: Catalog, writer: Writer, policy: Policy, metrics: Metrics) -> None:
        self._catalog = catalog
        self._writer = writer
        self._policy = policy
        self._metrics = metrics
        self._at_once = trio.CapacityLimiter(FINISHERS)

    async def end(self, recording: LiveRecording) -> Recording:
        """Try until it has ended; gives its last row."""
        await self._writer.release(recording)
        pauses = chain(_RETRY_SECONDS, repeat(_RETRY_SECONDS[-1]))
        final = await self._try_to_end(recording)
        while final is None:
            await trio.sleep(next(pauses))
            final = await self._try_to_end(recording)
        return final

    async def settle(self, recording: LiveRecording) -> Recording | None:
        """Before the program ends: one attempt, or it is left for its client. Gives the row of what ended."""
        await self._writer.release(recording)
        if recording.state == "finishing":
            return await self._try_to_end(recording)
        await self._leave_for_client(recording)
        return None

    async def _try_to_end(self, recording: LiveRecording) -> Recording | None:
        ending = Ending(
            row=recording.row,
            file=recording.file,
            doubtful=tuple(recording.unsynced) if recording.doubtful else (),
            doubtful_from=recording.synced,
            waiting=tuple(recording.pending),
            reason=recording.reason,
            stopped_at=recording.stopped_at,
            expires_at=expires_at(
                recording.stopped_at,
                retention_hours=self._policy.retention_hours,
                elsewhere=self._policy.elsewhere,
            ),
            notes=tuple(recording.notes),
        )
        try:
            final = await trio.to_thread.run_sync(end, self._catalog, ending, limiter=self._at_once)
        except (OSError, CatalogError) as wrong:
            self._kept(recording)
            if isinstance(wrong, OSError):
                recording.sync_failed()  # or so it may be: the next attempt writes it again
            log.error("cannot finish", recording=recording.recording_id, error=str(wrong))  # noqa: TRY400 - expected
            return None
        self._kept(recording)
        return final

    async def _leave_for_client(self, recording: LiveRecording) -> None:
        """Twice, where it fails: the second time writes again what a failed sync may have lost."""
        for _ in range(2):
            if not recording.received or await self._bring_to_disk(recording):
                break
        log.info("recording left for its client", recording=recording.recording_id, written=recording.written)

    async def _bring_to_disk(self, recording: LiveRecording) -> bool:
        doubtful = tuple(recording.unsynced) if recording.doubtful else ()
        work = partial(_bring_to_disk, recording.file, recording.synced, doubtful, tuple(recording.pending))
        try:
            await trio.to_thread.run_sync(work, limiter=self._at_once)
        except OSError as wrong:
            self._kept(recording)
            recording.sync_failed()
            log.error("cannot write", recording=recording.recording_id, error=str(wrong))  # noqa: TRY400 - expected
            return False
        self._kept(recording)
        return True

    def _kept(self, recording: LiveRecording) -> None:
        self._metrics.written.inc(recording.file.data_bytes - recording.written)
        recording.kept()


def _bring_to_disk(
    file: RecordingFile, doubtful_from: int, doubtful: Sequence[bytes], waiting: Sequence[bytes]
) -> None:
    if doubtful:
        file.write_again(doubtful_from, doubtful)
    file.append(waiting)
    file.sync()
