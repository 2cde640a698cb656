"""The dead letters: events of the outbox that nobody took in time.

Each stays until it is sent again, under the same id, or dropped. One whose recording was erased is empty:
it can only be dropped.
"""

from sqlalchemy import Connection, bindparam, false, func, literal_column, select, true, tuple_, update

from storage.outbox import EMPTY, Event, lock
from storage.rows import Rows
from storage.schema import outbox

Place = tuple[float, str]
"""Of a letter among all others: `created_at` and `event_id`."""

_rows = Rows(outbox, Event)
_columns = outbox.c

# Put together once: see `storage.rows`. The state in the index's own words, not as a parameter: else SQLite
# does not see that the index fits.
_DEAD = _columns.state == literal_column("'dead'")
_place = tuple_(_columns.created_at, _columns.event_id)
_OF_SESSION = _columns.session_uuid == bindparam("session")
_AGAIN = (
    update(outbox)
    .where(_columns.event_id == bindparam("letter"), _DEAD, _columns.payload != EMPTY)
    .values(
        state="pending",
        attempts=0,
        next_attempt_at=bindparam("at"),
        tried_since=bindparam("at"),
        last_error=None,
    )
    .returning(_columns.session_uuid)
)
_FIRST = select(func.min(_columns.sequence)).where(_OF_SESSION, _columns.state == "pending").scalar_subquery()
_UNSEAT = update(outbox).where(_OF_SESSION, _columns.head).values(head=false())
_SEAT = update(outbox).where(_OF_SESSION, _columns.sequence == _FIRST).values(head=true())


def page(
    tx: Connection, *, limit: int, app_id: str | None = None, before: Place | None = None
) -> list[Event]:
    """Dead letters, of all applications or of one, newest first; `before`: the place of the last one seen."""
    query = _rows.select().where(_DEAD)
    if app_id is not None:
        query = query.where(_columns.app_id == app_id)
    if before is not None:
        query = query.where(_place < before)
    return _rows.many(tx, query.order_by(_columns.created_at.desc(), _columns.event_id.desc()).limit(limit))


def oldest(tx: Connection, app_id: str, *, limit: int, after: Place | None = None) -> list[Event]:
    """An application's dead letters, oldest first; `after`: the place of the last one seen."""
    query = _rows.select().where(_DEAD, _columns.app_id == app_id)
    if after is not None:
        query = query.where(_place > after)
    return _rows.many(tx, query.order_by(_columns.created_at, _columns.event_id).limit(limit))


def get(tx: Connection, event_id: str) -> Event | None:
    """The dead letter of that id."""
    return _rows.one(tx, event_id=event_id, state="dead")


def resend(tx: Connection, event_id: str, at: float) -> bool:
    """Put a dead letter into its session's line again, in its old place, as if it had never been tried.

    It is due at once where nothing before it is pending. False where it is no dead letter, or an empty one.
    """
    lock(tx, event_id)
    again = tx.execute(_AGAIN, {"letter": event_id, "at": at}).one_or_none()
    if again is None:
        return False
    for statement in (_UNSEAT, _SEAT):
        tx.execute(statement, {"session": again.session_uuid})
    return True


def drop(tx: Connection, event_id: str, at: float) -> bool:
    """Settle a dead letter for good, and keep nothing of its content. False where it is none."""
    dead = {"event_id": event_id, "state": "dead"}
    return _rows.change(tx, dead, state="dropped", payload=EMPTY, delivered_at=at)
