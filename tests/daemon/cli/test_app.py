"""`wavstream app` changes the daemon's catalogue by the daemon's own rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon import keys
from daemon.settings import DaemonSettings
from storage import applications as table
from storage.applications import Application
from storage.catalog import Catalog
from tests.daemon.cli.conftest import Run


def kept(app_id: str) -> Application:
    """The application as the daemon would find it."""
    catalog = Catalog.open(DaemonSettings.load().catalog_url)
    try:
        with catalog.transaction() as tx:
            found = table.get(tx, app_id)
    finally:
        catalog.close()
    assert found is not None
    return found


def shown(run: Run, app_id: str) -> dict[str, Any]:
    view: dict[str, Any] = json.loads(run("app", "show", app_id).out)
    return view


@pytest.mark.contract("keys-kept", "program-app")
def test_a_new_application_gets_a_key_that_is_shown_once_and_kept_as_a_hash(run: Run) -> None:
    ran = run("app", "set", "demo")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert lines[0] == "application demo created"
    key = lines[1].removeprefix("API key: ").split()[0]
    assert len(key) >= 16
    assert lines[2].startswith("webhook secret: whsec_")
    assert keys.matches(key, kept("demo").keys[0])
    assert key.encode() not in Path("data/daemon.db").read_bytes()


def test_print_key_prints_a_working_key_and_nothing_else(run: Run) -> None:
    first = run("app", "set", "demo", "--print-key")
    second = run("app", "set", "demo", "--print-key")
    assert first.out.count("\n") == second.out.count("\n") == 1
    newest, before = kept("demo").keys
    assert keys.matches(second.out.strip(), newest)
    assert keys.matches(first.out.strip(), before)  # clients change over without a gap


def test_a_catalogue_made_on_the_way_is_told_of_as_the_daemon_s_may_be_elsewhere(run: Run) -> None:
    first, second = run("app", "set", "demo", "--print-key"), run("app", "set", "demo", "--print-key")
    words = f"new catalogue in {Path('data').resolve()}: a daemon with another DATA_DIR does not know demo"
    assert first.err == f"wavstream: {words}\n"
    assert first.out.count("\n") == 1  # the key alone
    assert second.err == ""


def test_a_new_webhook_secret_is_printed_and_the_one_before_signs_on(run: Run) -> None:
    run("app", "set", "demo", "--print-key")
    before = kept("demo").webhook_secrets
    ran = run("app", "secret", "demo")
    assert kept("demo").webhook_secrets == (ran.out.strip(), *before)
    assert ran.out.startswith("whsec_")
    assert len(before) == ran.out.count("\n") == 1
    unknown = run("app", "secret", "nobody")
    assert (unknown.status, unknown.err) == (1, "wavstream: no application nobody\n")


def test_what_is_not_named_stays_as_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("app", "set", "demo", "--webhook-url", "https://example.org/hook", "--event", "call.new")
    before = kept("demo")
    ran = run("app", "set", "demo", "--rate-limit", "100")
    assert ran.out == "application demo changed\n"
    after = kept("demo")
    assert (after.webhook_url, after.events, after.rate_limit) == (
        "https://example.org/hook",
        ("call.new",),
        100,
    )
    assert (after.keys, after.webhook_secrets) == (before.keys, before.webhook_secrets)
    run("app", "set", "demo", "--webhook-url", "")
    assert kept("demo").webhook_url == ""


def test_a_given_key_is_taken_and_a_new_one_made_on_request(run: Run) -> None:
    run("app", "set", "demo", "--api-key", "sixteen characters")
    assert keys.matches("sixteen characters", kept("demo").keys[0])
    ran = run("app", "set", "demo", "--new-key")
    fresh = ran.out.splitlines()[1].removeprefix("API key: ").split()[0]
    assert keys.matches(fresh, kept("demo").keys[0])
    assert "webhook secret" not in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a b",), "'a b': takes 1 to 64 of"),
        (("demo", "--api-key", "short"), "api_key"),
        (("demo", "--event", "call.never"), "events"),
        (("demo", "--rate-limit", "10001"), "--rate-limit"),
        (("demo", "--webhook-url", "http://example.org/"), "ALLOW_HTTP_WEBHOOKS=true permits http:"),
        (("demo", "--webhook-url", "example.org"), "takes an https: URL"),
    ],
)
def test_what_the_daemon_would_refuse_is_refused_here(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    ran = run("app", "set", *arguments)
    assert ran.status == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert run("app", "list").out == ""


def test_http_webhooks_are_taken_where_the_operator_permits_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOW_HTTP_WEBHOOKS", "true")
    assert run("app", "set", "demo", "--webhook-url", "http://example.org/").status == 0


@pytest.mark.contract("program-app")
def test_applications_are_listed_shown_and_removed(run: Run) -> None:
    run("app", "set", "one", "--webhook-url", "https://example.org/hook")
    run("app", "set", "two")
    assert run("app", "list").out == "one  https://example.org/hook\ntwo  (no webhooks)\n"
    view = shown(run, "one")
    assert (view["app_id"], view["webhook_url"], view["keys"]) == ("one", "https://example.org/hook", 1)
    assert "whsec_" not in json.dumps(view)
    assert run("app", "remove", "one").out == "application one removed\n"
    for command in ("show", "remove"):
        ran = run("app", command, "one")
        assert (ran.status, ran.err) == (1, "wavstream: no application one\n")


def test_a_catalogue_that_cannot_be_opened_is_said_plainly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("DATA_DIR", "file")
    ran = run("app", "list")
    assert ran.status == 1
    assert ran.err.startswith("wavstream: catalogue ")
    assert ran.err.count("\n") == 1
