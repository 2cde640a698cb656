"""Dead letters: found, sent again in their old place, dropped."""

import json

from sqlalchemy import Connection

from storage import letters, outbox
from storage.catalog import Catalog
from storage.outbox import Event
from tests.storage.records import with_session


def stored(
    tx: Connection, *, session: str = "node1-s", app_id: str = "app", now: float = 100.0, **fields: object
) -> Event:
    event = "recording.completed" if fields else "x"
    return outbox.append(tx, session_uuid=session, app_id=app_id, event=event, fields=fields, now=now)


def buried(tx: Connection, event: Event) -> Event:
    """A dead letter made of a pending event."""
    assert outbox.bury(tx, event.event_id, error="no answer within 15 s")
    letter = letters.get(tx, event.event_id)
    assert letter is not None
    return letter


def ids(events: list[Event]) -> list[str]:
    return [event.event_id for event in events]


def test_a_dead_letter_is_found_and_nothing_else_is(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        first, second = stored(tx), stored(tx)
        letter = buried(tx, first)
        assert (letter.state, letter.attempts, letter.last_error) == ("dead", 1, "no answer within 15 s")
        assert letter.payload == first.payload
        assert letters.page(tx, limit=9) == [letter]
        assert letters.get(tx, second.event_id) is None
        assert letters.get(tx, "msg_unknown") is None


def test_they_come_newest_first_in_pages_of_one_application_or_of_all(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for session, app in (("node1-s", "app"), ("node1-t", "other")):
            with_session(tx, session, app_id=app)
        one, two = (buried(tx, stored(tx, now=now)) for now in (100.0, 102.0))
        other = buried(tx, stored(tx, session="node1-t", app_id="other", now=101.0))
        assert letters.page(tx, limit=9) == [two, other, one]
        assert letters.page(tx, limit=9, app_id="app") == [two, one]
        assert letters.page(tx, limit=1) == [two]
        assert letters.page(tx, limit=1, before=(102.0, two.event_id)) == [other]
        assert letters.page(tx, limit=9, app_id="app", before=(102.0, two.event_id)) == [one]
        assert letters.oldest(tx, "app", limit=9) == [one, two]
        assert letters.oldest(tx, "app", limit=9, after=(100.0, one.event_id)) == [two]


def test_letters_of_one_moment_are_each_in_one_page(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        made = {buried(tx, stored(tx)).event_id for _ in range(5)}
        before, seen = None, list[str]()
        for _ in made:
            [letter] = letters.page(tx, limit=1, before=before)
            before = letter.created_at, letter.event_id
            seen.append(letter.event_id)
        assert sorted(seen) == sorted(made)
        assert letters.page(tx, limit=1, before=before) == []


def test_one_that_is_sent_again_keeps_what_it_is_and_begins_anew(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        letter = buried(tx, stored(tx))
        assert letters.resend(tx, letter.event_id, 500.0)
        [again] = outbox.due(tx, now=500.0, limit=9)
        assert (again.event_id, again.sequence, again.payload) == (
            letter.event_id,
            letter.sequence,
            letter.payload,
        )
        assert (again.created_at, again.tried_since) == (100.0, 500.0)
        assert (again.state, again.attempts, again.last_error) == ("pending", 0, None)
        assert letters.page(tx, limit=9) == []
        assert not letters.resend(tx, letter.event_id, 501.0)
        assert outbox.delivered(tx, letter.event_id, 502.0)
        assert not letters.resend(tx, letter.event_id, 503.0)


def test_an_earlier_one_that_is_sent_again_goes_before_what_waits(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        first, second, third = stored(tx), stored(tx), stored(tx)
        buried(tx, first)
        assert ids(outbox.due(tx, now=500.0, limit=9)) == [second.event_id]
        letters.resend(tx, first.event_id, 500.0)
        for event in (first, second, third):
            assert ids(outbox.due(tx, now=500.0, limit=9)) == [event.event_id]
            assert outbox.delivered(tx, event.event_id, 501.0)
        assert outbox.due(tx, now=900.0, limit=9) == []


def test_a_later_one_that_is_sent_again_waits_for_what_is_before_it(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        first, second = stored(tx), stored(tx)
        buried(tx, first)
        buried(tx, second)
        letters.resend(tx, first.event_id, 500.0)
        letters.resend(tx, second.event_id, 500.0)
        assert ids(outbox.due(tx, now=500.0, limit=9)) == [first.event_id]
        outbox.retry(tx, first.event_id, at=600.0, error="503")
        assert outbox.due(tx, now=599.0, limit=9) == []
        assert outbox.next_due(tx) == 600.0


def test_the_end_of_an_attempt_under_way_seats_no_second_head(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        first, second, _third = stored(tx), stored(tx), stored(tx)
        buried(tx, first)
        # The second is on its way when the first is sent again.
        letters.resend(tx, first.event_id, 500.0)
        assert outbox.delivered(tx, second.event_id, 501.0)
        assert ids(outbox.due(tx, now=501.0, limit=9)) == [first.event_id]


def test_one_that_is_dropped_keeps_no_content_and_never_comes_back(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        first, second = stored(tx), stored(tx)
        assert not letters.drop(tx, first.event_id, 500.0)  # it is pending
        buried(tx, first)
        assert letters.drop(tx, first.event_id, 500.0)
        assert not letters.drop(tx, first.event_id, 501.0)
        assert not letters.resend(tx, first.event_id, 502.0)
        assert letters.page(tx, limit=9) == []
        assert ids(outbox.due(tx, now=500.0, limit=9)) == [second.event_id]
        kept = tx.exec_driver_sql("SELECT state, payload FROM outbox WHERE sequence = 1").one()
        assert tuple(kept) == ("dropped", "{}")


def test_one_whose_recording_was_erased_is_not_sent_again(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        told = buried(tx, stored(tx, recording_id="r-1", recording_url="https://files.example/secret.wav"))
        outbox.forget(tx, "node1-s", "r-1")
        assert not letters.resend(tx, told.event_id, 500.0)
        [kept] = letters.page(tx, limit=9)
        assert (kept.event_id, kept.payload) == (told.event_id, outbox.EMPTY)
        assert letters.drop(tx, told.event_id, 501.0)


def test_all_events_of_a_recording_are_forgotten_with_it_and_no_others(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        for event in ("recording.no_audio", "recording.completed", "command.result"):
            about = {"recording_id": "r-1"}
            told = outbox.append(tx, session_uuid="node1-s", app_id="app", event=event, fields=about, now=1.0)
            outbox.delivered(tx, told.event_id, 2.0)
        outbox.forget(tx, "node1-s", "r-1")
        kept = tx.exec_driver_sql("SELECT payload FROM outbox ORDER BY sequence").scalars().all()
        assert kept[:2] == [outbox.EMPTY] * 2
        assert json.loads(kept[2])["recording_id"] == "r-1"


def test_one_that_was_sent_again_before_its_recording_is_erased_leaves_whole(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        told = buried(tx, stored(tx, recording_id="r-1"))
        letters.resend(tx, told.event_id, 500.0)
        outbox.forget(tx, "node1-s", "r-1")
        [again] = outbox.due(tx, now=500.0, limit=9)
        assert json.loads(again.payload)["recording_id"] == "r-1"


def test_the_backlog_is_what_is_pending_and_how_old_it_is(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        assert outbox.backlog(tx) == (0, None)
        first, _second = stored(tx, now=100.0), stored(tx, now=101.0)
        assert outbox.backlog(tx) == (2, 100.0)
        buried(tx, first)
        assert outbox.backlog(tx) == (1, 101.0)
