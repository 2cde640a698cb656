"""Legal hold: a recording that is held neither expires nor can be erased. In transactions."""

from sqlalchemy import Connection

from storage import recordings as rows
from storage.recordings import Recording
from wavstream.retention import is_expired


def hold(tx: Connection, recording_id: str, *, now: float, reason: str | None) -> Recording | None:
    """Put a hold on a recording, running or over, and return it as it is then. None where it is not there.

    Held again, it stays held since the first time, and the newest reason counts. What has expired at `now` is
    not there any more: nobody could be promised that its file still is.
    """
    row = rows.get(tx, recording_id)
    if row is None or is_expired(row, now):
        return None
    since = now if row.held_at is None else row.held_at
    held = rows.hold(tx, recording_id, at=since, reason=reason or row.hold_reason)
    return rows.get(tx, recording_id) if held else None


def release(tx: Connection, recording_id: str) -> Recording | None:
    """Take a hold off, and return the recording as it is then: gone, if its time is over by now.

    None where it is not there; where no hold was on it, nothing changes.
    """
    return rows.get(tx, recording_id) if rows.release(tx, recording_id) else None
