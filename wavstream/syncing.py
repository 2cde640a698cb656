"""The sync: all files together to the disk, once a period, in a thread of its own.

One `syncfs` for 200 growing files takes 50 ms and no CPU to speak of; an `fdatasync` each takes a second, and
40 ms of CPU. Nobody waits for it: not the writer, not an `ack`, which says that write(2) took the audio.

A sync that fails is no sync, and neither is the next one by itself: Linux reports a lost page once, takes it
for clean from then on, and the second call finds nothing wrong. So the audio that no sync has confirmed stays
in memory (`LiveRecording.unsynced`), is written again after a failure, and only then synced once more.
"""

import ctypes
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

import trio

from wavstream.live import LiveRecording, SyncMark
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.cadence import Cadence

FAILED_SECONDS = 1.0
"""After a sync that failed: the next beat writes again what it lost, and then it is tried again."""

_LIBC = ctypes.CDLL(None, use_errno=True)

log = logs.get(__name__)


def sync_filesystem(folder: int) -> None:
    """All that was written to the file system of an open folder, safe from power loss; blocks.

    Raises OSError, also for what the kernel failed to write since the last call on this descriptor.
    """
    if _LIBC.syncfs(folder) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Syncer:
    """Syncs the file system of `folder` every `seconds` while there is something to sync."""

    def __init__(
        self,
        folder: Path,
        *,
        seconds: float,
        recordings: Callable[[], Collection[LiveRecording]],
        cadence: Cadence,
        metrics: Metrics,
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._recordings = recordings
        self._cadence = cadence
        self._metrics = metrics
        self._failing = False
        # A thread of its own: a disk that hangs here keeps nobody else's.
        self._limiter = trio.CapacityLimiter(1)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sync until cancelled. A sync that hangs when cancelled is left behind in its thread.

        Raises OSError where there is no such folder.
        """
        # One descriptor for all syncs: it remembers which failures it has been told.
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            task_status.started()
            await self._sync(folder, ())  # what an earlier run has left
            due = trio.current_time() + self._seconds
            while True:
                await self._cadence.beat()
                if trio.current_time() < due and not any(each.wants_sync for each in self._recordings()):
                    continue
                marks = [(each, mark) for each in self._recordings() if (mark := each.mark()) is not None]
                if marks and not await self._sync(folder, marks):
                    due = trio.current_time() + FAILED_SECONDS
                else:
                    due = trio.current_time() + self._seconds
        finally:
            os.close(folder)

    async def _sync(self, folder: int, marks: Collection[tuple[LiveRecording, SyncMark]]) -> bool:
        """One sync for all; False where it failed. What is written meanwhile is the next one's."""
        began = time.perf_counter()
        try:
            # On a descriptor of the thread's own: it may still hang there when ours is closed.
            await trio.to_thread.run_sync(
                _sync_and_close, os.dup(folder), limiter=self._limiter, abandon_on_cancel=True
            )
        except OSError as wrong:
            self._failed([recording for recording, _ in marks], wrong)
            return False
        self._metrics.sync_seconds.observe(time.perf_counter() - began)
        for recording, mark in marks:
            recording.is_synced(mark)
        if self._failing:
            log.info("syncing again", recordings=len(marks))
        self._failing = False
        return True

    def _failed(self, recordings: Collection[LiveRecording], wrong: OSError) -> None:
        self._metrics.sync_errors.inc()
        for recording in recordings:
            recording.sync_failed()
        if not self._failing:
            log.error("cannot sync", error=str(wrong), recordings=len(recordings))
        self._failing = True


def _sync_and_close(folder: int) -> None:
    try:
        sync_filesystem(folder)
    finally:
        os.close(folder)
