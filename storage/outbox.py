"""The webhooks to be sent, stored in the same transaction as the change that each reports.

Events of one session leave in the order of `sequence`: only the oldest pending one, the head of its line,
may be due, and the next takes its place once it is delivered, skipped or dead.
"""

import json
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    update,
)

from storage.rows import Rows
from storage.schema import applications, outbox, sessions

EventState = Literal["pending", "delivered", "skipped", "dead", "dropped"]

EMPTY = "{}"
"""The payload of an event whose content was taken away: nothing that could be sent."""


_EVENT_ID = re.compile(r"msg_[0-9a-f]{32}")


def is_event_id(text: str) -> bool:
    """Whether `text` has the form of an event's id."""
    return _EVENT_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One webhook; `payload` is the exact JSON text that is sent, and signed, at every attempt.

    `tried_since` is when a dead letter was sent again (see `storage.letters`), None for any other event.
    """

    event_id: str
    app_id: str
    session_uuid: str
    sequence: int
    event: str
    payload: str
    created_at: float
    attempts: int
    next_attempt_at: float
    state: EventState
    last_error: str | None
    tried_since: float | None = None


_rows = Rows(outbox, Event)
_columns = outbox.c

_SETTLED = ("delivered", "skipped", "dead", "dropped")

# Put together once: see `storage.rows`.
_ONE_MORE = _columns.attempts + 1
_OF_SESSION = _columns.session_uuid == bindparam("session")
_PENDING = _columns.state == "pending"
_SESSION = sessions.c.session_uuid == bindparam("session")
_EVENT = _columns.event_id == bindparam("event")
_PLACE = select(_columns.session_uuid, _columns.sequence, _columns.head).where(_EVENT, _PENDING)
_LOCK = (
    select(sessions.c.session_uuid)
    .where(sessions.c.session_uuid == select(_columns.session_uuid).where(_EVENT).scalar_subquery())
    .with_for_update()
)
_BEHIND = (
    select(func.min(_columns.sequence))
    .where(_OF_SESSION, _columns.sequence > bindparam("after"), _PENDING)
    .scalar_subquery()
)
_PROMOTE = update(outbox).where(_OF_SESSION, _columns.sequence == _BEHIND).values(head=True)
# The state in the index's own words, not as a parameter: else SQLite does not see that the index fits.
_WAITING = _columns.state == literal_column("'pending'")
_BACKLOG = select(
    select(func.count()).select_from(outbox).where(_WAITING).scalar_subquery(),
    select(func.min(_columns.created_at)).where(_WAITING).scalar_subquery(),
)
_OF_RECORDINGS = ("recording.completed", "recording.failed", "recording.no_audio")
_TOLD = select(_columns.event_id, _columns.payload).where(
    _OF_SESSION, ~_PENDING, _columns.event.in_(_OF_RECORDINGS)
)
_APPLICATION = applications.c.app_id == bindparam("app")
_COUNT = (
    update(sessions)
    .where(_SESSION)
    .values(last_sequence=sessions.c.last_sequence + 1)
    .returning(
        sessions.c.last_sequence,
        exists().where(_OF_SESSION, _PENDING).label("waiting"),
        select(applications.c.webhook_url).where(_APPLICATION).scalar_subquery().label("webhook_url"),
        select(applications.c.events).where(_APPLICATION).scalar_subquery().label("events"),
    )
)
"""One statement: every event of every call comes by here."""


def append(
    tx: Connection,
    *,
    session_uuid: str,
    app_id: str,
    event: str,
    fields: Mapping[str, object],
    now: float,
) -> Event:
    """Store an event behind the earlier ones of its session, under the session's next sequence (from 1 on).

    One that its application does not want is settled with that: `skipped`. Raises LookupError for an unknown
    session, ValueError for fields that JSON has no form for.
    """
    # The session's row is locked by this (PostgreSQL): it keeps a session's events one behind the other.
    place = tx.execute(_COUNT, {"session": session_uuid, "app": app_id}).one_or_none()
    if place is None:
        raise LookupError(f"no session {session_uuid}")
    sequence = int(place.last_sequence)
    unwanted = place.webhook_url == "" or bool(place.events and event not in place.events)
    body = {"event": event, "session_uuid": session_uuid, "sequence": sequence, **fields}
    stored = Event(
        event_id=f"msg_{secrets.token_hex(16)}",
        app_id=app_id,
        session_uuid=session_uuid,
        sequence=sequence,
        event=event,
        payload=json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")),
        created_at=now,
        attempts=0,
        next_attempt_at=now,
        state="skipped" if unwanted else "pending",
        last_error=None,
    )
    settled_at = now if unwanted else None
    _rows.insert(tx, stored, head=not (unwanted or place.waiting), delivered_at=settled_at)
    return stored


def due(
    tx: Connection,
    *,
    now: float,
    limit: int,
    busy: Collection[str] = (),
    busy_apps: Collection[str] = (),
) -> list[Event]:
    """At most `limit` events that may be tried at `now`, at most one a session, the longest due first.

    Nothing of the sessions in `busy` (one of theirs is on its way) nor of the applications in `busy_apps`.
    """
    query = _due(bool(busy), bool(busy_apps))
    return _rows.many(tx, query, now=now, limit=limit, busy=list(busy), busy_apps=list(busy_apps))


def next_due(tx: Connection, *, busy: Collection[str] = (), busy_apps: Collection[str] = ()) -> float | None:
    """When the next event comes due, maybe in the past; None where `due` has nothing to wait for."""
    query = _next_due(bool(busy), bool(busy_apps))
    return tx.execute(query, {"busy": list(busy), "busy_apps": list(busy_apps)}).scalar_one_or_none()


def delivered(tx: Connection, event_id: str, at: float) -> bool:
    """The receiver took it, at one more attempt; the next may be due. False where it was not pending."""
    return _settle(tx, event_id, state="delivered", delivered_at=at, attempts=_ONE_MORE)


def skip(tx: Connection, event_id: str, at: float) -> bool:
    """The application does not want it: settled without an attempt. False where it was not pending."""
    return _settle(tx, event_id, state="skipped", delivered_at=at)


def bury(tx: Connection, event_id: str, *, error: str) -> bool:
    """The last attempt failed: a dead letter; the next may be due. False where it was not pending."""
    return _settle(tx, event_id, state="dead", last_error=error, attempts=_ONE_MORE)


def retry(tx: Connection, event_id: str, *, at: float, error: str) -> bool:
    """An attempt failed; the next comes not before `at`. False where it was not pending."""
    pending = {"event_id": event_id, "state": "pending"}
    return _rows.change(tx, pending, attempts=_ONE_MORE, next_attempt_at=at, last_error=error)


def forget(tx: Connection, session_uuid: str, recording_id: str) -> None:
    """Empty the payloads of a recording's own events; not of those still pending, which have yet to leave."""
    settled = tx.execute(_TOLD, {"session": session_uuid}).all()
    for event_id, payload in settled:
        if json.loads(payload).get("recording_id") == recording_id:
            # Once more the state: a dead letter may be pending again meanwhile (PostgreSQL).
            _rows.change(tx, {"event_id": event_id, "state": _SETTLED}, payload=EMPTY)


