"""What wavstream holds: one row a recording, from its first audio until it is erased."""

from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, delete, tuple_

from storage.rows import Rows
from storage.schema import recordings

RecordingState = Literal["recording", "completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording: `recording` until its end, then `completed` or `failed`, for good.

    `token` (32 hexadecimal digits, 128 random bits) is both the capability in its URL and its object's name.
    `duration` is in seconds, `size` in bytes and of the whole file. `expires_at` None: never, or not yet.
    `sha256` is that of the file as it is downloaded, `audio_sha256` that of the audio in it (the body of its
    `data` chunk), which begins after `header_bytes`; None: as an earlier version wrote it.
    """

    recording_id: str
    token: str
    name: str | None = None
    state: RecordingState
    reason: str | None = None
    sample_rate: int
    channels: int
    encoding: str
    started_at: float
    stopped_at: float | None = None
    expires_at: float | None = None
    duration: float | None = None
    size: int | None = None
    sha256: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    header_bytes: int | None = None
    audio_sha256: str | None = None

    @property
    def path(self) -> str:
        """The object's key, two folder levels deep."""
        return f"{self.token[:2]}/{self.token[2:4]}/{self.token}.wav"

    @property
    def side_path(self) -> str:
        """The key of the object beside it, which says in JSON what is known of it."""
        return f"{self.path.removesuffix('.wav')}.json"


_rows = Rows(recordings, Recording)
_columns = recordings.c


def insert(tx: Connection, recording: Recording) -> None:
    """Add a recording. Raises ConflictError, at the transaction's edge, where its id or token is taken."""
    _rows.insert(tx, recording)


def get(tx: Connection, recording_id: str) -> Recording | None:
    """The recording of that id."""
    return _rows.one(tx, recording_id=recording_id)


def by_token(tx: Connection, token: str) -> Recording | None:
    """The recording whose URL carries that token."""
    return _rows.one(tx, token=token)


def complete(
    tx: Connection,
    recording_id: str,
    *,
    reason: str,
    stopped_at: float,
    expires_at: float | None,
    duration: float,
    size: int,
    sha256: str,
    audio_sha256: str | None = None,
    metadata: dict[str, Any],
) -> bool:
    """The file is whole and on the disk. False where the recording had ended before."""
    return _rows.change(
        tx,
        {"recording_id": recording_id, "state": "recording"},
        state="completed",
        reason=reason,
        stopped_at=stopped_at,
        expires_at=expires_at,
        duration=duration,
        size=size,
        sha256=sha256,
        audio_sha256=audio_sha256,
        metadata=metadata,
    )


def fail(
    tx: Connection, recording_id: str, *, reason: str, stopped_at: float, expires_at: float | None = None
) -> bool:
    """Nothing could be kept; the row may expire as well. False where the recording had ended before."""
    return _rows.change(
        tx,
        {"recording_id": recording_id, "state": "recording"},
        state="failed",
        reason=reason,
        stopped_at=stopped_at,
        expires_at=expires_at,
    )


def unfinished(tx: Connection) -> list[Recording]:
    """The recordings that have not ended, oldest first."""
    query = _rows.select().where(_columns.state == "recording")
    return _rows.many(tx, query.order_by(_columns.started_at, _columns.recording_id))


def expired(tx: Connection, *, now: float, limit: int) -> list[Recording]:
    """At most `limit` recordings whose time is over at `now`, the longest over first; never a live one."""
    query = _rows.select().where(_columns.expires_at <= now, _columns.state != "recording")
    return _rows.many(tx, query.order_by(_columns.expires_at).limit(limit))


def erase(tx: Connection, recording_id: str) -> bool:
    """Forget a recording, in whatever state. False where there was none."""
    return tx.execute(delete(recordings).where(_columns.recording_id == recording_id)).rowcount > 0


def page(
    tx: Connection,
    *,
    limit: int,
    name: str | None = None,
    state: str | None = None,
    since: float | None = None,
    until: float | None = None,
    before: tuple[float, str] | None = None,
) -> list[Recording]:
    """Recordings, newest first, that fit all that is given.

    `since` <= started_at < `until`; `before` is (started_at, recording_id) of the last one seen.
    """
    query = _rows.select()
    if name is not None:
        query = query.where(_columns.name == name)
    if state is not None:
        query = query.where(_columns.state == state)
    if since is not None:
        query = query.where(_columns.started_at >= since)
    if until is not None:
        query = query.where(_columns.started_at < until)
    if before is not None:
        query = query.where(tuple_(_columns.started_at, _columns.recording_id) < before)
    return _rows.many(
        tx, query.order_by(_columns.started_at.desc(), _columns.recording_id.desc()).limit(limit)
    )
