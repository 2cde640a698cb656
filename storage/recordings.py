"""What wavstream holds: one row a recording, from its first audio until it is erased."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, tuple_, update

from storage.rows import Rows
from storage.schema import recordings

RecordingState = Literal["recording", "completed", "failed", "erasing"]

_OVER = ("completed", "failed")
_KEPT = ("recording", *_OVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording: `recording` until its end, then `completed` or `failed`, until it is to go.

    Then it is `erasing`: nobody is shown it any more, its files go, and last its row.
    `token` (32 hexadecimal digits, 128 random bits) is both the capability in its URL and its object's name.
    `duration` is in seconds, `size` in bytes and of the whole file. `expires_at` None: never, or not yet.
    `sha256` is that of the file as it is downloaded, `audio_sha256` that of the audio in it (the body of its
    `data` chunk), which begins after `header_bytes`; None: as an earlier version wrote it.
    `held_at` says since when it is on legal hold, `hold_reason` why; as long as it is, it stays.
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
    held_at: float | None = None
    hold_reason: str | None = None

    @property
    def path(self) -> str:
        """The object's key, two folder levels deep."""
        return key(self.token)

    @property
    def side_path(self) -> str:
        """The key of the object beside it, which says in JSON what is known of it."""
        return side_key(self.token)


def key(token: str) -> str:
    """The key of a recording's object, from its token."""
    return f"{token[:2]}/{token[2:4]}/{token}.wav"


def side_key(token: str) -> str:
    """The key of the object beside it; see `Recording.side_path`."""
    return f"{key(token).removesuffix('.wav')}.json"


_rows = Rows(recordings, Recording)
_columns = recordings.c

# Put together once: see `storage.rows`.
_AMONG = _columns.recording_id.in_(bindparam("ids", expanding=True))
_CLAIM = update(recordings).where(_AMONG, _columns.held_at.is_(None)).values(state="erasing")
_CLAIMED = _rows.select().where(_AMONG, _columns.state == "erasing").order_by(_columns.expires_at)
_POSTPONE = update(recordings).where(_AMONG, _columns.state == "erasing").values(expires_at=bindparam("at"))
_ERASE = delete(recordings).where(_AMONG)


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
    """At most `limit` recordings whose time is over at `now`, the longest over first; no live or held one."""
    query = _rows.select().where(
        _columns.expires_at <= now, _columns.held_at.is_(None), _columns.state != "recording"
    )
    return _rows.many(tx, query.order_by(_columns.expires_at).limit(limit))


def claim(tx: Connection, *, now: float, limit: int) -> list[Recording]:
    """Those of `expired`, which are `erasing` from now on: once committed, no hold can be put on them.

    Found again for as long as their rows are there, also after a crash.
    """
    due = [recording.recording_id for recording in expired(tx, now=now, limit=limit)]
    if not due:
        return []
    tx.execute(_CLAIM, {"ids": due})
    return _rows.many(tx, _CLAIMED, ids=due)


def condemn(tx: Connection, recording_id: str, *, now: float) -> bool:
    """It is to go before its time. False where it runs, is held, or is not there; see `claim`."""
    over = {"recording_id": recording_id, "state": _OVER, "held_at": None}
    return _rows.change(tx, over, state="erasing", expires_at=now)


def postpone(tx: Connection, recording_ids: Sequence[str], *, until: float) -> None:
    """What could not be erased is not to be found by `claim` before then: it would stand before others."""
    tx.execute(_POSTPONE, {"ids": list(recording_ids), "at": until})


def hold(tx: Connection, recording_id: str, *, at: float, reason: str | None) -> bool:
    """Keep it until `release`, whatever its time. False where it is not there, or is being erased."""
    return _rows.change(tx, {"recording_id": recording_id, "state": _KEPT}, held_at=at, hold_reason=reason)


def release(tx: Connection, recording_id: str) -> bool:
    """Its own time counts again. False where it is not there, or is being erased."""
    kept = {"recording_id": recording_id, "state": _KEPT}
    return _rows.change(tx, kept, held_at=None, hold_reason=None)


def rename(tx: Connection, recording_id: str, name: str | None) -> bool:
    """It has another name. False where there was none of that id."""
    return _rows.change(tx, {"recording_id": recording_id}, name=name)


def erase(tx: Connection, *recording_ids: str) -> bool:
    """Forget recordings, in whatever state. False where there was none."""
    return tx.execute(_ERASE, {"ids": list(recording_ids)}).rowcount > 0


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
    """Recordings, newest first, that fit all that is given; none that is being erased.

    `since` <= started_at < `until`; `before` is (started_at, recording_id) of the last one seen.
    """
    query = _rows.select().where(_columns.state != "erasing" if state is None else _columns.state == state)
    if name is not None:
        query = query.where(_columns.name == name)
    if since is not None:
        query = query.where(_columns.started_at >= since)
    if until is not None:
        query = query.where(_columns.started_at < until)
    if before is not None:
        query = query.where(tuple_(_columns.started_at, _columns.recording_id) < before)
    return _rows.many(
        tx, query.order_by(_columns.started_at.desc(), _columns.recording_id.desc()).limit(limit)
    )