def backlog(tx: Connection) -> tuple[int, float | None]:
    """How many events are pending, and when the oldest of them was stored; None where none is."""
    count, oldest = tx.execute(_BACKLOG).one()
    return int(count), oldest


def lock(tx: Connection, event_id: str) -> None:
    """Keep the line of this event's session to this transaction (PostgreSQL; SQLite has one writer anyway).

    What another changed in it before is seen by every statement after this one.
    """
    tx.execute(_LOCK, {"event": event_id})


@cache
def _due(busy: bool, busy_apps: bool) -> Select[*tuple[Any, ...]]:
    query = _rows.select().where(_free(busy, busy_apps), _columns.next_attempt_at <= bindparam("now"))
    in_order = query.order_by(_columns.next_attempt_at, _columns.session_uuid)
    return in_order.limit(bindparam("limit", type_=Integer))


@cache
def _next_due(busy: bool, busy_apps: bool) -> Select[float]:
    query = select(_columns.next_attempt_at).where(_free(busy, busy_apps))
    return query.order_by(_columns.next_attempt_at).limit(1)


def _free(busy: bool, busy_apps: bool) -> ColumnElement[bool]:
    """The condition on `head` stands as the index has it, or the index is not used."""
    conditions: list[ColumnElement[bool]] = [_columns.head]
    if busy:
        conditions.append(_columns.session_uuid.not_in(bindparam("busy", expanding=True)))
    if busy_apps:
        conditions.append(_columns.app_id.not_in(bindparam("busy_apps", expanding=True)))
    return and_(*conditions)


def _settle(tx: Connection, event_id: str, **values: object) -> bool:
    lock(tx, event_id)
    place = tx.execute(_PLACE, {"event": event_id}).one_or_none()
    if place is None:
        return False
    settled = _rows.change(tx, {"event_id": event_id, "state": "pending"}, head=False, **values)
    # Not where it was no head any more: an earlier one was sent again while it was on its way.
    if place.head:
        tx.execute(_PROMOTE, {"session": place.session_uuid, "after": place.sequence})
    return settled
