"""The end of a recording: its file whole and synced, then its row. One function, for one thread call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from storage import recordings
from storage.catalog import Catalog
from storage.recordings import Recording
from wavstream.files import Finished, RecordingFile
from wavstream.label import label
from wavstream.process import logs
from wavstream.protocol import Reason

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """All that an ending needs: the `row` as it began, the audio that still waits, what is decided."""

    row: Recording
    file: RecordingFile
    doubtful: Sequence[bytes]
    """Audio in the file that a failed sync may have lost, from offset `doubtful_from` on."""
    doubtful_from: int
    waiting: Sequence[bytes]
    reason: Reason
    stopped_at: float
    expires_at: float | None
    notes: Sequence[str]


def end(catalog: Catalog, ending: Ending) -> Recording:
    """End a recording, and return its final row; blocks. After an error it can be called again.

    Without one whole frame of audio there is nothing to announce: then it has failed. Raises OSError and
    CatalogError.
    """
    if ending.doubtful:
        ending.file.write_again(ending.doubtful_from, ending.doubtful)
    if ending.waiting:
        ending.file.append(ending.waiting)
    final = _end(catalog, ending)
    ending.file.is_known()
    ending.file.leave_journal()
    return final


def _end(catalog: Catalog, ending: Ending) -> Recording:
    if ending.file.is_empty:
        ending.file.remove()
        return _fail(catalog, ending)
    return _complete(catalog, ending, ending.file.finish())


def _fail(catalog: Catalog, ending: Ending) -> Recording:
    with catalog.transaction() as tx:
        register(tx, ending.row)
        recordings.fail(
            tx,
            ending.row.recording_id,
            reason=ending.reason,
            stopped_at=ending.stopped_at,
            expires_at=ending.expires_at,
        )
    return replace(
        ending.row,
        state="failed",
        reason=ending.reason,
        stopped_at=ending.stopped_at,
        expires_at=ending.expires_at,
    )


def _complete(catalog: Catalog, ending: Ending, finished: Finished) -> Recording:
    notes = {"notes": list(ending.notes)} if ending.notes else {}
    final = replace(
        ending.row,
        state="completed",
        reason=ending.reason,
        stopped_at=ending.stopped_at,
        expires_at=ending.expires_at,
        duration=finished.duration,
        size=finished.size,
        sha256=finished.sha256,
        audio_sha256=finished.audio_sha256,
        metadata=ending.row.metadata | notes,
    )
    _conclude(ending.file, final)
    with catalog.transaction() as tx:
        register(tx, ending.row)
        recordings.complete(
            tx,
            final.recording_id,
            reason=ending.reason,
            stopped_at=ending.stopped_at,
            expires_at=ending.expires_at,
            duration=finished.duration,
            size=finished.size,
            sha256=finished.sha256,
            audio_sha256=finished.audio_sha256,
            metadata=final.metadata,
        )
    return final


def _conclude(file: RecordingFile, final: Recording) -> None:
    """The side file before the row: after a kill in between, the row is what ends it once more.

    A recording that is whole does not wait for it: without it the rebuilding of a lost catalogue would take
    this one for unfinished, and end it as interrupted.
    """
    try:
        file.conclude(label(final))
    except OSError as wrong:
        log.error("cannot write the side file", recording=final.recording_id, error=str(wrong))  # noqa: TRY400 - expected


def register(tx: Connection, row: Recording) -> None:
    """Put a row into the catalogue as it is now: new, or there already, perhaps under an earlier name."""
    known = recordings.get(tx, row.recording_id)
    if known is not None and known.name == row.name:
        return
    if known is not None:  # what else is known of it by now, a hold perhaps, stays
        recordings.rename(tx, row.recording_id, row.name)
    else:
        recordings.insert(tx, row)
