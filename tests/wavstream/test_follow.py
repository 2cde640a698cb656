"""A running recording, listened to live."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from trio.testing import MockClock

from storage.recordings import Recording
from tests.wavstream.clients import client
from tests.wavstream.servers import BOUND_SECONDS, Server, http_client, running
from wavstream import service
from wavstream.chunks import HEADER_BYTES
from wavstream.label import label
from wavstream.process import cadence
from wavstream.protocol import Completed

ID = "recording-1"
SECOND = bytes(range(250)) * 64
FOLLOWERS = 50
BEGAN = {"started_at": 1e9}
HEADER = label(
    Recording(
        recording_id=ID,
        token="",
        state="recording",
        sample_rate=8000,
        channels=1,
        encoding="pcm16",
        started_at=1e9,
        header_bytes=HEADER_BYTES,
    )
).header.over(None)


class Follower:
    """Reads the live stream as it comes."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.chunks = answer.aiter_raw()
        self.received = b""

    async def until(self, size: int) -> bytes:
        with trio.fail_after(BOUND_SECONDS):
            while len(self.received) < size:
                self.received += await anext(self.chunks)
        return self.received

    async def rest(self) -> bytes:
        with trio.fail_after(BOUND_SECONDS):
            async for chunk in self.chunks:
                self.received += chunk
        return self.received


@asynccontextmanager
async def following(server: Server, query: str = "") -> AsyncIterator[Follower]:
    async with server.http.stream("GET", f"/v1/recordings/{ID}/file.wav{query}") as answer:
        assert answer.status_code == 200
        yield Follower(answer)


@pytest.mark.contract("file-follow")
async def test_a_follower_hears_from_the_first_sample_to_the_last_as_they_come(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID, metadata=BEGAN)
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        async with following(server) as follower:
            assert "content-length" not in follower.answer.headers
            assert follower.answer.headers["transfer-encoding"] == "chunked"
            assert await follower.until(len(HEADER) + 16_000) == HEADER + SECOND
            await talk.audio(SECOND[:3200])
            await follower.until(len(HEADER) + 19_200)
            await talk.audio(SECOND[:400])
            done = await talk.stop(19_600)
            assert await follower.rest() == HEADER + SECOND + SECOND[:3200] + SECOND[:400]
    assert isinstance(done, Completed)
    assert (await server.http.get(done.url)).content[HEADER_BYTES:] == follower.received[HEADER_BYTES:]


async def test_a_follower_may_come_before_the_first_sample(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID, metadata=BEGAN)
        async with following(server, "?follow=true") as follower:
            assert await follower.until(len(HEADER)) == HEADER
            await talk.audio(SECOND)
            await talk.stop(16_000)
            assert await follower.rest() == HEADER + SECOND


async def test_a_follower_gets_whole_samples_even_when_audio_comes_in_halves(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID, metadata=BEGAN)
        async with following(server) as follower:
            await talk.audio(SECOND[:999])
            await talk.acknowledged(999)
            assert len(await follower.until(len(HEADER) + 998)) == len(HEADER) + 998
            await talk.audio(SECOND[999:])
            await talk.stop(16_000)
            assert await follower.rest() == HEADER + SECOND


@asynccontextmanager
async def real_seconds(seconds: float) -> AsyncIterator[None]:
    """A bound for a block in which Trio's own clock stands still."""

    async def watch() -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await trio.to_thread.run_sync(time.sleep, 0.05)
        raise AssertionError(f"not within {seconds} s")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        yield
        nursery.cancel_scope.cancel()


async def test_what_has_come_is_with_the_follower_half_a_second_later(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    assert min(cadence.SLOWEST_SECONDS, service.BEAT_SECONDS) <= 0.4  # however many recordings there are
    mock_clock.rate = 1
    async with running(tmp_path) as server, client(server) as talk:
        await talk.start(ID, metadata=BEGAN)
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        async with following(server) as follower:
            await follower.until(HEADER_BYTES + 16_000)
            mock_clock.rate = 0
            await talk.audio(SECOND[:3200])
            mock_clock.jump(0.5)  # and no more time passes
            async with real_seconds(BOUND_SECONDS):
                while len(follower.received) < len(HEADER) + 19_200:
                    follower.received += await anext(follower.chunks)
            mock_clock.rate = 1
            await talk.stop(19_200)
            assert await follower.rest() == HEADER + SECOND + SECOND[:3200]


async def test_many_followers_hear_the_same_and_one_that_does_not_read_harms_nobody(server: Server) -> None:
    heard: list[bytes] = []
    data = SECOND * 60  # a minute: more than the socket buffers of the idle one hold

    async def listen(*, task_status: trio.TaskStatus[None]) -> None:
        async with following(server) as follower:
            task_status.started()
            heard.append(await follower.rest())

    async with client(server) as talk:
        await talk.start(ID, metadata=BEGAN)
        async with trio.open_nursery() as nursery:
            for _ in range(FOLLOWERS):
                await nursery.start(listen)
            async with following(server) as idle:
                await talk.audio(data)
                assert isinstance(await talk.stop(len(data)), Completed)
                with trio.fail_after(BOUND_SECONDS):
                    while len(heard) < FOLLOWERS:  # noqa: ASYNC110 - many tasks, no event
                        await trio.sleep(0.01)
                assert await idle.rest() == HEADER + data
    assert heard == [HEADER + data] * FOLLOWERS


async def test_a_follower_of_a_recording_without_audio_gets_an_end(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID, metadata=BEGAN)
        async with following(server) as follower:
            await talk.stop(0)
            assert await follower.rest() == HEADER


async def test_a_head_of_a_live_stream_says_no_length(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID, metadata=BEGAN)
        answer = await server.http.head(f"/v1/recordings/{ID}/file.wav")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "audio/wav"


async def test_a_follower_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    async with running(tmp_path) as server, client(server) as talk:
        await talk.start(ID, metadata=BEGAN)
        await talk.audio(SECOND)
        async with following(server) as follower:
            await follower.until(len(HEADER) + 16_000)
            server.stopping.set()
            # Cut, not ended: the recording will go on, and the listener should know.
            with pytest.raises(httpx.RemoteProtocolError):
                await follower.rest()


async def test_a_follower_that_does_not_read_keeps_neither_the_end_nor_the_stop(tmp_path: Path) -> None:
    data = SECOND * 400  # 6.4 MB: more than the socket buffers hold of what is not read
    async with AsyncExitStack() as idle:
        async with running(tmp_path) as server, client(server) as talk:
            http = await idle.enter_async_context(http_client(server.listening))
            await talk.start(ID)
            live = http.stream("GET", f"/v1/recordings/{ID}/file.wav")
            answer = await idle.enter_async_context(live)
            for place in range(0, len(data), 1 << 20):
                await talk.audio(data[place : place + (1 << 20)])
            done = await talk.stop(len(data))
            assert isinstance(done, Completed)
            assert done.size == HEADER_BYTES + len(data)
            server.stopping.set()
        # `running` has seen to it that the server stopped by itself; the follower has not gone.
        assert not answer.is_closed
