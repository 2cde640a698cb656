"""What `wavstream app` does in the daemon's catalogue, by the daemon's own rules."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from daemon.api import bodies
from daemon.api.bodies import ApplicationBody, BodyError
from daemon.applications import Applications, Registration
from daemon.settings import DaemonSettings
from daemon.webhooks.target import TargetError, TargetRules
from storage import applications as table
from storage.applications import Application
from storage.catalog import Catalog, CatalogError
from wavstream.process.settings import SettingsError

__all__ = [
    "REFUSED",
    "CatalogError",
    "Change",
    "RefusedError",
    "catalog_for",
    "change",
    "listed",
    "missing_catalogue",
    "new_secret",
    "removed",
    "shown",
]

KEY_BYTES = 24
"""Random bytes of a key that is made here."""
_APP_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class RefusedError(Exception):
    """An argument that cannot be used. Its text is one plain line."""


REFUSED = (RefusedError, BodyError, TargetError, SettingsError)
"""The errors that are the user's to correct."""


@dataclass(frozen=True)
class Change:
    """What is to be set; None leaves it as it is, or at its default in a new application."""

    webhook_url: str | None
    rate_limit: int | None
    events: list[str] | None
    api_key: str | None
    fresh: bool
    """Make a new key, also for an application that has one."""


@dataclass(frozen=True)
class Done:
    """What was changed; key and secret only where they are new."""

    created: bool
    api_key: str | None
    webhook_secret: str | None


def change(app_id: str, wanted: Change) -> Done:
    """Create or change an application. Raises one of REFUSED, CatalogError."""
    with catalog_for(app_id) as (catalog, settings):
        with catalog.transaction() as tx:
            known = table.get(tx, app_id)
        key = wanted.api_key or (secrets.token_urlsafe(KEY_BYTES) if wanted.fresh or known is None else None)
        body = _checked(known, wanted, key or "x" * 16, settings)
        if key is None and known is not None:
            _keep_key(catalog, known, body)
            return Done(created=False, api_key=None, webhook_secret=None)
        given = Registration(
            app_id=app_id,
            webhook_url=body.webhook_url,
            api_key=body.api_key,
            rate_limit=body.rate_limit,
            events=tuple(body.events),
        )
        _, secret = trio.run(Applications(catalog).register, given)
        return Done(known is None, body.api_key, secret)


def missing_catalogue() -> Path | None:
    """The directory where a catalogue is yet to be made; None where there is one. Raises one of REFUSED."""
    settings = DaemonSettings.load()
    there = settings.database_url is not None or (settings.data_dir / "daemon.db").exists()
    return None if there else settings.data_dir.resolve()


def shown(app_id: str) -> str | None:
    """An application as JSON, without its secrets; None where there is none."""
    with catalog_for(app_id) as (catalog, _), catalog.transaction() as tx:
        found = table.get(tx, app_id)
    return None if found is None else json.dumps(_view(found), indent=2)


def removed(app_id: str) -> bool:
    """Remove an application; False where there was none."""
    with catalog_for(app_id) as (catalog, _), catalog.transaction() as tx:
        return table.delete(tx, app_id)


def new_secret(app_id: str) -> str | None:
    """A new webhook secret; the one before signs on beside it. None where there is no such application."""
    with catalog_for(app_id) as (catalog, _):
        return trio.run(Applications(catalog).rotate_secret, app_id)


def listed() -> list[str]:
    """A line for each application: its id, and where its webhooks go."""
    with catalog_for("any") as (catalog, _), catalog.transaction() as tx:
        return [f"{each.app_id}  {each.webhook_url or '(no webhooks)'}" for each in table.listing(tx)]


@contextmanager
def catalog_for(app_id: str) -> Iterator[tuple[Catalog, DaemonSettings]]:
    """The daemon's catalogue and settings. Raises one of REFUSED, also for what is no application's id."""
    if not _APP_ID.fullmatch(app_id):
        raise RefusedError(f"application {app_id!r}: takes 1 to 64 of a-z A-Z 0-9 _ -")
    settings = DaemonSettings.load()
    catalog = Catalog.open(settings.catalog_url)
    try:
        catalog.migrate()
        yield catalog, settings
    finally:
        catalog.close()


def _checked(
    known: Application | None, wanted: Change, key: str, settings: DaemonSettings
) -> ApplicationBody:
    """The application as it shall be, by the rules of the operator's API call."""
    before = known or Application(app_id="", webhook_url="")
    fields = {
        "webhook_url": before.webhook_url if wanted.webhook_url is None else wanted.webhook_url,
        "rate_limit": before.rate_limit if wanted.rate_limit is None else wanted.rate_limit,
        "events": list(before.events) if wanted.events is None else wanted.events,
        "api_key": key,
    }
    body = bodies.parse(ApplicationBody, json.dumps(fields).encode())
    if wanted.webhook_url:
        rules = TargetRules(settings.allow_http_webhooks, settings.allow_localhost_webhooks)
        rules.endpoint(wanted.webhook_url)
    return body


def _keep_key(catalog: Catalog, known: Application, body: ApplicationBody) -> None:
    """Change the rest. A URL that was given up is tried again, as after a registration."""
    with catalog.transaction() as tx:
        now = table.get(tx, known.app_id) or known
        settled = replace(
            now,
            webhook_url=body.webhook_url,
            rate_limit=body.rate_limit,
            events=tuple(body.events),
            webhook_disabled_at=None,
        )
        table.put(tx, settled)


def _view(application: Application) -> dict[str, object]:
    return {
        "app_id": application.app_id,
        "webhook_url": application.webhook_url,
        "rate_limit": application.rate_limit,
        "events": list(application.events),
        "keys": len(application.keys),
        "webhook_secrets": len(application.webhook_secrets),
        "webhook_disabled_at": application.webhook_disabled_at,
    }
