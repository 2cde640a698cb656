"""What the daemon was told to record: one row a `record/start`, until its one terminal state."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, func, select

from storage.rows import Rows
from storage.schema import call_recordings, sessions

CallRecordingState = Literal["recording", "finishing", "completed", "failed", "erased"]

_LIVE = ("recording", "finishing")
_CONTENT: dict[str, object] = dict.fromkeys(
    ("recording_url", "duration", "size", "sha256", "expires_at", "error", "pauses", "heard", "quality")
)
"""What an erased recording has no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecording:
    """One recording of a session.

    `recording` until its stop, `finishing` until wavstream has it all, then `completed` or `failed`, until it
    is `erased`: then nothing is left of it but which call's it was, when it ran, and `erased_at`.
    `command_uid` is that of its `record/start`; `duration` is in seconds, `size` in bytes, `sha256` in hex.
    `pauses` are [from, to] in seconds from its start, `to` None: not resumed. `heard` says, once it is
    completed, what became of its legs' samples, `quality` how good each side is (a
    `daemon.media.quality.Quality` as JSON), by its name.
    """

    recording_id: str
    session_uuid: str
    app_id: str
    command_uid: str
    state: CallRecordingState
    reason: str | None = None
    sample_rate: int
    channels: int
    encoding: str
    started_at: float
    stopped_at: float | None = None
    recording_url: str | None = None
    duration: float | None = None
    size: int | None = None
    sha256: str | None = None
    expires_at: float | None = None
    error: str | None = None
    erased_at: float | None = None
    pauses: list[list[float | None]] | None = None
    heard: dict[str, Any] | None = None
    quality: dict[str, Any] | None = None

    @property
    def no_audio(self) -> bool | None:
        """Whether nothing in it can be heard; None where that is not known, as before its end."""
        if self.duration == 0:
            return True
        return None if self.quality is None else not any(side["audible"] for side in self.quality.values())

    @property
    def is_paused(self) -> bool:
        """Whether it runs and hears nothing."""
        return self.state == "recording" and self.pauses is not None and self.pauses[-1][1] is None


_rows = Rows(call_recordings, CallRecording)
_columns = call_recordings.c

# Put together once: see `storage.rows`.
_OF_SESSION = (
    _rows.select()
    .where(_columns.session_uuid == bindparam("session"))
    .order_by(_columns.started_at.desc(), _columns.recording_id.desc())
)

_COUNT = (
    select(_columns.state, func.count().label("number"))
    .join(sessions)
    .where(_columns.state.in_(_LIVE), sessions.c.node == bindparam("of"))
    .group_by(_columns.state)
)


def insert(tx: Connection, recording: CallRecording) -> None:
    """Add one. Raises ConflictError, at the transaction's edge, for a known id or an unknown session."""
    _rows.insert(tx, recording)


def get(tx: Connection, recording_id: str) -> CallRecording | None:
    """The recording of that id."""
    return _rows.one(tx, recording_id=recording_id)


def of_session(tx: Connection, session_uuid: str) -> list[CallRecording]:
    """The recordings of a session, newest first."""
    return _rows.many(tx, _OF_SESSION, session=session_uuid)


def stopping(tx: Connection, recording_id: str, *, reason: str, at: float) -> bool:
    """It was told to stop. False where it was not recording any more: the first stop counts."""
    running = {"recording_id": recording_id, "state": "recording"}
    return _rows.change(tx, running, state="finishing", reason=reason, stopped_at=at)


def pausing(tx: Connection, recording_id: str, *, pauses: list[list[float | None]]) -> bool:
    """It was told to pause, or to go on. False where it is not recording any more."""
    return _rows.change(tx, {"recording_id": recording_id, "state": "recording"}, pauses=pauses)


def completed(
    tx: Connection,
    recording_id: str,
    *,
    reason: str,
    url: str,
    duration: float,
    size: int,
    sha256: str,
    expires_at: float | None,
    heard: dict[str, Any] | None = None,
    quality: dict[str, Any] | None = None,
) -> bool:
    """It can be downloaded. False where it was completed or failed already."""
    return _rows.change(
        tx,
        {"recording_id": recording_id, "state": _LIVE},
        state="completed",
        reason=reason,
        recording_url=url,
        duration=duration,
        size=size,
        sha256=sha256,
        expires_at=expires_at,
        heard=heard,
        quality=quality,
    )


def failed(tx: Connection, recording_id: str, *, error: str) -> bool:
    """No audio could be kept. False where it was completed or failed already."""
    return _rows.change(tx, {"recording_id": recording_id, "state": _LIVE}, state="failed", error=error)


def erase(tx: Connection, recording_id: str, *, at: float) -> bool:
    """Keep no more than a receipt of one that is over. False where it runs, or is erased already."""
    over = {"recording_id": recording_id, "state": ("completed", "failed")}
    return _rows.change(tx, over, state="erased", erased_at=at, **_CONTENT)


def unfinished(tx: Connection, node: str) -> list[CallRecording]:
    """The recordings in a node's sessions that are neither completed nor failed, oldest first."""
    query = _rows.select().join(sessions).where(_columns.state.in_(_LIVE), sessions.c.node == node)
    return _rows.many(tx, query.order_by(_columns.started_at, _columns.recording_id))


def live(tx: Connection, node: str) -> dict[str, int]:
    """How many recordings in a node's sessions are in each of the states that are no end."""
    found = {str(row.state): int(row.number) for row in tx.execute(_COUNT, {"of": node})}
    return dict.fromkeys(_LIVE, 0) | found
