"""A session's recording over HTTP, with a real wavstream behind it, in all its states."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import trio

from daemon import wavstream_http
from daemon.api import files
from daemon.streams import abandon
from tests.daemon.api.test_guard import refused
from tests.daemon.running import BOUND_SECONDS, Application, both, recording_to, running
from tests.wavstream import servers
from wavstream import wav
from wavstream.chunks import HEADER_BYTES
from wavstream.wav import WavFormat

FORMAT = WavFormat("pcm16", 8000, 1)
SNAPSHOT = {"follow": "false"}


async def read_until(pieces: AsyncIterator[bytes], count: int) -> bytes:
    """At least so many bytes."""
    data = b""
    with trio.fail_after(BOUND_SECONDS):
        while len(data) < count:
            data += await anext(pieces)
    return data


async def rest(pieces: AsyncIterator[bytes]) -> bytes:
    with trio.fail_after(BOUND_SECONDS):
        return b"".join([piece async for piece in pieces])


@pytest.mark.contract("file-wav")
async def test_before_the_first_recording_there_is_no_file(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        assert refused(await shop.file(session), 404) == "the session has no recording"
        refused(await shop.file(session, method="HEAD"), 404)


@pytest.mark.contract("file-follow")
async def test_a_running_recording_is_followed_from_its_first_sample_to_its_end(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, server), daemon.application() as shop:
        session = await shop.call()
        await shop.command(session, "record/start")
        path = f"/api/v1/sessions/{session}/recording/file.wav"
        async with shop.http.stream("GET", path) as live:
            assert live.status_code == 200
            assert live.headers["content-type"] == "audio/wav"
            assert "content-length" not in live.headers
            pieces = live.aiter_raw()
            heard = await read_until(pieces, HEADER_BYTES + 1600)  # a tenth of a second of silence
            assert wav.parse(heard) == wav.Parsed(FORMAT, HEADER_BYTES, None)
            await shop.command(session, "hangup")
            heard += await rest(pieces)
        recording = await shop.recording(session, "completed")
        whole = await shop.file(session)
        assert whole.content[HEADER_BYTES:] == heard[HEADER_BYTES:]
        assert len(whole.content) == recording["size"]
        assert whole.content == (await server.http.get(recording["recording_url"])).content


@pytest.mark.contract("file-snapshot")
async def test_a_snapshot_has_an_exact_header_a_length_ranges_and_head(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session = await shop.call()
        await shop.command(session, "record/start")
        await shop.until(session, lambda view: (view["recording"] or {}).get("kept", 0) > 0)
        snapshot = await shop.file(session, params=SNAPSHOT)
        assert snapshot.status_code == 200
        said = wav.parse(snapshot.content)
        assert said.data_bytes == len(snapshot.content) - HEADER_BYTES > 0
        assert int(snapshot.headers["content-length"]) == len(snapshot.content)
        assert snapshot.headers["accept-ranges"] == "bytes"
        part = await shop.file(session, params=SNAPSHOT, headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.content) == (206, b"RIFF")
        assert part.headers["content-range"].startswith("bytes 0-3/")
        beyond = await shop.file(session, params=SNAPSHOT, headers={"Range": "bytes=99999999-"})
        assert (beyond.status_code, beyond.content) == (416, b"")
        head = await shop.file(session, method="HEAD", params=SNAPSHOT)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) >= len(snapshot.content)
        followed = await shop.file(session, method="HEAD")
        assert followed.status_code == 200
        assert "content-length" not in followed.headers
        assert "follow takes true or false" in refused(
            await shop.file(session, params={"follow": "maybe"}), 400
        )


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]) -> None:
    """Let daemons that start from now on find this in place of wavstream's HTTP."""

    def client(**_more: object) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(answer))

    monkeypatch.setattr(wavstream_http, "client", client)


async def completed(shop: Application) -> tuple[str, str]:
    """A call with a finished recording; its session and URL."""
    session = await shop.call()
    await shop.command(session, "record/start")
    await shop.until(session, lambda view: (view["recording"] or {}).get("kept", 0) > 0)
    await shop.command(session, "hangup")
    recording = await shop.recording(session, "completed")
    return session, recording["recording_url"]


