"""The outbox: one line of events a session, of which only the head may leave."""

import json

import pytest
from sqlalchemy import Connection

from storage import applications, outbox
from storage.applications import Application
from storage.catalog import Catalog
from storage.outbox import Event
from tests.storage.records import with_session


def append(
    tx: Connection, session_uuid: str = "node1-s", *, app_id: str = "app", now: float = 100.0
) -> Event:
    return outbox.append(tx, session_uuid=session_uuid, app_id=app_id, event="x", fields={}, now=now)


@pytest.mark.contract("webhook-body")
def test_an_event_s_payload_is_flat_json_and_its_id_its_own(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        first = outbox.append(
            tx,
            session_uuid="node1-s",
            app_id="app",
            event="call.new",
            fields={"caller_id": "Jürgen", "did": None, "duration": 1.5},
            now=100.0,
        )
        second = append(tx)
        stored = outbox.due(tx, now=100.0, limit=1)
    assert json.loads(first.payload) == {
        "event": "call.new",
        "session_uuid": "node1-s",
        "sequence": 1,
        "caller_id": "Jürgen",
        "did": None,
        "duration": 1.5,
    }
    assert stored == [first]
    assert (second.sequence, json.loads(second.payload)["sequence"]) == (2, 2)
    assert first.event_id.startswith("msg_")
    assert first.event_id != second.event_id


@pytest.mark.contract("webhook-events")
@pytest.mark.parametrize(
    ("url", "events", "wanted"),
    [
        ("https://app.example/hook", (), True),
        ("https://app.example/hook", ("y", "x"), True),
        ("https://app.example/hook", ("y",), False),
        ("", (), False),
        ("", ("x",), False),
    ],
)
def test_what_the_application_does_not_want_is_settled_as_it_is_stored(
    catalog: Catalog, url: str, events: tuple[str, ...], wanted: bool
) -> None:
    with catalog.transaction() as tx:
        applications.put(tx, Application(app_id="app", webhook_url=url, events=events))
        with_session(tx)
        earlier = append(tx, app_id="of another that nobody knows")
        event = append(tx)
        assert event.state == ("pending" if wanted else "skipped")
        assert outbox.due(tx, now=100.0, limit=9) == [earlier]
        outbox.delivered(tx, earlier.event_id, 101.0)
        assert outbox.due(tx, now=100.0, limit=9) == ([event] if wanted else [])
        assert append(tx, app_id="of another").sequence == 3


def test_an_event_of_an_unknown_session_is_refused(catalog: Catalog) -> None:
    with catalog.transaction() as tx, pytest.raises(LookupError, match="node1-unknown"):
        append(tx, "node1-unknown")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_has_no_form_for_is_refused(catalog: Catalog, value: float) -> None:
    with pytest.raises(ValueError, match="JSON"), catalog.transaction() as tx:
        outbox.append(
            tx, session_uuid=with_session(tx), app_id="app", event="x", fields={"duration": value}, now=1.0
        )


def test_only_the_oldest_pending_event_of_a_session_is_due(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        with_session(tx, "node1-t")
        first, second, other = append(tx), append(tx), append(tx, "node1-t", now=101.0)
        assert outbox.due(tx, now=100.999, limit=9) == [first]
        assert outbox.due(tx, now=101.0, limit=9) == [first, other]
        assert outbox.due(tx, now=101.0, limit=1) == [first]
        assert outbox.delivered(tx, first.event_id, 102.0)
        assert outbox.due(tx, now=102.0, limit=9) == [second, other]


def test_an_event_to_be_retried_holds_back_its_session_but_no_other(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        with_session(tx, "node1-t")
        first, _second, other = append(tx), append(tx), append(tx, "node1-t")
        assert outbox.retry(tx, first.event_id, at=130.0, error="503")
        assert outbox.due(tx, now=129.9, limit=9) == [other]
        [_, again] = outbox.due(tx, now=130.0, limit=9)
    assert (again.event_id, again.attempts, again.last_error) == (first.event_id, 1, "503")
    assert again.payload == first.payload


def test_what_is_busy_is_left_out(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for session, app in (("node1-s", "app"), ("node1-t", "app"), ("node1-u", "other")):
            with_session(tx, session, app_id=app)
        first, second = append(tx), append(tx, "node1-t", now=101.0)
        third = append(tx, "node1-u", app_id="other", now=102.0)
        assert outbox.due(tx, now=200.0, limit=9, busy={"node1-s"}) == [second, third]
        assert outbox.due(tx, now=200.0, limit=9, busy_apps={"app"}) == [third]
        assert outbox.due(tx, now=200.0, limit=9, busy=["node1-u"], busy_apps=["app"]) == []
        assert outbox.next_due(tx) == first.created_at
        assert outbox.next_due(tx, busy={"node1-s"}) == second.created_at
        assert outbox.next_due(tx, busy={"node1-s"}, busy_apps={"app"}) == third.created_at
        assert outbox.next_due(tx, busy={"node1-s", "node1-t", "node1-u"}) is None


def test_the_next_due_time_is_that_of_a_head(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        assert outbox.next_due(tx) is None
        first, _second = append(tx), append(tx)
        outbox.retry(tx, first.event_id, at=130.0, error="503")
        assert outbox.next_due(tx) == 130.0  # the second, of 100.0, waits behind it


def test_a_dead_letter_and_a_skipped_event_let_the_next_one_go(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        first, second, third = append(tx), append(tx), append(tx)
        assert outbox.bury(tx, first.event_id, error="gone for three days")
        assert outbox.due(tx, now=200.0, limit=9) == [second]
        assert outbox.skip(tx, second.event_id, 200.0)
        assert outbox.due(tx, now=200.0, limit=9) == [third]
        assert outbox.delivered(tx, third.event_id, 200.0)
        assert outbox.due(tx, now=200.0, limit=9) == []
        assert outbox.next_due(tx) is None
        fourth = append(tx)
        assert outbox.due(tx, now=200.0, limit=9) == [fourth]


def test_an_event_is_settled_once(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        first, second = append(tx), append(tx)
        assert outbox.delivered(tx, first.event_id, 101.0)
        assert not outbox.delivered(tx, first.event_id, 102.0)
        assert not outbox.skip(tx, first.event_id, 102.0)
        assert not outbox.bury(tx, first.event_id, error="late")
        assert not outbox.retry(tx, first.event_id, at=103.0, error="late")
        assert not outbox.delivered(tx, "msg_unknown", 102.0)
        assert outbox.due(tx, now=200.0, limit=9) == [second]
