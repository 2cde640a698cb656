"""What operators and the daemon ask over HTTP."""

import base64
import hashlib
from pathlib import Path

import pytest
import trio

from tests.wavstream.clients import audio, client, close, exchange, text, upgrade
from tests.wavstream.servers import Server, running
from wavstream.chunks import HEADER_BYTES
from wavstream.protocol import Completed

ID = "recording-1"
SECOND = bytes(range(250)) * 64


@pytest.mark.contract("own-list")
async def test_recordings_are_listed_newest_first_in_pages(server: Server) -> None:
    for name in ("a", "b", "a"):
        request = upgrade("/ws") + text(name) + audio(SECOND) + close()
        await exchange(server.listening.ingest, [request])
    rows = await server.ended(3)
    first = await server.json("/v1/recordings?limit=2")
    second = await server.json(f"/v1/recordings?limit=2&cursor={first['next']}")
    assert [each["recording_id"] for each in first["recordings"] + second["recordings"]] == [
        each["recording_id"] for each in rows[::-1]
    ]
    assert second["next"] is None
    assert [each["name"] for each in await server.recordings(name="a")] == ["a", "a"]
    assert await server.recordings(state="failed") == []
    assert len(await server.recordings(since=str(rows[1]["started_at"]))) == 2
    assert len(await server.recordings(until=str(rows[1]["started_at"]))) == 1


@pytest.mark.contract("v1-start", "own-show", "own-recording")
async def test_a_recording_is_shown_by_the_same_fields_while_it_runs_and_after(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID, sample_rate=16_000, channels=2, metadata={"started_at": 1e9, "n": [1]})
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        live = await server.json(f"/v1/recordings/{ID}")
        done = await talk.stop(16_000, "hangup")
    assert isinstance(done, Completed)
    ended = await server.json(f"/v1/recordings/{ID}")
    assert await server.recordings() == [ended]
    known: dict[str, object] = {
        "recording_id": ID,
        "name": None,
        "sample_rate": 16_000,
        "channels": 2,
        "encoding": "pcm16",
        "started_at": 1e9,
        # 16,000 bytes of two channels of 16 bits are 4,000 frames, behind the header.
        "duration": 0.25,
        "size": HEADER_BYTES + 16_000,
        "path": live["path"],
        "metadata": {"started_at": 1e9, "n": [1]},
        "held": False,
        "hold_reason": None,
    }
    over = ("reason", "stopped_at", "expires_at", "sha256", "audio_sha256", "url")
    assert live == known | {"state": "recording"} | dict.fromkeys(over)
    assert ended == known | {
        "state": "completed",
        "reason": "hangup",
        "stopped_at": ended["stopped_at"],
        "expires_at": ended["stopped_at"] + 86_400,
        "sha256": hashlib.sha256((server.data_dir / ended["path"]).read_bytes()).hexdigest(),
        "audio_sha256": hashlib.sha256(SECOND).hexdigest(),
        "url": done.url,
    }


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.contract("own-list")
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "since=today",
        "until=",
        "state=lost",
        "cursor=x",
        "cursor=bnVsbA==",
        "since=nan",
        "until=1e999",
        "cursor=" + cursor('[NaN, "r"]'),
        "cursor=" + cursor('[1, "\\ud800"]'),
        "cursor=" + cursor(f'[1{"0" * 400}, "r"]'),
    ],
)
async def test_a_question_that_makes_no_sense_is_a_400_in_words(server: Server, query: str) -> None:
    answer = await server.http.get(f"/v1/recordings?{query}")
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert query.partition("=")[0] in answer.json()["error"]


@pytest.mark.contract("own-erase")
async def test_a_recording_can_be_erased_but_not_while_it_runs(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        assert (await server.http.delete(f"/v1/recordings/{ID}")).status_code == 409
        done = await talk.stop(16_000)
    assert isinstance(done, Completed)
    path = server.file(await server.json(f"/v1/recordings/{ID}"))
    answer = await server.http.delete(f"/v1/recordings/{ID}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not path.exists()
    assert (await server.http.get(done.url)).status_code == 404
    assert (await server.http.get(f"/v1/recordings/{ID}")).status_code == 404
    assert (await server.http.delete(f"/v1/recordings/{ID}")).status_code == 404
    assert list((server.data_dir / "recordings").iterdir()) == []  # nor are empty folders left


@pytest.mark.contract("health", "listener-http", "own-access")
async def test_the_programs_state_is_told_without_a_token(tmp_path: Path) -> None:
    async with running(tmp_path, wavstream_token="s3cret") as server:
        for path in ("/health", "/ready"):
            assert (await server.http.get(path)).json() == {"status": "ok"}
        metrics = (await server.http.get("/metrics")).text
        assert "wavstream_recordings_live 0.0" in metrics
        refused = await server.http.get("/v1/recordings", headers={"Authorization": "Bearer wrong"})
        assert (refused.status_code, refused.json()["success"]) == (401, False)
        assert refused.headers["www-authenticate"] == "Bearer"
        allowed = await server.http.get("/v1/recordings?token=s3cret")
        assert allowed.status_code == 200


async def test_a_server_that_stops_is_not_ready(server: Server) -> None:
    async with client(server):  # whose farewell it waits for
        assert (await server.http.get("/ready")).status_code == 200
        server.stopping.set()
        assert (await server.http.get("/ready")).status_code == 503


async def test_a_catalogue_that_hangs_is_not_ready(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr("wavstream.downloads.app.READY_SECONDS", 0.05)
    monkeypatch.setattr("storage.catalog.Catalog.run", hang)
    answer = await server.http.get("/ready")
    assert (answer.status_code, answer.json()["error"]) == (503, "the catalogue does not answer")


async def test_a_wrong_method_is_told_in_words(server: Server) -> None:
    answer = await server.http.post("/v1/recordings")
    assert (answer.status_code, answer.json()["success"]) == (405, False)
    assert "GET" in answer.headers["allow"]
    assert (await server.http.get("/v1/other")).json()["success"] is False