@pytest.mark.contract("file-wav")
async def test_a_finished_file_has_validators_ranges_and_head(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, server), daemon.application() as shop:
        session, url = await completed(shop)
        whole = await shop.file(session)
        assert whole.content == (await server.http.get(url)).content
        assert whole.headers["content-type"] == "audio/wav"
        same = await shop.file(session, headers={"If-None-Match": whole.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        head = await shop.file(session, method="HEAD")
        assert head.headers["content-length"] == str(len(whole.content))
        part = await shop.file(session, headers={"Range": "bytes=-2", "If-Range": whole.headers["etag"]})
        assert (part.status_code, part.content) == (206, whole.content[-2:])
        for follow in ("true", "false"):
            assert (await shop.file(session, params={"follow": follow})).content == whole.content


@pytest.mark.contract("error-403")
async def test_another_applications_file_is_403_in_every_state(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session, _ = await completed(shop)
        async with daemon.application("stranger", api_key="the stranger's own key") as stranger:
            for method in ("GET", "HEAD"):
                refused(await stranger.file(session, method=method), 403)


async def test_an_expired_file_is_404(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, server), daemon.application() as shop:
        session, _ = await completed(shop)
        recording = (await shop.show(session))["recording"]
        erased = await server.http.delete(f"/v1/recordings/{recording['recording_id']}")
        assert erased.status_code == 204
        assert "expired" in refused(await shop.file(session), 404)


@pytest.mark.contract("url-gone", "file-wav")
async def test_a_file_is_404_from_the_second_in_which_its_url_expires(tmp_path: Path) -> None:
    async with (
        servers.running(tmp_path / "wavstream", recording_retention_hours=3 / 3600) as server,
        running(tmp_path / "daemon", **recording_to(server)) as daemon,
        daemon.application() as shop,
    ):
        session, url = await completed(shop)
        expires_at = (await shop.show(session))["recording"]["expires_at"]
        asked, answer = time.time(), await shop.file(session)
        with trio.fail_after(BOUND_SECONDS):
            while answer.status_code == 200:
                assert asked < expires_at
                await trio.sleep(0.05)
                asked, answer = time.time(), await shop.file(session)
        assert time.time() >= expires_at
        assert "expired" in refused(answer, 404)
        gone = await server.http.get(url)
        assert (gone.status_code, gone.content) == (404, b"")


async def test_a_recording_that_wavstream_has_not_heard_of_yet_gets_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session = await shop.call()
        await shop.command(session, "record/start")
        answer = await shop.file(session, params=SNAPSHOT)  # the connection is not even open
        assert answer.status_code == 200


async def test_a_recording_that_does_not_reach_wavstream_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BEGIN_SECONDS", 0.1)
    async with (
        both(tmp_path, wavstream_url="ws://127.0.0.1:9") as (daemon, _),
        daemon.application() as shop,
    ):
        session = await shop.call()
        await shop.command(session, "record/start")
        assert "nothing was kept yet" in refused(await shop.file(session), 404)


async def test_a_wavstream_that_is_away_or_does_not_know_us_is_503(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session, _ = await completed(shop)
    async with running(tmp_path / "daemon") as daemon, daemon.application() as shop:
        answer = await shop.file(session)
        assert refused(answer, 503) == "wavstream does not answer"
        assert answer.headers["retry-after"] == "5"


async def test_a_token_that_wavstream_refuses_is_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, lambda _request: httpx.Response(401))
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        await shop.command(session, "record/start")
        assert refused(await shop.file(session), 503) == "wavstream answered 401"


async def test_a_client_that_goes_away_while_it_follows_leaves_nothing_behind(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session = await shop.call()
        await shop.command(session, "record/start")
        path = f"/api/v1/sessions/{session}/recording/file.wav"
        for _ in range(3):
            async with shop.http.stream("GET", path) as live:
                pieces = live.aiter_raw()
                await read_until(pieces, HEADER_BYTES + 2)
                await abandon(pieces)
        await shop.command(session, "hangup")
        await shop.recording(session, "completed")


class Endless(httpx.AsyncByteStream):
    """A body far longer than any buffer on its way."""

    def __init__(self) -> None:
        self.closed = trio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(1000):
            await trio.lowlevel.checkpoint()
            yield bytes(1 << 20)

    async def aclose(self) -> None:
        self.closed.set()


async def test_a_client_that_stops_reading_and_goes_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon stands between two pieces then, and does not wait for one."""
    body = Endless()
    answering(monkeypatch, lambda _request: httpx.Response(200, stream=body))
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        await shop.command(session, "record/start")
        async with shop.http.stream("GET", f"/api/v1/sessions/{session}/recording/file.wav") as live:
            pieces = live.aiter_raw()
            await read_until(pieces, 1)
            await abandon(pieces)
        with trio.fail_after(BOUND_SECONDS):
            await body.closed.wait()
