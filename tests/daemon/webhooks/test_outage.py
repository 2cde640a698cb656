"""Receivers in trouble for hours: nothing is lost, nothing overtakes, and nobody else notices."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

import pytest
import trio
from sqlalchemy import event
from standardwebhooks import Webhook
from trio.testing import MockClock
from typing_extensions import override

from daemon.webhooks import delivery, signature
from daemon.webhooks.delivery import Dispatcher, Send
from daemon.webhooks.sending import ATTEMPT_SECONDS, Delivery, Outcome
from storage import applications, letters, outbox
from storage.applications import Application
from tests.daemon.inline import InlineCatalog
from tests.storage.records import with_session

SECRET = signature.new_secret()
START = 1_800_000_000.0
"""Seconds since the epoch when virtual time begins."""
HOUR = 3600.0
DOWN_SECONDS = 10 * HOUR
SESSIONS = [f"s{number}" for number in range(100)]
EARLY, LATE = 2, 2
"""Events of each session: stored while the receiver is down, and when it has just come back."""


def now() -> float:
    return START + trio.current_time()


class VirtualDatetime(datetime):
    """For the receivers' library, which looks at the clock: a signature is good for five minutes."""

    @override
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "VirtualDatetime":
        return cls.fromtimestamp(now(), tz=tz)


@pytest.fixture(autouse=True)
def _in_virtual_time(monkeypatch: pytest.MonkeyPatch, catalog: InlineCatalog) -> None:
    """And quickly: no idle looks, and none of the thousands of transactions has to outlive the machine."""
    monkeypatch.setattr(delivery, "LOOK_SECONDS", HOUR)
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", VirtualDatetime)
    event.listen(catalog._engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))


@dataclass
class Recovering:
    """Down at first; then it fails every second delivery, having taken it all the same; then it is well."""

    failing: int
    """How many deliveries the second of these takes."""
    attempts: int = 0
    answered: int = 0
    taken: dict[str, list[tuple[int, str, bytes]]] = field(default_factory=lambda: defaultdict(list))
    """What came, of each session: sequence, id, body."""

    async def __call__(self, sent: Delivery) -> Outcome:
        self.attempts += 1
        body = Webhook(SECRET).verify(sent.body, dict(sent.headers))
        await trio.sleep(0.05)
        if trio.current_time() < DOWN_SECONDS:
            return Outcome(error="All connection attempts failed")
        seen = int(body["sequence"]), sent.headers["webhook-id"], sent.body
        self.taken[body["session_uuid"]].append(seen)
        self.answered += 1
        if self.answered <= self.failing and self.answered % 2:
            return Outcome(error=f"no answer within {ATTEMPT_SECONDS:g} s")
        return Outcome()


def store(catalog: InlineCatalog, session_uuid: str, count: int, app_id: str = "app") -> None:
    with catalog.transaction() as tx:
        for _ in range(count):
            outbox.append(
                tx, session_uuid=session_uuid, app_id=app_id, event="command.result", fields={}, now=now()
            )


def application(catalog: InlineCatalog, app_id: str, url: str, sessions: list[str]) -> None:
    with catalog.transaction() as tx:
        known = Application(app_id=app_id, webhook_url=url, webhook_secrets=(SECRET,))
        applications.put(tx, known)
        for name in sessions:
            with_session(tx, name, app_id=app_id)


@asynccontextmanager
async def delivering(catalog: InlineCatalog, send: Send) -> AsyncIterator[Callable[[], None]]:
    """A dispatcher until the end of the block; how to wake it. Its chance is the same in every run."""
    chances = iter(number * 0.618 % 1 for number in range(1_000_000))
    dispatcher = Dispatcher(catalog, send, clock=now, chance=lambda: next(chances))
    with trio.fail_after(72 * HOUR):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dispatcher.run)  # noqa: ASYNC113 - it may begin when it likes
            yield dispatcher.wake
            nursery.cancel_scope.cancel()


async def emptied(catalog: InlineCatalog) -> None:
    """Wait until nothing is pending."""
    while True:
        with catalog.transaction() as tx:
            if outbox.backlog(tx)[0] == 0:
                return
        await trio.sleep(60)


@pytest.mark.contract("webhook-order")
async def test_every_event_of_100_sessions_outlives_ten_hours_without_a_receiver_in_order(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    application(catalog, "app", "https://hook.example/", SESSIONS)
    receiver = Recovering(failing=400)
    async with delivering(catalog, receiver) as wake:
        for session in SESSIONS:
            await trio.sleep(DOWN_SECONDS / (len(SESSIONS) + 1))
            store(catalog, session, EARLY)
            wake()
        await trio.sleep_until(DOWN_SECONDS)
        assert receiver.taken == {}
        for session in SESSIONS:
            await trio.sleep(5)
            store(catalog, session, LATE)
            wake()
        await emptied(catalog)
    with catalog.transaction() as tx:
        assert letters.page(tx, limit=1) == []
    assert set(receiver.taken) == set(SESSIONS)
    again = 0
    for taken in receiver.taken.values():
        sequences = [sequence for sequence, _, _ in taken]
        assert sequences == sorted(sequences)  # nothing has overtaken anything
        assert set(sequences) == set(range(1, EARLY + LATE + 1))
        assert len(set(taken)) == EARLY + LATE  # what came twice came with the same id, and the same bytes
        again += len(taken) - len(set(taken))
    ids = {name for taken in receiver.taken.values() for _, name, _ in taken}
    assert len(ids) == len(SESSIONS) * (EARLY + LATE)
    assert again == 200  # every second one of the 400


@dataclass
class TwoReceivers:
    """One that never answers, and one that is well."""

    delays: list[float] = field(default_factory=list)
    """Of what the second one got: seconds since it was stored."""
    stored: dict[str, float] = field(default_factory=dict)
    lost: int = 0

    async def __call__(self, sent: Delivery) -> Outcome:
        if "dead" in sent.url:
            self.lost += 1
            await trio.sleep(ATTEMPT_SECONDS)
            return Outcome(error="no answer within 15 s")
        self.delays.append(now() - self.stored[json.loads(sent.body)["session_uuid"]])
        return Outcome()


async def test_a_dead_receiver_of_one_application_with_a_long_line_delays_no_other(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    well = [f"w{number}" for number in range(20)]
    application(catalog, "dead", "https://dead.example/", SESSIONS)
    application(catalog, "well", "https://well.example/", well)
    receivers = TwoReceivers()
    async with delivering(catalog, receivers) as wake:
        for session in SESSIONS:
            store(catalog, session, 5, app_id="dead")
        wake()
        for session in well:
            await trio.sleep(7)
            receivers.stored[session] = now()
            store(catalog, session, 1, app_id="well")
            wake()
        await trio.sleep(1)
    assert receivers.lost >= 10  # all the while
    assert len(receivers.delays) == len(well)
    assert max(receivers.delays) < 0.2
