"""Calls over HTTP: registering, listing, showing."""

from pathlib import Path
from uuid import UUID

import pytest

from daemon.api import sessions as module
from daemon.node import is_session_uuid
from tests.daemon.api.test_guard import refused
from tests.daemon.running import running, speak


@pytest.mark.contract("create-session", "session-uuid")
async def test_a_registered_call_names_where_its_audio_may_be_sent(tmp_path: Path) -> None:
    async with running(tmp_path, node_id="acW68") as daemon, daemon.application() as shop:
        answer = await shop.http.post("/api/v1/sessions", json={"caller_id": "+49 30 1", "legs": 2})
        assert answer.status_code == 201
        view = answer.json()
        assert is_session_uuid(view["session_uuid"])
        assert view["session_uuid"].startswith("acW68-")
        legs = view["media"].pop("rtp")
        assert view == {
            "session_uuid": view["session_uuid"],
            "state": "waiting",
            "caller_id": "+49 30 1",
            "did": None,
            "media": {name: view["media"][name] for name in ("audiosocket", "websocket")},
        }
        assert [leg["leg"] for leg in legs] == ["caller", "callee"]
        assert {leg["host"] for leg in legs} == {"127.0.0.1"}
        ports = {leg["port"] for leg in legs}
        assert len(ports) == 2
        assert all(port % 2 == 0 for port in ports)
        sockets = view["media"]["audiosocket"]
        assert [leg["leg"] for leg in sockets] == ["caller", "callee"]
        assert {(leg["host"], leg["port"]) for leg in sockets} == {daemon.listening.audiosocket}
        assert len({UUID(leg["uuid"]) for leg in sockets}) == 2
        websockets = view["media"]["websocket"]
        assert [leg["leg"] for leg in websockets] == ["caller", "callee"]
        base = f"ws://{daemon.listening.media}/v1/media/"
        assert all(leg["url"].startswith(base) for leg in websockets)
        tokens = {leg["url"].removeprefix(base) for leg in websockets}
        assert len(tokens) == 2
        assert all(len(token) == 22 for token in tokens)  # 128 random bits


@pytest.mark.contract("session-body")
async def test_an_empty_body_registers_a_call_with_one_leg(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        answer = await shop.http.post("/api/v1/sessions")
        assert answer.status_code == 201
        assert len(answer.json()["media"]["rtp"]) == 1


async def test_a_body_that_is_not_what_the_call_takes_is_400_in_words(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        for content, words in (
            (b"{nope", "body: Invalid JSON"),
            (b"[]", "body: Input should be an object"),
            (b'{"legs": 3}', "legs: "),
            (b'{"wavstream_url": "ws://x"}', "wavstream_url: no such field"),
        ):
            answer = await shop.http.post("/api/v1/sessions", content=content)
            assert words in refused(answer, 400)
        assert (await shop.http.get("/api/v1/sessions")).json()["sessions"] == []


@pytest.mark.contract("create-session", "show-session")
async def test_a_session_shows_its_legs_and_what_they_heard(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        created = await shop.created(did="100")
        before = await shop.show(created["session_uuid"])
        assert before["state"] == "waiting"
        assert before["did"] == "100"
        assert before["recording"] is None
        assert before["legs"][0]["codec"] is None
        speak(created, packets=10)
        view = await shop.until(created["session_uuid"], lambda view: view["legs"][0]["packets"] == 10)
        view = await shop.until(created["session_uuid"], lambda view: view["state"] == "active")
        (leg,) = view["legs"]
        assert (leg["leg"], leg["codec"], leg["rate"], leg["lost"]) == ("caller", "PCMU", 8000, 0)
        assert leg["jitter_ms"] >= 0
        assert view["media"] == created["media"]


@pytest.mark.contract("session-body")
async def test_a_payload_type_that_the_call_named_is_heard_as_it_was_named(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        named = {"payload_type": 96, "encoding": "L16", "rate": 16000}
        created = await shop.created(rtp=named)
        speak(created, packets=3, payload_type=96)
        view = await shop.until(created["session_uuid"], lambda view: view["legs"][0]["packets"] == 3)
        assert (view["legs"][0]["codec"], view["legs"][0]["rate"]) == ("L16", 16000)


async def test_an_ended_session_is_shown_with_its_cause_and_what_its_legs_received(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        created = await shop.created()
        uuid = created["session_uuid"]
        speak(created, packets=10)
        await shop.until(uuid, lambda view: view["legs"][0]["packets"] == 10)
        assert (await shop.command(uuid, "hangup")).status_code == 202
        view = await shop.until(uuid, lambda view: view["media"]["rtp"] == [])
        (leg,) = view["legs"]
        assert (leg["leg"], leg["codec"], leg["packets"], leg["lost"]) == ("caller", "PCMU", 10, 0)
        assert (view["state"], view["cause"]) == ("ended", "hangup")
        assert view["ended_at"] >= view["created_at"]
        assert view["media"] == {"rtp": [], "audiosocket": [], "websocket": []}


@pytest.mark.contract("show-session")
async def test_sessions_are_listed_newest_first_a_page_at_a_time(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        uuids = [await shop.call(caller_id=str(number)) for number in range(5)]
        pages, cursor = list[list[str]](), ""
        while cursor is not None:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await shop.http.get("/api/v1/sessions", params=query)).json()
            pages.append([each["session_uuid"] for each in page["sessions"]])
            cursor = page["next"]
        assert [len(page) for page in pages] == [2, 2, 1]
        assert [uuid for page in pages for uuid in page] == uuids[::-1]
        whole = (await shop.http.get("/api/v1/sessions")).json()
        assert [each["caller_id"] for each in whole["sessions"]] == ["4", "3", "2", "1", "0"]
        assert whole["next"] is None
        exactly = (await shop.http.get("/api/v1/sessions", params={"limit": "5"})).json()
        assert exactly["next"] is None


async def test_a_limit_or_cursor_that_is_none_is_400(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        for limit in ("0", "501", "-1", "x", "", "1.5", "1" * 5000, "\u0661"):
            answer = await shop.http.get("/api/v1/sessions", params={"limit": limit})
            assert "limit takes 1 to 500" in refused(answer, 400)
        for cursor in (
            "",
            "x",
            "[[[",
            "W1tb" * 3000,
            "bmFuIHg=",
            "MS4wIHg=",
            "MWU5OTkgeA==",
            "\u00e4",
            "////",
        ):
            answer = await shop.http.get("/api/v1/sessions", params={"cursor": cursor})
            assert "cursor takes" in refused(answer, 400)


@pytest.mark.parametrize(("seconds", "whole"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.001, 2), (2.0, 2)])
def test_retry_after_counts_whole_seconds_and_never_none(seconds: float, whole: int) -> None:
    assert module._whole(seconds) == whole


async def test_a_call_without_a_free_port_is_503(tmp_path: Path) -> None:
    async with (
        running(tmp_path, daemon_rtp="203.0.113.1:20000-20000") as daemon,  # not our address
        daemon.application() as shop,
    ):
        answer = await shop.http.post("/api/v1/sessions")
        assert "no port is free for the call" in refused(answer, 503)
        assert (await shop.http.get("/api/v1/sessions")).json()["sessions"] == []
