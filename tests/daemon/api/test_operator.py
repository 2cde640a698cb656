"""The operator's calls: applications."""

from pathlib import Path
from typing import Any

import pytest

from tests.daemon.api.test_guard import refused
from tests.daemon.running import ADMIN_KEY, API_KEY, running

ALL = {
    "webhook_url": "http://127.0.0.1:9/hook",
    "api_key": "sixteen letters!",
    "rate_limit": 10_000,
    "events": ["call.new", "recording.completed"],
}


async def test_an_application_is_created_with_a_secret_that_is_shown_once(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        created = await daemon.register("shop", **ALL)
        assert created.status_code == 200
        body = created.json()
        assert body.pop("webhook_secret").startswith("whsec_")
        shown = {key: value for key, value in ALL.items() if key != "api_key"}
        assert body == {"success": True, "app_id": "shop", **shown}
        replaced = await daemon.register("shop", **ALL | {"events": []})
        assert replaced.json() == {"success": True, "app_id": "shop", **shown, "events": []}
        async with daemon.client(X_Admin_API_Key=ADMIN_KEY) as http:
            assert (await http.get("/admin/apps/shop")).json() == replaced.json()


async def test_an_application_that_was_deleted_is_no_more(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        async with daemon.client(X_Admin_API_Key=ADMIN_KEY) as http:
            assert (await http.delete("/admin/apps/shop")).json() == {"success": True, "app_id": "shop"}
            refused(await http.delete("/admin/apps/shop"), 404)
            refused(await http.get("/admin/apps/shop"), 404)
        refused(await shop.http.get(f"/api/v1/sessions/{session}"), 401)


async def test_a_new_key_is_good_at_once_beside_the_one_before_it(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        await shop.call()
        async with daemon.application(api_key="the next key of the shop") as next_shop:
            await next_shop.call()
            await shop.call()
        await daemon.register("shop", api_key="the next key of the shop")  # the change is over
        refused(await shop.http.post("/api/v1/sessions"), 401)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"api_key": "fifteen letters"}, "api_key: "),
        ({"rate_limit": 10_001}, "rate_limit: "),
        ({"events": ["call.gone"]}, "events.0: "),
        ({"secret": "x"}, "secret: no such field"),
        ({"webhook_url": "ftp://hook.example/"}, "webhook_url takes an https: URL"),
        ({"webhook_url": "http://203.0.113.1/"}, "ALLOW_HTTP_WEBHOOKS"),
        ({"webhook_url": "https://127.0.0.1/"}, "not a public address"),
        ({"webhook_url": "https://[::ffff:10.0.0.1]/"}, "not a public address"),
        ({"webhook_url": "https://localhost/"}, "not a public address"),
        ({"webhook_url": "https://nobody.invalid/"}, "cannot be resolved"),
    ],
)
async def test_a_bad_registration_is_400_in_words_and_changes_nothing(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    strict = {"allow_http_webhooks": False, "allow_localhost_webhooks": False}
    async with running(tmp_path, **strict) as daemon:
        assert words in refused(await daemon.register("shop", **fields), 400)
        async with daemon.client(X_Admin_API_Key=ADMIN_KEY) as http:
            refused(await http.get("/admin/apps/shop"), 404)


async def test_an_app_id_that_no_header_could_name_is_400(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        for app_id in ("a.b", "x" * 65, "caf%C3%A9", "%20"):
            assert "app_id takes" in refused(await daemon.register(app_id), 400)
        assert (await daemon.register("x" * 64, api_key=API_KEY)).status_code == 200
