"""The operator's calls: dead letters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from daemon.webhooks import letters as module
from tests.daemon.api.test_guard import refused
from tests.daemon.running import ADMIN_KEY, BOUND_SECONDS, Application, Daemon, running
from tests.daemon.webhooks.receiver import OK, Receiver, receiving

GONE = b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"


@dataclass
class Desk:
    """The operator of a daemon whose receiver answers 410, until it is told to answer otherwise."""

    daemon: Daemon
    receiver: Receiver
    shop: Application
    http: httpx.AsyncClient

    async def letters(self, count: int, **query: str) -> list[dict[str, Any]]:
        """The dead letters, once there are as many."""
        with trio.fail_after(BOUND_SECONDS):
            while True:
                answer = await self.http.get("/admin/dead-letters", params={"limit": "500"} | query)
                assert answer.status_code == 200, answer.text
                found: list[dict[str, Any]] = answer.json()["dead_letters"]
                if len(found) == count:
                    return found
                await trio.sleep(0.02)

    async def register_again(self) -> None:
        """The receiver is well again, and the operator knows."""
        self.receiver.answers = [OK]
        await self.daemon.register("shop", webhook_url=self.receiver.url)

    async def taken(self, count: int) -> list[str]:
        """The ids of what the receiver was sent, once it is as much."""
        with trio.fail_after(BOUND_SECONDS):
            while len(self.receiver.taken) < count:  # noqa: ASYNC110 - the receiver has no event to wait for
                await trio.sleep(0.01)
        return [each.headers["webhook-id"] for each in self.receiver.taken]


@asynccontextmanager
async def desk(folder: Path, **given: object) -> AsyncIterator[Desk]:
    async with (
        receiving(GONE) as receiver,
        running(folder, **given) as daemon,
        daemon.application(webhook_url=receiver.url) as shop,
        daemon.client(X_Admin_API_Key=ADMIN_KEY) as http,
    ):
        yield Desk(daemon, receiver, shop, http)


@pytest.mark.contract("webhook-dead-letters")
async def test_a_dead_letter_is_listed_and_shown_with_what_it_says(tmp_path: Path) -> None:
    async with desk(tmp_path) as operator:
        session = await operator.shop.call(caller_id="+49 30 1")
        [letter] = await operator.letters(1)
        assert letter == {
            "event_id": (await operator.taken(1))[0],
            "app_id": "shop",
            "session_uuid": session,
            "sequence": 1,
            "event": "call.new",
            "created_at": (await operator.shop.show(session))["created_at"],
            "resent_at": None,
            "attempts": 1,
            "error": "the receiver answered 410",
        }
        shown = (await operator.http.get(f"/admin/dead-letters/{letter['event_id']}")).json()
        payload = shown.pop("payload")
        assert shown == letter
        assert (payload["event"], payload["sequence"], payload["caller_id"]) == ("call.new", 1, "+49 30 1")


async def test_they_are_listed_newest_first_in_pages_and_by_application(tmp_path: Path) -> None:
    async with desk(tmp_path) as operator:
        sessions = [await operator.shop.call() for _ in range(3)]
        found = await operator.letters(3)
        assert [each["session_uuid"] for each in found] == sessions[::-1]
        first = (await operator.http.get("/admin/dead-letters", params={"limit": 2})).json()
        assert first["dead_letters"] == found[:2]
        query = {"limit": 2, "cursor": first["next"], "app_id": "shop"}
        second = (await operator.http.get("/admin/dead-letters", params=query)).json()
        assert second == {"dead_letters": found[2:], "next": None}
        assert await operator.letters(0, app_id="other") == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "limit takes 1 to 500"),
        ("limit=501", "limit takes 1 to 500"),
        ("limit=x", "limit takes 1 to 500"),
        ("cursor=x", "cursor takes"),
        ("cursor=bmFuIHg=", "cursor takes"),  # "nan x"
        ("cursor=MS4wIA==", "cursor takes"),  # "1.0 "
        ("app_id=a.b", "app_id takes"),
    ],
)
async def test_a_query_that_makes_no_sense_is_400(tmp_path: Path, query: str, words: str) -> None:
    async with running(tmp_path) as daemon, daemon.client(X_Admin_API_Key=ADMIN_KEY) as http:
        assert words in refused(await http.get(f"/admin/dead-letters?{query}"), 400)


@pytest.mark.contract("webhook-dead-letters")
async def test_one_is_sent_again_under_its_id_once_its_receiver_is_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as operator:
        await operator.shop.call()
        [letter] = await operator.letters(1)
        again = f"/admin/dead-letters/{letter['event_id']}/resend"
        assert "410" in refused(await operator.http.post(again), 400)
        await operator.register_again()
        answer = await operator.http.post(again)
        assert answer.json() == {"success": True, "event_id": letter["event_id"]}
        assert await operator.taken(2) == [letter["event_id"]] * 2
        assert operator.receiver.taken[0].body == operator.receiver.taken[1].body
        refused(await operator.http.post(again), 404)
        assert await operator.letters(0) == []


@pytest.mark.contract("webhook-dead-letters")
async def test_one_that_is_dropped_is_no_more(tmp_path: Path) -> None:
    async with desk(tmp_path) as operator:
        await operator.shop.call()
        [letter] = await operator.letters(1)
        path = f"/admin/dead-letters/{letter['event_id']}"
        assert (await operator.http.delete(path)).json() == {"success": True, "event_id": letter["event_id"]}
        refused(await operator.http.delete(path), 404)
        refused(await operator.http.get(path), 404)
        await operator.register_again()
        refused(await operator.http.post(f"{path}/resend"), 404)


async def test_all_of_an_application_are_sent_again_in_order_or_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    again = "/admin/apps/shop/dead-letters/resend"
    async with desk(tmp_path) as operator:
        session = await operator.shop.call()
        for command in ("record/stop", "hangup"):  # call.new, two command.result, call.hangup
            await operator.shop.command(session, command)
        await operator.shop.call()
        await operator.letters(5)
        assert "410" in refused(await operator.http.post(again), 400)
        sent = len(operator.receiver.taken)
        await operator.register_again()
        answer = await operator.http.post(again)
        assert answer.json() == {"success": True, "app_id": "shop", "resent": 5}
        await operator.taken(sent + 5)
        bodies = [each.body.decode() for each in operator.receiver.taken[sent:]]
        order = [body.partition('"sequence":')[2][0] for body in bodies if session in body]
        assert order == ["1", "2", "3", "4"]
        operator.receiver.answers = [GONE]
        await operator.shop.call()
        await operator.letters(1)
        dropped = await operator.http.delete("/admin/apps/shop/dead-letters")
        assert dropped.json() == {"success": True, "app_id": "shop", "dropped": 1}
        assert await operator.letters(0) == []


async def test_letters_of_a_deleted_application_can_only_be_dropped(tmp_path: Path) -> None:
    async with desk(tmp_path) as operator:
        await operator.shop.call()
        [letter] = await operator.letters(1)
        await operator.http.delete("/admin/apps/shop")
        for path in (
            f"/admin/dead-letters/{letter['event_id']}/resend",
            "/admin/apps/shop/dead-letters/resend",
        ):
            assert "only be dropped" in refused(await operator.http.post(path), 400)
        assert (await operator.http.delete("/admin/apps/shop/dead-letters")).json()["dropped"] == 1


async def test_nobody_but_the_operator_sees_or_moves_one(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.client() as http:
        for method, path in (
            ("GET", "/admin/dead-letters"),
            ("GET", "/admin/dead-letters/msg_1"),
            ("DELETE", "/admin/dead-letters/msg_1"),
            ("POST", "/admin/dead-letters/msg_1/resend"),
            ("POST", "/admin/apps/shop/dead-letters/resend"),
            ("DELETE", "/admin/apps/shop/dead-letters"),
        ):
            refused(await http.request(method, path), 401)
