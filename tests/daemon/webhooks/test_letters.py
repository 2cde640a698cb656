"""Dead letters, one or all of an application: what may be sent again, and what may not."""

from typing import Any

import pytest

from daemon.webhooks import letters as module
from daemon.webhooks.letters import Letters, UndeliverableError, UnknownLetterError
from storage import applications, outbox, schema
from storage import letters as rows
from storage.applications import Application
from tests.daemon.inline import InlineCatalog
from tests.storage.records import with_session


class Office:
    """Letters of the application `app` and its session `s`."""

    def __init__(self, catalog: InlineCatalog) -> None:
        self.catalog = catalog
        self.woken = 0
        self.letters = Letters(catalog, announce=self._wake, clock=lambda: 500.0)
        self.application()
        with catalog.transaction() as tx:
            with_session(tx, "s")

    def _wake(self) -> None:
        self.woken += 1

    def application(self, **fields: Any) -> None:
        with self.catalog.transaction() as tx:
            known = {"webhook_url": "https://hook.example/", "webhook_secrets": ("whsec_",)}
            applications.put(tx, Application(app_id="app", **known | fields))

    def bury(self, count: int = 1, *, event: str = "command.result", **fields: object) -> list[str]:
        """Store events that are dead at once; their ids."""
        ids = []
        with self.catalog.transaction() as tx:
            for number in range(count):
                stored = outbox.append(
                    tx, session_uuid="s", app_id="app", event=event, fields=fields, now=100.0 + number
                )
                outbox.bury(tx, stored.event_id, error="x")
                ids.append(stored.event_id)
        return ids

    def states(self) -> list[str]:
        columns = schema.outbox.c
        with self.catalog.transaction() as tx:
            return [row.state for row in tx.execute(schema.outbox.select().order_by(columns.sequence))]


@pytest.fixture
def office(catalog: InlineCatalog) -> Office:
    return Office(catalog)


async def test_one_that_is_sent_again_wakes_the_dispatcher_and_has_its_whole_time(office: Office) -> None:
    [event_id] = office.bury()
    await office.letters.resend(event_id)
    assert office.woken == 1
    with office.catalog.transaction() as tx:
        [again] = outbox.due(tx, now=500.0, limit=9)
    assert (again.event_id, again.tried_since) == (event_id, 500.0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"webhook_url": ""}, "no webhook_url"),
        ({"webhook_disabled_at": 400.0}, "answered 410"),
        ({"events": ("call.new",)}, "list of events does not have command.result"),
    ],
)
async def test_one_that_nobody_would_take_stays_and_the_words_say_why(
    office: Office, fields: dict[str, Any], words: str
) -> None:
    [event_id] = office.bury()
    office.application(**fields)
    with pytest.raises(UndeliverableError, match=words):
        await office.letters.resend(event_id)
    assert office.states() == ["dead"]
    assert office.woken == 0


async def test_one_whose_recording_was_erased_can_only_be_dropped(office: Office) -> None:
    [event_id] = office.bury(event="recording.completed", recording_id="r")
    with office.catalog.transaction() as tx:
        outbox.forget(tx, "s", "r")
    with pytest.raises(UndeliverableError, match="its recording was erased"):
        await office.letters.resend(event_id)
    assert await office.letters.resend_all("app") == 0
    await office.letters.drop(event_id)
    assert office.states() == ["dropped"]


async def test_what_is_no_dead_letter_is_unknown(office: Office) -> None:
    [event_id] = office.bury()
    await office.letters.resend(event_id)
    for nothing in (event_id, "msg_unknown"):
        for ask in (office.letters.get, office.letters.resend, office.letters.drop):
            with pytest.raises(UnknownLetterError):
                await ask(nothing)


async def test_one_that_another_sends_again_in_the_same_moment_is_sent_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    [event_id] = office.bury()
    monkeypatch.setattr(
        rows, "resend", lambda *_: False
    )  # as where another was quicker, on a database server
    with pytest.raises(UnknownLetterError):
        await office.letters.resend(event_id)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
async def test_all_are_treated_whatever_their_number_a_batch_a_transaction(
    office: Office, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    ids = office.bury(count)
    assert await office.letters.resend_all("app") == count
    assert office.states() == ["pending"] * count
    assert await office.letters.resend_all("app") == 0
    with office.catalog.transaction() as tx:
        for event_id in ids:
            outbox.bury(tx, event_id, error="again")
    assert await office.letters.drop_all("app") == count
    assert office.states() == ["dropped"] * count


async def test_of_all_only_those_are_sent_again_that_the_application_takes(office: Office) -> None:
    office.bury(2)
    office.bury(event="call.hangup")
    office.application(events=("call.hangup",))
    assert await office.letters.resend_all("app") == 1
    assert office.states() == ["dead", "dead", "pending"]


async def test_all_of_an_application_that_lost_its_receiver_in_the_middle_stop_there(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    office.bury(4)

    def lose() -> None:
        office.application(webhook_disabled_at=500.0)

    letters = Letters(office.catalog, announce=lose, clock=lambda: 500.0)
    with pytest.raises(UndeliverableError, match="answered 410"):
        await letters.resend_all("app")
    assert office.states() == ["pending", "pending", "dead", "dead"]
