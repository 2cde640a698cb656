"""The applications: whose sessions there are, the hashes of their keys, where their webhooks go."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy import delete as delete_from

from storage.schema import application_keys, applications


@dataclass(frozen=True, slots=True)
class KeyHash:
    """An API key as it is kept: salt and digest, never the key."""

    salt: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One application.

    `webhook_url` "" is none; `rate_limit` is requests a minute, 0 the default's; `events` empty is all;
    `webhook_secrets` and `keys` are newest first; `webhook_disabled_at` says since when its URL is not tried.
    """

    app_id: str
    webhook_url: str
    rate_limit: int = 0
    events: tuple[str, ...] = ()
    webhook_secrets: tuple[str, ...] = ()
    keys: tuple[KeyHash, ...] = ()
    webhook_disabled_at: float | None = None


# Put together once: see `storage.rows`.
_ONE = select(applications).where(applications.c.app_id == bindparam("app"))
_KEYS = (
    select(application_keys.c.salt, application_keys.c.digest)
    .where(application_keys.c.app_id == bindparam("app"))
    .order_by(application_keys.c.age)
)


def put(tx: Connection, application: Application) -> None:
    """Create or replace an application, its keys and secrets included."""
    values = {
        "webhook_url": application.webhook_url,
        "rate_limit": application.rate_limit,
        "events": list(application.events),
        "webhook_secrets": list(application.webhook_secrets),
        "webhook_disabled_at": application.webhook_disabled_at,
    }
    app_id = application.app_id
    known = tx.execute(update(applications).where(applications.c.app_id == app_id).values(values)).rowcount
    if not known:
        tx.execute(insert(applications).values(app_id=app_id, **values))
    tx.execute(delete_from(application_keys).where(application_keys.c.app_id == app_id))
    for age, key in enumerate(application.keys):
        row = {"app_id": app_id, "age": age, "salt": key.salt, "digest": key.digest}
        tx.execute(insert(application_keys).values(row))


def get(tx: Connection, app_id: str) -> Application | None:
    """The application of that id."""
    row = tx.execute(_ONE, {"app": app_id}).one_or_none()
    return None if row is None else _application(tx, row)


def delete(tx: Connection, app_id: str) -> bool:
    """Forget an application and its keys; its sessions' history stays. False where there was none."""
    return tx.execute(delete_from(applications).where(applications.c.app_id == app_id)).rowcount > 0


def listing(tx: Connection) -> list[Application]:
    """All applications in the order of their ids."""
    rows = tx.execute(select(applications).order_by(applications.c.app_id)).all()
    return [_application(tx, row) for row in rows]


def _application(tx: Connection, row: Row[*tuple[object, ...]]) -> Application:
    hashes = tx.execute(_KEYS, {"app": row.app_id})
    return Application(
        app_id=row.app_id,
        webhook_url=row.webhook_url,
        rate_limit=row.rate_limit,
        events=tuple(row.events),
        webhook_secrets=tuple(row.webhook_secrets),
        keys=tuple(KeyHash(salt, digest) for salt, digest in hashes),
        webhook_disabled_at=row.webhook_disabled_at,
    )
