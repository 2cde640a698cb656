"""Delivery of the stored events: in order within a session, sessions past one another, again until taken."""

import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import trio
from sqlalchemy import Connection

from daemon.applications import disable_webhooks
from daemon.webhooks import schedule, signature
from daemon.webhooks.sending import Delivery, Outcome
from storage import applications, outbox
from storage.applications import Application
from storage.catalog import Catalog, CatalogError
from storage.outbox import Event
from wavstream.process import logs

AT_ONCE = 64
"""Attempts under way: each may take 15 s, so that this is also how many slow receivers are borne."""
AT_ONCE_PER_APPLICATION = 8
"""One application gets no more of them, so that the others always find some free."""
AT_ONCE_IN_TROUBLE = 1
"""And no more than this while its receiver fails."""
LOOK_SECONDS = 30.0
"""The catalogue is looked at so often at least, whatever was or was not announced."""
GATHER_SECONDS = 0.05
"""From the news of an event to the look for it: what happens to many calls at once costs one look."""
TROUBLE_SECONDS = 5.0
"""Pause after the catalogue failed: nothing is lost by waiting, and haste would only add to its load."""

Send = Callable[[Delivery], Awaitable[Outcome]]
End = Literal["delivered", "failed", "dead"]
"""What came of an attempt: taken, to be tried again, or given up."""

log = logs.get(__name__)


@dataclass(frozen=True)
class _Job:
    event: Event
    application: Application


@dataclass(frozen=True)
class _Look:
    """What one look into the outbox found."""

    jobs: list[_Job]
    skipped: int
    """Events that nobody wants, and that are out of the way now."""
    buried: int
    """Events whose receiver wants no more, and that are dead letters now."""
    next_due: float | None


def _fate(application: Application | None, event: Event) -> Literal["send", "skip", "bury"]:
    if application is None or not application.webhook_url:
        return "skip"
    if application.events and event.event not in application.events:
        return "skip"
    return "send" if application.webhook_disabled_at is None else "bury"


