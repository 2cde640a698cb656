"""A recording that grows past what RIFF can say becomes RF64 while it runs; `make big` does it with 5 GiB."""

import hashlib
from pathlib import Path

import pytest
import trio

from storage.objects import DirectoryStore
from storage.recordings import Recording
from tests.wavstream.clients import client
from tests.wavstream.judges import seconds, seconds_at_once
from tests.wavstream.servers import BOUND_SECONDS, running, the_file
from tests.wavstream.test_follow import following
from tests.wavstream.test_recovery import left
from wavstream import wav
from wavstream.chunks import HEADER_BYTES
from wavstream.label import label
from wavstream.protocol import Completed, Ready

ID = "recording-1"
SECOND = bytes(range(250)) * 64
STUDIO = {"sample_rate": 48_000, "channels": 2}
STUDIO_SECOND = 48_000 * 4
MEBIBYTE = bytes(range(256)) * 4096


async def header_of(path: Path, kind: bytes, data_bytes: int) -> None:
    """Wait until the file's header says that: it is brought up to date once a second."""
    with trio.fail_after(BOUND_SECONDS):
        while True:
            with path.open("rb") as file:
                start = file.read(wav.MOST_HEADER_BYTES)
            if start[:4] == kind and wav.parse(start).data_bytes == data_bytes:
                return
            await trio.sleep(0.05)


async def test_a_header_crosses_while_a_follower_listens_and_everybody_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if RIFF could say no more than 40,000 bytes: two seconds (32,000) fit, three do not.
    monkeypatch.setattr(wav, "MOST_RIFF", 40_000)
    async with running(tmp_path) as server, client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND * 2)
        await talk.acknowledged(32_000)
        path = the_file(tmp_path)
        await header_of(path, b"RIFF", 32_000)
        async with following(server) as follower:
            await follower.until(HEADER_BYTES + 32_000)
            await talk.audio(SECOND)
            await header_of(path, b"RF64", 48_000)
            assert seconds(path) == (3.0, 3.0, 3.0)
            await talk.audio(SECOND)
            await header_of(path, b"RF64", 64_000)  # and it stays so
            done = await talk.stop(64_000)
            heard = await follower.rest()
        assert isinstance(done, Completed)
        assert heard[HEADER_BYTES:] == SECOND * 4
        content = (await server.http.get(done.url)).content
    assert (content[:4], content[HEADER_BYTES:]) == (b"RF64", SECOND * 4)
    assert hashlib.sha256(content).hexdigest() == done.sha256
    assert seconds(path) == (4.0, 4.0, 4.0)


async def test_a_file_of_four_gib_crosses_where_it_must_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    row = Recording(
        recording_id=ID,
        token="ab" * 16,
        state="recording",
        sample_rate=48_000,
        channels=2,
        encoding="pcm16",
        started_at=0.0,
        header_bytes=HEADER_BYTES,
    )
    # The last whole second that RIFF can say: 4 GiB are 22,369.6 of them. The file is a hole, of no room.
    before = 22_369 * STUDIO_SECOND
    left(tmp_path, (row, b""))
    path = DirectoryStore(tmp_path / "recordings").path(row.path)
    with path.open("wb") as file:
        file.write(label(row).header.over(before))
        file.truncate(HEADER_BYTES + before)
    after = before + STUDIO_SECOND
    second = MEBIBYTE[:STUDIO_SECOND]
    async with running(tmp_path) as server, client(server) as talk:
        assert await talk.start(ID, **STUDIO) == Ready(offset=before)
        await header_of(path, b"RIFF", before)
        await talk.audio(second)
        await talk.acknowledged(after)
        await header_of(path, b"RF64", after)
        assert seconds_at_once(path) == (22_370.0, 22_370.0)
        answer = await server.http.get(
            f"/v1/recordings/{ID}/file.wav?follow=false", headers={"Range": f"bytes=-{STUDIO_SECOND}"}
        )
        assert (answer.status_code, answer.content) == (206, second)
    async with running(tmp_path) as server, client(server) as talk:
        assert await talk.start(ID, **STUDIO) == Ready(offset=after)
        assert seconds_at_once(path) == (22_370.0, 22_370.0)
