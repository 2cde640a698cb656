"""How often an application, and somebody who is none, may ask: row 429 of the source document's table."""

from pathlib import Path

import httpx
import pytest
import trio

from daemon import keys
from storage.applications import KeyHash
from tests import web
from tests.daemon.api.test_guard import refused
from tests.daemon.running import ADMIN_KEY, API_KEY, Daemon, running

POLICY, STANDING = "RateLimit-Policy", "RateLimit"


async def ask(daemon: Daemon, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with web.client(base_url=daemon.url, headers=named) as http:
        return await http.get("/api/v1/sessions")


@pytest.fixture(autouse=True)
def _one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """No minute ends during a test."""
    monkeypatch.setattr("daemon.limits.WINDOW_SECONDS", 10**9)


@pytest.mark.contract("error-429", "rate-limits", "retry-after")
@pytest.mark.parametrize(("own", "default", "quota"), [(3, 100, 3), (0, 4, 4)])
async def test_an_application_has_its_own_limit_or_the_default(
    tmp_path: Path, own: int, default: int, quota: int
) -> None:
    async with running(tmp_path, rate_limit=default) as daemon, daemon.application(rate_limit=own) as shop:
        for number in range(quota):
            answer = await shop.http.get("/api/v1/sessions")
            assert answer.status_code == 200
            assert answer.headers[POLICY] == f'"app";q={quota};w={10**9}'
            assert answer.headers[STANDING].startswith(f'"app";r={quota - 1 - number};t=')
        answer = await shop.http.post("/api/v1/sessions")
        assert f"limit is {quota} a minute" in refused(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers[STANDING].startswith('"app";r=0;t=')
        async with daemon.application("other", api_key="the key of another one") as other:
            assert (await other.http.get("/api/v1/sessions")).status_code == 200


@pytest.mark.contract("retry-after")
async def test_refusals_of_an_application_s_requests_say_how_it_stands_too(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        answer = await shop.http.get("/api/v1/sessions/unknown")
        assert refused(answer, 404)
        assert STANDING in answer.headers
        async with daemon.client() as anybody:
            assert STANDING not in (await anybody.get("/health")).headers


@pytest.mark.contract("rate-limits")
async def test_an_address_without_valid_credentials_is_soon_refused_before_any_slow_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    matches = keys.matches

    def count(api_key: str, kept: KeyHash) -> bool:
        checked.append(api_key)
        return matches(api_key, kept)

    monkeypatch.setattr(keys, "matches", count)
    async with running(tmp_path, unknown_rate_limit=4) as daemon, daemon.application() as shop:
        assert (await shop.http.get("/api/v1/sessions")).status_code == 200
        refused(await ask(daemon), 400)
        refused(await ask(daemon, X_App_ID="shop"), 401)
        refused(await ask(daemon, X_App_ID="shop", X_API_Key="a wrong key of the shop"), 401)
        refused(await ask(daemon, X_App_ID="nobody", X_API_Key=API_KEY), 401)
        slow = len(checked)
        for headers in (
            {},
            {"X_App_ID": "shop"},
            {"X_App_ID": "shop", "X_API_Key": "another wrong key of it"},
            {"X_App_ID": "nobody", "X_API_Key": API_KEY},
        ):
            answer = await ask(daemon, **headers)
            assert "without valid credentials is 4 a minute" in refused(answer, 429)
            assert int(answer.headers["retry-after"]) >= 1
        wrong = await daemon_admin(daemon, "a wrong key")
        refused(wrong, 429)
        assert len(checked) == slow

        assert (await shop.http.get("/api/v1/sessions")).status_code == 200, "a key known to be right"
        assert (await daemon_admin(daemon, ADMIN_KEY)).status_code == 200


async def daemon_admin(daemon: Daemon, key: str) -> httpx.Response:
    async with daemon.client(X_Admin_API_Key=key) as http:
        return await http.get("/admin/apps/shop")


async def test_a_right_key_that_is_new_is_not_counted_and_from_a_refused_address_not_looked_at(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, unknown_rate_limit=1) as daemon:
        for number in range(3):
            async with daemon.application(f"app-{number}") as app:
                assert (await app.http.get("/api/v1/sessions")).status_code == 200
        refused(await ask(daemon), 400)
        async with daemon.application("late") as late:
            refused(await late.http.get("/api/v1/sessions"), 429)


async def test_a_key_that_was_right_and_is_replaced_counts_as_a_wrong_one(tmp_path: Path) -> None:
    async with running(tmp_path, unknown_rate_limit=1) as daemon, daemon.application() as shop:
        assert (await shop.http.get("/api/v1/sessions")).status_code == 200
        for _ in range(2):  # the second time ends the key before it
            assert (await daemon.register("shop", api_key="an entirely new key")).status_code == 200
        refused(await shop.http.get("/api/v1/sessions"), 401)
        refused(await shop.http.get("/api/v1/sessions"), 429)


async def test_many_requests_with_one_key_at_once_are_one_try_if_it_is_right_and_many_if_it_is_wrong(
    tmp_path: Path,
) -> None:
    """As after a restart, when no key is known to be right and all clients come back in the same instant."""

    async def crowd(key: str) -> list[int]:
        statuses: list[int] = []

        async def one() -> None:
            statuses.append((await ask(daemon, X_App_ID="shop", X_API_Key=key)).status_code)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(one)
        return statuses

    async with running(tmp_path, unknown_rate_limit=3) as daemon:
        await daemon.register("shop")
        assert await crowd(API_KEY) == [200] * 20
        wrong = await crowd("a wrong key of the shop")
        assert (wrong.count(401), wrong.count(429)) == (3, 17)
