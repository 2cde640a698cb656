"""Who may call: keys that are checked slowly once, and then quickly."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from daemon import applications as module
from daemon import keys
from daemon.applications import Applications, Registration, TooManyChecksError, UnauthorizedError
from storage.applications import KeyHash
from storage.catalog import Catalog, CatalogError
from tests.daemon.inline import InlineCatalog

pytestmark = pytest.mark.usefixtures("cheap_keys")

KEY = "the first key of all"


def registration(api_key: str = KEY, **fields: str) -> Registration:
    return Registration(app_id="shop", webhook_url=fields.get("webhook_url", ""), api_key=api_key)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were hashed slowly, in their order, once a hash."""
    asked: list[str] = []
    original = keys.matches

    def matches(api_key: str, kept: KeyHash) -> bool:
        asked.append(api_key)
        return original(api_key, kept)

    monkeypatch.setattr(keys, "matches", matches)
    return asked


async def test_an_application_is_known_by_its_key(catalog: Catalog) -> None:
    applications = Applications(catalog)
    registered, secret = await applications.register(registration())
    assert secret is not None
    assert registered.webhook_secrets == (secret,)
    assert await applications.authenticate("shop", KEY) == registered == await applications.get("shop")


@pytest.mark.contract("keys")
async def test_a_wrong_key_and_an_unknown_application_are_the_same_error_at_the_same_cost(
    catalog: Catalog, hashed: list[str]
) -> None:
    applications = Applications(catalog)
    await applications.register(registration())
    for app_id, key in (("shop", "a wrong key"), ("nobody", KEY)):
        hashed.clear()
        with pytest.raises(UnauthorizedError) as wrong:
            await applications.authenticate(app_id, key)
        assert str(wrong.value) == ""
        assert hashed == [key, key]  # as many as an application has live keys at most


async def test_a_key_that_was_verified_costs_no_slow_hash_again(catalog: Catalog, hashed: list[str]) -> None:
    applications = Applications(catalog)
    await applications.register(registration())
    await applications.authenticate("shop", KEY)
    hashed.clear()
    for _ in range(3):
        await applications.authenticate("shop", KEY)
    assert hashed == []


async def test_a_verified_key_opens_no_other_application(catalog: Catalog) -> None:
    applications = Applications(catalog)
    await applications.register(registration())
    await applications.authenticate("shop", KEY)
    with pytest.raises(UnauthorizedError):
        await applications.authenticate("Shop", KEY)


async def test_the_last_key_lives_on_beside_a_new_one_and_no_longer(catalog: Catalog) -> None:
    applications = Applications(catalog)
    await applications.register(registration("key number one"))
    _, secret = await applications.register(registration("key number two"))
    assert secret is None  # shown once
    for key in ("key number one", "key number two"):
        assert (await applications.authenticate("shop", key)).app_id == "shop"
    await applications.register(registration("key number three"))
    for key in ("key number two", "key number three"):
        assert (await applications.authenticate("shop", key)).app_id == "shop"
    with pytest.raises(UnauthorizedError):
        await applications.authenticate("shop", "key number one")


async def test_the_same_key_given_again_ends_the_one_before_it(catalog: Catalog) -> None:
    applications = Applications(catalog)
    await applications.register(registration("key number one"))
    for _ in range(2):
        await applications.register(registration("key number two"))
    await applications.authenticate("shop", "key number two")
    with pytest.raises(UnauthorizedError):
        await applications.authenticate("shop", "key number one")


async def test_a_deleted_applications_key_is_refused_although_it_was_verified(catalog: Catalog) -> None:
    applications = Applications(catalog)
    await applications.register(registration())
    await applications.authenticate("shop", KEY)
    assert await applications.delete("shop")
    assert not await applications.delete("shop")
    with pytest.raises(UnauthorizedError):
        await applications.authenticate("shop", KEY)


async def test_the_cache_forgets_the_key_that_was_used_longest_ago(
    catalog: Catalog, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "VERIFIED_KEPT", 1)
    applications = Applications(catalog)
    await applications.register(registration("key number one"))
    await applications.register(registration("key number two"))
    for key in ("key number one", "key number two"):
        await applications.authenticate("shop", key)
    hashed.clear()
    await applications.authenticate("shop", "key number one")
    assert hashed == ["key number one"] * 2
    assert len(applications._verified) == 1


async def test_a_key_that_another_process_registered_is_good_at_once(catalog: Catalog) -> None:
    applications, another = Applications(catalog), Applications(catalog)
    await applications.register(registration("key number one"))
    await applications.authenticate("shop", "key number one")
    await another.register(registration("key number two"))
    assert (await applications.authenticate("shop", "key number two")).app_id == "shop"


