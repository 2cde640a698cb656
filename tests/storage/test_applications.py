"""Applications: put, replaced, forgotten."""

from dataclasses import replace

from storage import applications, sessions
from storage.applications import Application, KeyHash
from storage.catalog import Catalog
from tests.storage.records import a_session

APPLICATION = Application(
    app_id="app",
    webhook_url="https://example.com/hook",
    rate_limit=120,
    events=("recording.completed", "call.hangup"),
    webhook_secrets=("whsec_new", "whsec_old"),
    keys=(KeyHash(b"salt\x00new", b"\xff" * 32), KeyHash(b"salt old", b"\x00" * 32)),
    webhook_disabled_at=1_700_000_000.25,
)


def test_an_application_comes_back_as_it_was_put(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        applications.put(tx, APPLICATION)
        assert applications.get(tx, "app") == APPLICATION
        assert applications.get(tx, "other") is None


def test_put_replaces_all_of_it(catalog: Catalog) -> None:
    newest = KeyHash(b"salt 3", b"digest 3")
    changed = replace(
        APPLICATION,
        webhook_url="",
        events=(),
        webhook_secrets=("whsec_3",),
        keys=(newest, APPLICATION.keys[0]),
        webhook_disabled_at=None,
    )
    with catalog.transaction() as tx:
        applications.put(tx, APPLICATION)
        applications.put(tx, changed)
        assert applications.get(tx, "app") == changed
        assert applications.listing(tx) == [changed]


def test_a_deleted_application_is_gone_with_its_keys_and_its_sessions_stay(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        applications.put(tx, APPLICATION)
        sessions.insert(tx, a_session(app_id="app"))
        assert applications.delete(tx, "app")
        assert not applications.delete(tx, "app")
        assert applications.get(tx, "app") is None
        applications.put(tx, replace(APPLICATION, keys=()))
        again = applications.get(tx, "app")
        assert again
        assert again.keys == ()
        assert sessions.get(tx, "node1-s") == a_session(app_id="app")


def test_applications_are_listed_by_id(catalog: Catalog) -> None:
    b, a = replace(APPLICATION, app_id="b"), replace(APPLICATION, app_id="a")
    with catalog.transaction() as tx:
        assert applications.listing(tx) == []
        applications.put(tx, b)
        applications.put(tx, a)
        assert applications.listing(tx) == [a, b]
