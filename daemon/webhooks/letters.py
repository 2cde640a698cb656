"""What is done about dead letters: shown, sent again, dropped; one, or all of an application."""

import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from storage import applications, letters
from storage.applications import Application
from storage.catalog import Catalog
from storage.letters import Place
from storage.outbox import EMPTY, Event

BATCH = 100
"""Letters a transaction: some 10 ms, after which whatever else waits for the catalogue has its turn."""


class UnknownLetterError(Exception):
    """There is no such dead letter; it may have been sent again, or dropped, a moment ago."""


class UndeliverableError(Exception):
    """As things stand nobody would take it. Its text says what is to be done first."""


class Letters:
    """The dead letters. `announce` is called when some may leave; `clock` gives seconds since the epoch."""

    def __init__(
        self, catalog: Catalog, *, announce: Callable[[], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._catalog = catalog
        self._announce = announce
        self._clock = clock

    async def page(self, *, limit: int, app_id: str | None, before: Place | None) -> list[Event]:
        """Some of one application, or of all (None), newest first; `before`: the last one's place."""
        return await self._catalog.run(partial(letters.page, limit=limit, app_id=app_id, before=before))

    async def get(self, event_id: str) -> Event:
        """One of them. Raises UnknownLetterError."""
        return await self._catalog.run(partial(_found, event_id=event_id))

    async def resend(self, event_id: str) -> None:
        """Send one again, under its id, before whatever of its session has yet to leave.

        Its retries begin anew. Raises UnknownLetterError, UndeliverableError.
        """
        await self._catalog.run(partial(_resend_one, event_id=event_id, at=self._clock()))
        self._announce()

    async def drop(self, event_id: str) -> None:
        """Take one away for good. Raises UnknownLetterError."""
        if not await self._catalog.run(lambda tx: letters.drop(tx, event_id, self._clock())):
            raise UnknownLetterError

    async def resend_all(self, app_id: str) -> int:
        """Send all of an application again that it takes now; how many. Raises UndeliverableError.

        It stays at what is done by then where the application's receiver is lost in the middle.
        """
        return await self._treat(app_id, partial(_resend, app_id=app_id))

    async def drop_all(self, app_id: str) -> int:
        """Take all of an application away for good; how many. It may be one that was deleted."""
        return await self._treat(app_id, _drop)

    async def _treat(self, app_id: str, treat: Callable[[Connection, list[Event], float], int]) -> int:
        """The sum of what `treat` says of each batch. Each letter comes once, also one that dies again."""
        count, after = 0, None
        while True:

            def work(tx: Connection, after: Place | None = after) -> tuple[list[Event], int]:
                batch = letters.oldest(tx, app_id, limit=BATCH, after=after)
                return batch, treat(tx, batch, self._clock())

            batch, treated = await self._catalog.run(work)
            count += treated
            self._announce()
            if len(batch) < BATCH:
                return count
            after = batch[-1].created_at, batch[-1].event_id


def _found(tx: Connection, event_id: str) -> Event:
    found = letters.get(tx, event_id)
    if found is None:
        raise UnknownLetterError
    return found


def _resend_one(tx: Connection, event_id: str, at: float) -> None:
    letter = _found(tx, event_id)
    obstacle = _obstacle(letter, _receiver(tx, letter.app_id))
    if obstacle:
        raise UndeliverableError(obstacle)
    if not letters.resend(tx, event_id, at):  # another was quicker
        raise UnknownLetterError


def _resend(tx: Connection, batch: list[Event], at: float, *, app_id: str) -> int:
    receiver = _receiver(tx, app_id)
    return sum(letters.resend(tx, each.event_id, at) for each in batch if not _obstacle(each, receiver))


def _drop(tx: Connection, batch: list[Event], at: float) -> int:
    return sum(letters.drop(tx, each.event_id, at) for each in batch)


def _receiver(tx: Connection, app_id: str) -> Application:
    """The application, if webhooks go to it. Raises UndeliverableError.

    Without this check the letters would be skipped as unwanted, or be dead again at once.
    """
    application = applications.get(tx, app_id)
    if application is None:
        raise UndeliverableError("the application does not exist (any more): they can only be dropped")
    if not application.webhook_url:
        raise UndeliverableError("the application has no webhook_url: register it with one first")
    if application.webhook_disabled_at is not None:
        raise UndeliverableError("the receiver has answered 410: register the application again first")
    return application


def _obstacle(letter: Event, receiver: Application) -> str:
    """Why this letter cannot be sent to an application that has a receiver; empty: it can."""
    if letter.payload == EMPTY:
        return "its recording was erased, and its content with it: it can only be dropped"
    if receiver.events and letter.event not in receiver.events:
        return f"the application's list of events does not have {letter.event}"
    return ""
