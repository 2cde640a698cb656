"""At the start: what an earlier run left unfinished is repaired from what lies on the disk, and goes on."""

import time
from collections.abc import Callable, Iterable

import trio

from storage import recordings as rows
from storage.objects import ObjectStore
from storage.recordings import Recording
from wavstream.files import RecordingFile
from wavstream.label import label, wav_format
from wavstream.process import logs
from wavstream.recordings import Recordings

log = logs.get(__name__)


async def recover(recordings: Recordings, *, is_resumable: Callable[[Recording], bool]) -> int:
    """Take up all unfinished recordings, and return how many.

    Those that are resumable wait for their client, the others end as interrupted. To be called before the
    listener opens: nobody may come back sooner. Raises CatalogError.
    """
    unfinished = await recordings.catalog.run(rows.unfinished)
    for row, file, silent_since in await trio.to_thread.run_sync(_repair_all, recordings.store, unfinished):
        recordings.adopt(row, file, resumable=is_resumable(row), silent_since=silent_since)
    return len(unfinished)


_Repaired = tuple[Recording, RecordingFile, float]
"""A row, its file, and when the file was last written: when its audio stopped, in seconds since the epoch."""


def _repair_all(store: ObjectStore, unfinished: Iterable[Recording]) -> list[_Repaired]:
    return [repaired for row in unfinished if (repaired := _repair(store, row)) is not None]


def _repair(store: ObjectStore, row: Recording) -> _Repaired | None:
    try:
        store.size(row.path)
    except FileNotFoundError:  # it ended before its first audio was written
        return row, RecordingFile(store, row.path, wav_format(row), label=label(row)), time.time()
    file = RecordingFile(store, row.path, wav_format(row), label=label(row), exists=True)
    try:
        written_at = file.recover()
    except OSError as wrong:
        # It stays as it is, for the next start: what cannot be read cannot be gone on with.
        log.error("cannot repair", recording=row.recording_id, error=str(wrong))  # noqa: TRY400 - expected
        return None
    log.info("recording repaired", recording=row.recording_id, audio_bytes=file.data_bytes)
    return row, file, written_at
