"""What `wavstream app` does about dead letters, by the daemon's own rules."""

from datetime import UTC, datetime

import trio

from daemon.cli.applications import RefusedError, catalog_for
from daemon.webhooks.letters import Letters, UndeliverableError, UnknownLetterError
from storage import letters as table
from storage.outbox import Event

__all__ = ["UndeliverableError", "listed", "resent"]


def listed(app_id: str, limit: int) -> list[str]:
    """A line for each dead letter of an application, newest first."""
    with catalog_for(app_id) as (catalog, _), catalog.transaction() as tx:
        return [_line(letter) for letter in table.page(tx, limit=limit, app_id=app_id)]


def resent(app_id: str, event_ids: list[str]) -> int:
    """Send these again, or all where none are named; how many. A running daemon is not told of it.

    Raises RefusedError for one that is no dead letter of the application, UndeliverableError, CatalogError.
    """
    with catalog_for(app_id) as (catalog, _):
        letters = Letters(catalog, announce=lambda: None)
        if not event_ids:
            return trio.run(letters.resend_all, app_id)
        trio.run(_resend, letters, app_id, event_ids)
    return len(event_ids)


async def _resend(letters: Letters, app_id: str, event_ids: list[str]) -> None:
    for event_id in event_ids:
        try:
            letter = await letters.get(event_id)
            ours = letter.app_id == app_id
            if ours:
                await letters.resend(event_id)
        except UnknownLetterError:
            ours = False
        if not ours:
            raise RefusedError(f"{event_id!r} is no dead letter of application {app_id}")


def _line(letter: Event) -> str:
    stored = datetime.fromtimestamp(letter.created_at, UTC).isoformat(timespec="seconds")
    about = f"{letter.event}  {letter.session_uuid}  {letter.sequence}"
    return f"{letter.event_id}  {stored}  {about}  {letter.last_error or ''}".rstrip()
