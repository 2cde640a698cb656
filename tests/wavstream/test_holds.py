"""Legal hold over HTTP."""

import json
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from tests.wavstream.clients import audio, client, close, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running, the_file
from wavstream import sweeper
from wavstream.protocol import Completed

ID = "recording-1"
SECOND = bytes(range(250)) * 64
HOLD = f"/v1/recordings/{ID}/hold"


async def recorded(server: Server) -> Completed:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        done = await talk.stop(16_000)
    assert isinstance(done, Completed)
    return done


@pytest.mark.contract("url-hold", "own-hold")
async def test_a_held_recording_outlives_its_time_and_a_restart_and_then_is_gone_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.05)
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    async with running(tmp_path, recording_retention_hours=1) as server:
        done = await recorded(server)
        assert done.expires_at == 1_003_600.0
        assert (await server.http.post(HOLD, json={"reason": "case 7"})).status_code == 200
        path = done.url.removeprefix(str(server.http.base_url).rstrip("/"))
    now = 1_003_600.0
    async with running(tmp_path) as server:
        await _swept(server)
        assert (await server.http.get(path)).status_code == 200
        row = await server.json(f"/v1/recordings/{ID}")
        assert (row["held"], row["hold_reason"], row["expires_at"]) == (True, "case 7", now)
        released = await server.http.delete(HOLD)
        assert (released.status_code, released.json()["held"]) == (200, False)
        for method in ("GET", "HEAD"):
            answer = await server.http.request(method, path)
            assert (answer.status_code, answer.content) == (404, b"")
        with trio.fail_after(BOUND_SECONDS):
            while list((tmp_path / "recordings").iterdir()):  # noqa: ASYNC110 - it is out of sight before it is gone
                await trio.sleep(0.02)


async def _swept(server: Server) -> None:
    """Wait for a whole sweep from now on: the second from here to end."""

    async def count() -> float:
        lines = (await server.http.get("/metrics")).text.splitlines()
        [line] = [line for line in lines if line.startswith("wavstream_sweep_seconds_count")]
        return float(line.split()[1])

    before = await count()
    with trio.fail_after(BOUND_SECONDS):
        while await count() < before + 2:  # noqa: ASYNC110 - asked as Prometheus does
            await trio.sleep(0.02)


@pytest.mark.contract("own-hold", "own-erase")
async def test_a_held_recording_cannot_be_erased(server: Server) -> None:
    done = await recorded(server)
    await server.http.post(HOLD)
    answer = await server.http.delete(f"/v1/recordings/{ID}")
    assert answer.status_code == 409
    assert "hold" in answer.json()["error"]
    assert (await server.http.get(done.url)).status_code == 200
    await server.http.delete(HOLD)
    assert (await server.http.delete(f"/v1/recordings/{ID}")).status_code == 204


async def test_a_hold_changes_nothing_else(server: Server) -> None:
    await recorded(server)
    before = await server.json(f"/v1/recordings/{ID}")
    held = await server.http.post(HOLD, json={"reason": "case 7"})
    assert held.json() == before | {"held": True, "hold_reason": "case 7"}
    # Held again without words, those of the first time stay; with words, the newest count.
    assert (await server.http.post(HOLD, content=b"{}")).json() == held.json()
    assert (await server.http.post(HOLD, json={"reason": "case 8"})).json()["hold_reason"] == "case 8"
    assert (await server.http.delete(HOLD)).json() == before
    assert (await server.http.delete(HOLD)).json() == before