async def test_an_application_that_another_process_deleted_is_refused_within_a_second(
    autojump_clock: MockClock, catalog: Catalog
) -> None:
    applications, another = Applications(catalog), Applications(catalog)
    await applications.register(registration())
    await applications.authenticate("shop", KEY)
    await another.delete("shop")
    await trio.sleep(module.KNOWN_SECONDS)
    with pytest.raises(UnauthorizedError):
        await applications.authenticate("shop", KEY)
    assert applications._known == {}


async def test_requests_with_a_known_key_do_not_look_into_the_catalogue_each_time(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    applications = Applications(catalog)
    await applications.register(registration())
    await applications.authenticate("shop", KEY)
    catalog.broken = 1
    await applications.authenticate("shop", KEY)
    await trio.sleep(module.KNOWN_SECONDS)
    with pytest.raises(CatalogError):
        await applications.authenticate("shop", KEY)


class Gate:
    """Holds every slow check until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checked: list[str] = []
        self._open = trio.Event()

        async def run_sync(
            work: object, api_key: str, kept: tuple[KeyHash, ...], *, limiter: object
        ) -> object:
            self.checked.append(api_key)
            await self._open.wait()
            found = [key for key in kept if keys.matches(api_key, key)]
            return found[0] if found else None

        monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)

    def open(self) -> None:
        self._open.set()


async def known(applications: Applications, key: str, outcomes: list[str]) -> None:
    """Write down what comes of a key."""
    try:
        outcomes.append((await applications.authenticate("shop", key)).app_id)
    except UnauthorizedError:
        outcomes.append("refused")


@pytest.mark.parametrize(("key", "outcome"), [(KEY, "shop"), ("a wrong key", "refused")])
async def test_the_same_key_brought_by_many_at_once_is_checked_once(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, key: str, outcome: str
) -> None:
    applications = Applications(catalog)
    await applications.register(registration())
    gate, outcomes = Gate(monkeypatch), list[str]()
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(known, applications, key, outcomes)
        await wait_all_tasks_blocked()
        gate.open()
    assert gate.checked == [key]
    assert outcomes == [outcome] * 5


async def test_who_waits_for_a_check_that_is_cancelled_makes_it_himself(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    applications = Applications(catalog)
    await applications.register(registration())
    gate, outcomes = Gate(monkeypatch), list[str]()
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as first:
            first.start_soon(known, applications, KEY, outcomes)
            await wait_all_tasks_blocked()
            nursery.start_soon(known, applications, KEY, outcomes)
            await wait_all_tasks_blocked()
            first.cancel_scope.cancel()
        gate.open()
    assert gate.checked == [KEY, KEY]
    assert outcomes == ["shop"]


async def test_a_check_against_the_keys_of_a_moment_ago_refuses_no_key_that_is_new(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    applications = Applications(catalog)
    await applications.register(registration())
    outcomes: list[str] = []
    with monkeypatch.context() as patched:
        gate = Gate(patched)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(known, applications, "the key to come", outcomes)
            await wait_all_tasks_blocked()
            patched.undo()
            await applications.register(registration("the key to come"))
            await known(applications, "the key to come", outcomes)
            assert outcomes == ["shop"]
            gate.open()
    assert outcomes == ["shop", "refused"]


async def test_more_unknown_keys_than_can_be_checked_have_to_come_back(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    applications = Applications(catalog)
    gate, outcomes = Gate(monkeypatch), list[str]()
    async with trio.open_nursery() as nursery:
        for number in range(module.CHECKS_WAITING):
            nursery.start_soon(known, applications, f"guess {number}", outcomes)
        await wait_all_tasks_blocked()
        with pytest.raises(TooManyChecksError):
            await applications.authenticate("shop", "one guess more")
        gate.open()
    assert outcomes == ["refused"] * module.CHECKS_WAITING
    assert applications._checks == {}


async def test_a_url_that_is_gone_is_given_up_until_it_is_registered_again(catalog: Catalog) -> None:
    applications = Applications(catalog)
    await applications.register(registration(webhook_url="https://a.example/"))
    await catalog.run(lambda tx: module.disable_webhooks(tx, "shop", url="https://a.example/", at=5.0))
    gone = await applications.get("shop")
    assert gone is not None
    assert gone.webhook_disabled_at == 5.0
    again, _ = await applications.register(registration(webhook_url="https://a.example/"))
    assert again.webhook_disabled_at is None


async def test_an_answer_to_the_old_url_does_not_give_up_the_new_one(catalog: Catalog) -> None:
    applications = Applications(catalog)
    await applications.register(registration(webhook_url="https://new.example/"))
    await catalog.run(lambda tx: module.disable_webhooks(tx, "shop", url="https://old.example/", at=5.0))
    await catalog.run(lambda tx: module.disable_webhooks(tx, "nobody", url="", at=5.0))
    kept = await applications.get("shop")
    assert kept is not None
    assert kept.webhook_disabled_at is None
