"""The operator's calls: applications."""

import time
from pathlib import Path
from typing import Any

import pytest
import trio
from standardwebhooks import Webhook, WebhookVerificationError

from tests.daemon.api.test_guard import refused
from tests.daemon.running import ADMIN_KEY, API_KEY, BOUND_SECONDS, running
from tests.daemon.webhooks.receiver import OK, Taken, receiving

ALL = {
    "webhook_url": "http://127.0.0.1:9/hook",
    "api_key": "sixteen letters!",
    "rate_limit": 10_000,
    "events": ["call.new", "recording.completed"],
}


@pytest.mark.contract("admin-apps")
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
            now = {"webhook_secrets": 1, "webhook_disabled_at": None}
            assert (await http.get("/admin/apps/shop")).json() == replaced.json() | now


@pytest.mark.contract("admin-apps")
async def test_an_application_that_was_deleted_is_no_more(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        async with daemon.client(X_Admin_API_Key=ADMIN_KEY) as http:
            assert (await http.delete("/admin/apps/shop")).json() == {"success": True, "app_id": "shop"}
            refused(await http.delete("/admin/apps/shop"), 404)
            refused(await http.get("/admin/apps/shop"), 404)
        refused(await shop.http.get(f"/api/v1/sessions/{session}"), 401)


@pytest.mark.contract("keys-kept")
async def test_a_new_key_is_good_at_once_beside_the_one_before_it(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        await shop.call()
        async with daemon.application(api_key="the next key of the shop") as next_shop:
            await next_shop.call()
            await shop.call()
        await daemon.register("shop", api_key="the next key of the shop")  # the change is over
        refused(await shop.http.post("/api/v1/sessions"), 401)


@pytest.mark.contract("webhook-target")
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


@pytest.mark.contract("webhook-signature", "admin-secret")
async def test_a_webhook_secret_is_rotated_without_a_gap_and_the_one_before_it_ended(tmp_path: Path) -> None:
    async with (
        receiving() as receiver,
        running(tmp_path) as daemon,
        daemon.application(webhook_url=receiver.url) as shop,
        daemon.client(X_Admin_API_Key=ADMIN_KEY) as http,
    ):

        async def rotate() -> str:
            rotated = await http.post("/admin/apps/shop/webhook-secret")
            assert rotated.status_code == 200
            assert set(rotated.json()) == {"success", "app_id", "webhook_secret"}
            return str(rotated.json()["webhook_secret"])

        async def signing(*secrets: str | None) -> list[bool]:
            """Whether the next webhook can be verified with each of these."""
            sent = len(receiver.taken)
            await shop.call()
            with trio.fail_after(BOUND_SECONDS):
                while len(receiver.taken) == sent:  # noqa: ASYNC110 - the receiver has no event to wait for
                    await trio.sleep(0.01)
            return [verified(receiver.taken[sent], str(secret)) for secret in secrets]

        first = shop.webhook_secret
        assert await signing(first) == [True]
        second = await rotate()
        assert await signing(first, second) == [True, True]
        assert (await http.get("/admin/apps/shop")).json()["webhook_secrets"] == 2
        third = await rotate()
        assert await signing(first, second, third) == [False, True, True]
        ended = await http.delete("/admin/apps/shop/webhook-secret/previous")
        assert ended.json() == {"success": True, "app_id": "shop"}
        assert await signing(second, third) == [False, True]
        again = await http.delete("/admin/apps/shop/webhook-secret/previous")
        assert again.status_code == 200, "as it was asked for already"
        await shop.call()  # its key is what it was


def verified(taken: Taken, secret: str) -> bool:
    try:
        Webhook(secret).verify(taken.body, taken.headers)
    except WebhookVerificationError:
        return False
    return True


async def test_an_unknown_application_has_no_webhook_secret(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.client(X_Admin_API_Key=ADMIN_KEY) as http:
        refused(await http.post("/admin/apps/nobody/webhook-secret"), 404)
        refused(await http.delete("/admin/apps/nobody/webhook-secret/previous"), 404)
    async with running(tmp_path) as daemon, daemon.client() as anybody:
        refused(await anybody.post("/admin/apps/nobody/webhook-secret"), 401)
        refused(await anybody.delete("/admin/apps/nobody/webhook-secret/previous"), 401)


async def test_a_url_that_was_given_up_after_a_410_is_seen_and_taken_up_again_by_a_registration(
    tmp_path: Path,
) -> None:
    gone = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"
    async with (
        receiving(gone, OK) as receiver,
        running(tmp_path) as daemon,
        daemon.application(webhook_url=receiver.url) as shop,
        daemon.client(X_Admin_API_Key=ADMIN_KEY) as http,
    ):
        began = time.time()
        await shop.call()
        with trio.fail_after(BOUND_SECONDS):
            while (at := (await http.get("/admin/apps/shop")).json()["webhook_disabled_at"]) is None:  # noqa: ASYNC110 - no event comes
                await trio.sleep(0.01)
        assert began <= at <= time.time()
        await daemon.register("shop", webhook_url=receiver.url)
        assert (await http.get("/admin/apps/shop")).json()["webhook_disabled_at"] is None


async def test_an_app_id_that_no_header_could_name_is_400(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        for app_id in ("a.b", "x" * 65, "caf%C3%A9", "%20"):
            assert "app_id takes" in refused(await daemon.register(app_id), 400)
        assert (await daemon.register("x" * 64, api_key=API_KEY)).status_code == 200