@pytest.mark.contract("own-hold")
async def test_a_recording_can_be_held_while_it_runs(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        held = await server.http.post(HOLD, json={"reason": "case 7"})
        assert (held.status_code, held.json()["state"], held.json()["held"]) == (200, "recording", True)
        assert (await server.json(f"/v1/recordings/{ID}"))["held"] is True
        await talk.audio(SECOND)
        await talk.stop(16_000)
    row = await server.json(f"/v1/recordings/{ID}")
    assert (row["state"], row["held"], row["hold_reason"]) == ("completed", True, "case 7")
    assert (await server.http.delete(f"/v1/recordings/{ID}")).status_code == 409


async def test_the_side_file_says_that_it_is_held_so_that_a_rebuilt_catalogue_does(
    server: Server, tmp_path: Path
) -> None:
    def beside() -> tuple[bool, str | None]:
        said = json.loads(the_file(tmp_path).with_suffix(".json").read_bytes())
        return said["held_at"] is not None, said["hold_reason"]

    await recorded(server)
    await server.http.post(HOLD, json={"reason": "case 7"})
    assert beside() == (True, "case 7")
    await server.http.delete(HOLD)
    assert beside() == (False, None)


async def test_a_side_file_that_cannot_be_written_takes_nothing_from_a_hold(
    server: Server, tmp_path: Path
) -> None:
    await recorded(server)
    path = the_file(tmp_path).with_suffix(".json")
    path.unlink()
    path.mkdir()  # nothing can be put in its place
    with capture_logs() as logs:
        assert (await server.http.post(HOLD)).json()["held"] is True
    assert {"event": "cannot write the side file", "recording": ID}.items() <= logs[0].items()


async def test_a_hold_outlives_the_name_that_comes_after_it(server: Server) -> None:
    async with await trio.open_tcp_stream(*server.listening.ingest) as switch:
        await switch.send_all(upgrade("/ws") + audio(SECOND))
        [row] = await server.until(lambda found: len(found) == 1)
        hold = f"/v1/recordings/{row['recording_id']}/hold"
        assert (await server.http.post(hold)).json()["held"] is True
        await switch.send_all(text("call.wav") + close())
        [row] = await server.ended(1)
    assert (row["name"], row["held"]) == ("call.wav", True)


async def test_what_is_not_there_cannot_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    async with running(tmp_path) as server:
        assert (await server.http.post(HOLD)).status_code == 404
        assert (await server.http.delete(HOLD)).status_code == 404
        await recorded(server)
        now += 86_400
        # Expired: the sweeper may be at its file already.
        answer = await server.http.post(HOLD)
        assert (answer.status_code, answer.json()["success"]) == (404, False)


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"[]",
        b'{"hold": true}',
        b'{"reason": 7}',
        b'{"reason": "a\\nb"}',
        b'{"reason": "%s"}' % (b"x" * 501),
        b"[" * 20_000,
        b"\xff",
    ],
)
async def test_a_body_that_is_no_reason_is_a_400_in_words(server: Server, body: bytes) -> None:
    answer = await server.http.post(HOLD, content=body)
    assert answer.status_code == 400
    assert "takes" in answer.json()["error"]


async def test_only_those_who_know_the_token_may_hold(tmp_path: Path) -> None:
    async with running(tmp_path, wavstream_token="s3cret") as server:
        for method in ("POST", "DELETE"):
            assert (await server.http.request(method, HOLD)).status_code == 401


async def test_a_recording_that_the_catalogue_never_hears_of_cannot_be_held(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wavstream.downloads.holds.REGISTER_SECONDS", 0.05)
    monkeypatch.setattr("wavstream.registration.Registrar.add", lambda *_: None)
    async with client(server) as talk:
        await talk.start(ID)
        answer = await server.http.post(HOLD)
        assert (answer.status_code, answer.json()["success"]) == (503, False)


async def test_what_cannot_be_erased_now_is_out_of_sight_and_can_be_tried_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await recorded(server)

    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("storage.objects.DirectoryStore.delete", refuse)
        answer = await server.http.delete(f"/v1/recordings/{ID}")
        assert (answer.status_code, answer.json()["success"]) == (503, False)
    assert (await server.http.get(done.url)).status_code == 404
    assert (await server.http.get(f"/v1/recordings/{ID}")).status_code == 404
    assert await server.recordings() == []
    assert (await server.http.delete(f"/v1/recordings/{ID}")).status_code == 204
    assert list((server.data_dir / "recordings").iterdir()) == []
