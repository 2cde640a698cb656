"""The sessions: one row a call, from its registration to its end and after."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, tuple_

from storage.rows import Rows
from storage.schema import sessions

SessionState = Literal["waiting", "active", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call: `waiting` until its first audio, then `active`; `ended` for good with `ended_at`, `cause`."""

    session_uuid: str
    app_id: str
    node: str
    state: SessionState
    caller_id: str | None = None
    did: str | None = None
    legs: int
    created_at: float
    ended_at: float | None = None
    cause: str | None = None
    heard: list[dict[str, Any]] | None = None
    """What each leg had received when the call ended."""


_rows = Rows(sessions, Session)


def insert(tx: Connection, session: Session) -> None:
    """Add a session. Raises ConflictError (at the transaction's edge) where its UUID is taken."""
    _rows.insert(tx, session)


def get(tx: Connection, session_uuid: str) -> Session | None:
    """The session of that UUID."""
    return _rows.one(tx, session_uuid=session_uuid)


def activate(tx: Connection, session_uuid: str) -> bool:
    """The first audio came. False where the session was not waiting."""
    return _rows.change(tx, {"session_uuid": session_uuid, "state": "waiting"}, state="active")


def end(
    tx: Connection,
    session_uuid: str,
    *,
    cause: str,
    at: float,
    heard: list[dict[str, Any]] | None = None,
) -> bool:
    """The call is over. False where it had ended before, which then stays as it was."""
    live = {"session_uuid": session_uuid, "ended_at": None}
    return _rows.change(tx, live, state="ended", ended_at=at, cause=cause, heard=heard)


def page(
    tx: Connection, app_id: str, *, limit: int, before: tuple[float, str] | None = None
) -> list[Session]:
    """An application's sessions, newest first; `before`: (created_at, session_uuid) of the last one seen."""
    query = _rows.select().where(sessions.c.app_id == app_id)
    place = tuple_(sessions.c.created_at, sessions.c.session_uuid)
    if before is not None:
        query = query.where(place < before)
    query = query.order_by(sessions.c.created_at.desc(), sessions.c.session_uuid.desc()).limit(limit)
    return _rows.many(tx, query)


def unfinished(tx: Connection, node: str) -> list[Session]:
    """The sessions of a node that have not ended, oldest first."""
    query = _rows.select().where(sessions.c.node == node, sessions.c.ended_at.is_(None))
    return _rows.many(tx, query.order_by(sessions.c.created_at, sessions.c.session_uuid))
