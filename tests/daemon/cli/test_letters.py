"""`wavstream app letters` and `resend`: dead letters, straight in the daemon's catalogue."""

import pytest

from daemon.settings import DaemonSettings
from storage import letters, outbox
from storage.catalog import Catalog
from tests.daemon.cli.conftest import Run
from tests.storage.records import with_session


def bury(*sequences: float) -> list[str]:
    """Dead letters of the application `demo`, stored at these times; their ids."""
    ids = []
    catalog = Catalog.open(DaemonSettings.load().catalog_url)
    with catalog.transaction() as tx:
        with_session(tx, "acW68-s", app_id="demo")
        for now in sequences:
            event = outbox.append(
                tx, session_uuid="acW68-s", app_id="demo", event="call.hangup", fields={}, now=now
            )
            outbox.bury(tx, event.event_id, error="no answer within 15 s")
            ids.append(event.event_id)
    catalog.close()
    return ids


def dead() -> list[str]:
    catalog = Catalog.open(DaemonSettings.load().catalog_url)
    with catalog.transaction() as tx:
        found = [letter.event_id for letter in letters.page(tx, limit=9)]
    catalog.close()
    return found


@pytest.fixture
def demo(run: Run) -> Run:
    run("app", "set", "demo", "--webhook-url", "https://example.org/hook")
    return run


@pytest.mark.contract("program-app")
def test_dead_letters_are_listed_newest_first(demo: Run) -> None:
    first, second = bury(0.0, 86400.0)
    ran = demo("app", "letters", "demo")
    assert ran.out.splitlines() == [
        f"{second}  1970-01-02T00:00:00+00:00  call.hangup  acW68-s  2  no answer within 15 s",
        f"{first}  1970-01-01T00:00:00+00:00  call.hangup  acW68-s  1  no answer within 15 s",
    ]
    assert len(demo("app", "letters", "demo", "--limit", "1").out.splitlines()) == 1
    assert demo("app", "letters", "other").out == ""


@pytest.mark.contract("program-app")
def test_all_or_those_that_are_named_are_sent_again(demo: Run) -> None:
    first, second, third = bury(1.0, 2.0, 3.0)
    assert demo("app", "resend", "demo", second).out == "1 to be sent again\n"
    assert dead() == [third, first]
    assert demo("app", "resend", "demo").out == "2 to be sent again\n"
    assert dead() == []


def test_what_is_no_dead_letter_of_the_application_is_refused(demo: Run) -> None:
    [event_id] = bury(1.0)
    for app_id, name in (("demo", "msg_1"), ("other", event_id)):
        ran = demo("app", "resend", app_id, name)
        assert (ran.status, ran.err) == (
            2,
            f"wavstream: '{name}' is no dead letter of application {app_id}\n",
        )
    assert dead() == [event_id]


def test_without_a_receiver_nothing_is_sent_again_and_one_line_says_why(demo: Run) -> None:
    [event_id] = bury(1.0)
    demo("app", "set", "demo", "--webhook-url", "")
    for arguments in ((), (event_id,)):
        ran = demo("app", "resend", "demo", *arguments)
        assert ran.status == 1
        assert ran.err == ("wavstream: the application has no webhook_url: register it with one first\n")
    assert dead() == [event_id]
