"""A recording taken away for good, over HTTP, with a real wavstream behind it."""

import json
from pathlib import Path

import pytest

from storage import schema
from storage.catalog import Catalog
from tests import web
from tests.daemon.api.test_guard import refused
from tests.daemon.running import API_KEY, Application, both, running

CONTENT = ("recording_url", "duration", "size", "sha256", "expires_at", "error", "quality", "no_audio")


def paths(session: str, recording_id: str) -> str:
    return f"/api/v1/sessions/{session}/recordings/{recording_id}"


async def recorded(shop: Application, session: str) -> str:
    """The id of a recording of the session that is over."""
    await shop.command(session, "record/start")
    await shop.recording(session, "recording")
    await shop.command(session, "hangup")
    return str((await shop.recording(session, "completed"))["recording_id"])


def payloads(data_dir: Path) -> list[dict[str, object]]:
    """Of the events of all calls, in order."""
    catalog = Catalog.open(f"sqlite:///{data_dir}/daemon.db")
    with catalog.transaction() as tx:
        rows = tx.execute(schema.outbox.select().order_by(schema.outbox.c.sequence)).all()
    catalog.close()
    return [json.loads(row.payload) for row in rows]


@pytest.mark.contract("erase")
async def test_erasing_takes_file_url_and_text_and_leaves_a_receipt(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, server), daemon.application() as shop:
        session = await shop.call(caller_id="+4930123456")
        recording_id = await recorded(shop, session)
        [row] = await server.recordings()
        before = (await shop.http.get(paths(session, recording_id))).json()
        assert server.file(row).exists()

        answer = await shop.http.delete(paths(session, recording_id))
        assert (answer.status_code, answer.content) == (204, b"")
        assert not server.file(row).exists()
        assert await server.recordings() == []
        async with web.client() as anybody:
            assert (await anybody.get(before["recording_url"])).status_code == 404
        assert refused(await shop.file(session), 404) == "the recording has been erased"

        receipt = (await shop.http.get(paths(session, recording_id))).json()
        assert receipt["state"] == "erased"
        assert receipt["erased_at"] >= receipt["stopped_at"]
        assert [receipt[name] for name in CONTENT] == [None] * len(CONTENT)
        kept = ("recording_id", "command_uid", "reason", "started_at", "stopped_at")
        assert [receipt[name] for name in kept] == [before[name] for name in kept]
        events = [event.get("event") for event in payloads(daemon.settings.data_dir)]
        assert events == ["call.new", "command.result", "command.result", "call.hangup", None]

        again = await shop.http.delete(paths(session, recording_id))
        assert again.status_code == 204
        assert (await shop.http.get(paths(session, recording_id))).json() == receipt


@pytest.mark.contract("url-hold", "erase")
async def test_what_is_on_legal_hold_stays(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, server), daemon.application() as shop:
        session = await shop.call()
        recording_id = await recorded(shop, session)
        hold = f"/v1/recordings/{recording_id}/hold"
        assert (await server.http.post(hold)).status_code == 200
        answer = await shop.http.delete(paths(session, recording_id))
        assert "legal hold" in refused(answer, 409)
        assert (await shop.file(session)).status_code == 200
        await server.http.delete(hold)
        assert (await shop.http.delete(paths(session, recording_id))).status_code == 204


async def test_of_two_recordings_the_other_stays(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        calls = [await shop.call(), await shop.call()]
        first, second = [await recorded(shop, session) for session in calls]
        assert (await shop.http.delete(paths(calls[0], first))).status_code == 204
        left = await shop.file(calls[1])
        assert left.status_code == 200
        assert (await shop.http.get(paths(calls[1], second))).json()["state"] == "completed"


async def test_what_still_runs_is_to_be_stopped_first(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session = await shop.call()
        await shop.command(session, "record/start")
        recording_id = (await shop.recording(session, "recording"))["recording_id"]
        words = refused(await shop.http.delete(paths(session, recording_id)), 400)
        assert words == "the recording is not over: stop it first"
        await shop.command(session, "hangup")
        await shop.recording(session, "completed")
        assert (await shop.file(session)).status_code == 200


async def test_a_recording_that_failed_can_be_erased_too(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session = await shop.call()
        catalog = Catalog.open(f"sqlite:///{daemon.settings.data_dir}/daemon.db")
        await shop.command(session, "record/start")
        await shop.command(session, "hangup")
        recording_id = (await shop.recording(session, "completed"))["recording_id"]
        with catalog.transaction() as tx:
            tx.execute(schema.call_recordings.update().values(state="failed", error="no audio"))
        catalog.close()
        assert (await shop.http.delete(paths(session, recording_id))).status_code == 204
        assert (await shop.http.get(paths(session, recording_id))).json()["error"] is None


async def test_a_wavstream_that_is_away_erases_nothing_and_says_so(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session = await shop.call()
        recording_id = await recorded(shop, session)
        # Another node with the same catalogue, which cannot reach wavstream.
        away = {"database_url": daemon.settings.catalog_url, "wavstream_public_url": "http://127.0.0.1:9"}
        async with (
            running(tmp_path / "other", **away) as other,
            other.client(X_App_ID="shop", X_API_Key=API_KEY) as http,
        ):
            answer = await http.delete(paths(session, recording_id))
            assert refused(answer, 503) == "wavstream does not answer"
            assert answer.headers["retry-after"] == "5"
            view = (await http.get(paths(session, recording_id))).json()
            assert (view["state"], view["erased_at"]) == ("completed", None)
        assert (await shop.file(session)).status_code == 200


@pytest.mark.contract("erase")
async def test_nobody_erases_what_is_not_theirs_or_not_there(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session, other = await shop.call(), await shop.call()
        recording_id = await recorded(shop, session)
        async with daemon.application("thief", api_key="the key of another one") as thief:
            refused(await thief.http.delete(paths(session, recording_id)), 403)
        refused(await shop.http.delete(paths(other, recording_id)), 404)
        refused(await shop.http.delete(paths(session, "unknown")), 404)
        assert (await shop.file(session)).status_code == 200