class Dispatcher:
    """Takes events out of the outbox and sends them.

    `send` makes one attempt; an event is tried for `retry_seconds`; `ended` is told what came of each
    attempt. `clock` gives seconds since the epoch; `chance` numbers in 0..1 for the jitter.
    """

    def __init__(
        self,
        catalog: Catalog,
        send: Send,
        *,
        retry_seconds: float = schedule.RETRY_SECONDS,
        ended: Callable[[End], None] = lambda _end: None,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._catalog = catalog
        self._send = send
        self._retry_seconds = retry_seconds
        self._ended = ended
        self._clock = clock
        self._chance = chance
        self._busy: dict[str, str] = {}  # session -> its application, while an attempt is under way
        self._in_trouble: set[str] = set()  # applications whose last attempt failed
        self._news = trio.Event()
        self._quiet = trio.Event()

    def wake(self) -> None:
        """Events were stored: look at once."""
        self._news.set()

    async def quiet(self) -> None:
        """Wait until nothing is due and nothing under way. What is to be tried again later does not count."""
        self._quiet = trio.Event()
        self.wake()
        await self._quiet.wait()

    async def run(self) -> None:
        """Deliver until cancelled. An attempt that is cancelled is made again, with the same id."""
        async with trio.open_nursery() as nursery:
            while True:
                await self._round(nursery)

    async def _round(self, nursery: trio.Nursery) -> None:
        self._news = trio.Event()
        try:
            look = await self._catalog.run(self._look)
        except CatalogError as wrong:
            log.error("outbox cannot be read", error=str(wrong))  # noqa: TRY400 - its words say it all
            await trio.sleep(TROUBLE_SECONDS)
            return
        for job in look.jobs:
            self._busy[job.event.session_uuid] = job.event.app_id
            nursery.start_soon(self._deliver, job)
        for _ in range(look.buried):
            self._ended("dead")
        if not (look.jobs or look.skipped or look.buried):
            await self._rest(look.next_due)

    async def _rest(self, next_due: float | None) -> None:
        if not self._busy and not self._news.is_set():
            self._quiet.set()
        seconds = LOOK_SECONDS if next_due is None else min(max(next_due - self._clock(), 0), LOOK_SECONDS)
        with trio.move_on_after(seconds):
            await self._news.wait()
            await trio.sleep(GATHER_SECONDS)

    def _free(self, app_id: str, taken: Counter[str]) -> bool:
        most = AT_ONCE_IN_TROUBLE if app_id in self._in_trouble else AT_ONCE_PER_APPLICATION
        return taken[app_id] < most

    def _look(self, tx: Connection) -> _Look:
        """In the catalogue's thread. The round waits for it: meanwhile attempts may end, but none begins."""
        now = self._clock()
        busy = dict(self._busy)
        taken = Counter(busy.values())
        full = [app_id for app_id in taken if not self._free(app_id, taken)]
        limit = AT_ONCE - len(busy)
        if limit <= 0:
            return _Look([], 0, 0, None)
        jobs: list[_Job] = []
        skipped = buried = 0
        known = cache(partial(applications.get, tx))  # many events, few applications
        for event in outbox.due(tx, now=now, limit=limit, busy=busy, busy_apps=full):
            application = known(event.app_id)
            match _fate(application, event):
                case "skip":
                    skipped += outbox.skip(tx, event.event_id, now)
                case "bury":
                    buried += outbox.bury(tx, event.event_id, error="the receiver answered 410 before")
                case "send" if application and self._free(event.app_id, taken):
                    taken[event.app_id] += 1
                    jobs.append(_Job(event, application))
        if jobs or skipped or buried:
            return _Look(jobs, skipped, buried, None)
        return _Look([], 0, 0, outbox.next_due(tx, busy=busy, busy_apps=full))

    async def _deliver(self, job: _Job) -> None:
        try:
            outcome = await self._send(self._signed(job))
            if outcome.error:
                self._in_trouble.add(job.event.app_id)
            else:
                self._in_trouble.discard(job.event.app_id)
            self._ended(await self._catalog.run(lambda tx: self._settle(tx, job, outcome)))
        except CatalogError as wrong:  # the receiver gets it once more, with the same id
            words = log.bind(session=job.event.session_uuid)
            words.error("outbox cannot be written", error=str(wrong))
            await trio.sleep(TROUBLE_SECONDS)
        finally:
            del self._busy[job.event.session_uuid]
            self.wake()

    def _signed(self, job: _Job) -> Delivery:
        body = job.event.payload.encode()
        signed = signature.headers(
            job.application.webhook_secrets,
            event_id=job.event.event_id,
            timestamp=int(self._clock()),
            body=body,
        )
        return Delivery(
            url=job.application.webhook_url, headers={"content-type": "application/json", **signed}, body=body
        )

    def _settle(self, tx: Connection, job: _Job, outcome: Outcome) -> End:
        event, now = job.event, self._clock()
        words = log.bind(session=event.session_uuid, event_name=event.event, event_id=event.event_id)
        if not outcome.error:
            outbox.delivered(tx, event.event_id, now)
            words.info("webhook delivered", attempts=event.attempts + 1)
            return "delivered"
        again = schedule.next_attempt(
            attempts=event.attempts + 1,
            since=event.created_at if event.tried_since is None else event.tried_since,
            now=now,
            chance=self._chance(),
            asked_for=outcome.retry_after,
            retry_seconds=self._retry_seconds,
        )
        if outcome.gone:
            disable_webhooks(tx, event.app_id, url=job.application.webhook_url, at=now)
        if outcome.gone or again is None:
            outbox.bury(tx, event.event_id, error=outcome.error)
            words.error("webhook given up", attempts=event.attempts + 1, error=outcome.error)
            return "dead"
        outbox.retry(tx, event.event_id, at=again, error=outcome.error)
        words.warning("webhook failed", error=outcome.error, again_in=round(again - now, 1))
        return "failed"
