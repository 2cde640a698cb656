"""What a server finds when it starts."""

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage import recordings as rows
from storage.catalog import Catalog
from storage.objects import DirectoryStore
from storage.recordings import Recording
from tests.wavstream.clients import client
from tests.wavstream.servers import running
from wavstream import wav
from wavstream.chunks import HEADER_BYTES
from wavstream.label import label
from wavstream.protocol import Completed, Error, Ready
from wavstream.wav import WavFormat

AUDIO = bytes(range(250)) * 64
MONO = WavFormat("pcm16", 8000, 1)


def unfinished(number: int, **metadata: object) -> Recording:
    return Recording(
        recording_id=f"recording-{number}",
        token=f"{number:02x}" * 16,
        state="recording",
        sample_rate=8000,
        channels=1,
        encoding="pcm16",
        started_at=float(number),
        metadata=dict(metadata),
    )


def left(data_dir: Path, *found: tuple[Recording, bytes | None]) -> None:
    """A data directory as an earlier run left it: rows, and what is in their files."""
    data_dir.mkdir(exist_ok=True)
    catalog = Catalog.open(f"sqlite:///{data_dir / 'wavstream.db'}")
    catalog.migrate()
    store = DirectoryStore(data_dir / "recordings")
    with catalog.transaction() as tx:
        for row, content in found:
            rows.insert(tx, row)
            if content is not None:
                store.path(row.path).parent.mkdir(parents=True)
                store.path(row.path).write_bytes(content)
    catalog.close()


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (None, 0),  # the row came first, and the file never
        (b"", 0),
        (wav.header(MONO, 0)[:40], 0),
        (bytes(80) + AUDIO, 16_000),  # the header was not written yet: a hole
        (wav.header(MONO, 100) + AUDIO, 16_000),
        (wav.header(MONO, 16_000) + AUDIO[:999], 999),  # and the client goes on from the half sample
    ],
)
async def test_the_physical_length_is_where_a_client_goes_on(
    tmp_path: Path, content: bytes | None, kept: int
) -> None:
    row = unfinished(1)
    left(tmp_path, (row, content))
    async with running(tmp_path) as server:
        if content is not None:
            repaired = (tmp_path / "recordings" / row.path).read_bytes()
            assert wav.parse(repaired).data_bytes == kept // 2 * 2
        async with client(server) as talk:
            assert await talk.start("recording-1") == Ready(offset=kept)
            await talk.audio((AUDIO * 2)[kept:])
            done = await talk.stop(32_000)
        assert isinstance(done, Completed)
        assert (await server.http.get(done.url)).content[80:] == AUDIO * 2


async def test_a_switchs_recording_is_finished_at_once_and_one_without_audio_has_failed(
    tmp_path: Path,
) -> None:
    left(
        tmp_path,
        (unfinished(1, dialect="/ws"), bytes(80) + AUDIO),
        (unfinished(2, dialect="/ws"), None),
        (unfinished(3), bytes(80) + AUDIO),
    )
    async with running(tmp_path) as server:
        await server.one("recording-1", "completed")
        await server.one("recording-2", "failed")
        found = {each["recording_id"]: each for each in await server.recordings()}
        assert (found["recording-1"]["duration"], found["recording-1"]["reason"]) == (1.0, "interrupted")
        assert found["recording-3"]["state"] == "recording"  # it waits for its client


async def test_a_file_that_cannot_be_read_harms_no_other_and_is_left_for_the_next_start(
    tmp_path: Path, logged: list[Any]
) -> None:
    row = unfinished(1)
    left(tmp_path, (row, None), (unfinished(2), bytes(80) + AUDIO))
    (tmp_path / "recordings" / row.path).mkdir(parents=True)  # no file, whoever asks
    async with running(tmp_path) as server:
        assert [each["recording"] for each in logged if each["event"] == "cannot repair"] == ["recording-1"]
        async with client(server) as talk:
            answer = await talk.start("recording-1")
            assert isinstance(answer, Error)
            assert answer.code == "unavailable"
        async with client(server) as talk:
            assert await talk.start("recording-2") == Ready(offset=16_000)
        assert (await server.http.delete("/v1/recordings/recording-1")).status_code == 409
    (tmp_path / "recordings" / row.path).rmdir()
    async with running(tmp_path) as server, client(server) as talk:
        assert await talk.start("recording-1") == Ready(offset=0)


async def test_a_file_of_this_version_whose_header_is_lost_goes_on_where_its_row_says(tmp_path: Path) -> None:
    # After a power loss the header may be a hole, and the audio be there.
    row = replace(unfinished(1), header_bytes=HEADER_BYTES)
    left(tmp_path, (row, bytes(HEADER_BYTES) + AUDIO))
    async with running(tmp_path) as server:
        async with client(server) as talk:
            assert await talk.start("recording-1") == Ready(offset=16_000)
            done = await talk.stop(16_000)
        assert isinstance(done, Completed)
        content = (await server.http.get(done.url)).content
    assert (wav.parse(content).data_offset, content[HEADER_BYTES:]) == (HEADER_BYTES, AUDIO)


async def test_a_header_cut_short_holds_no_audio_and_the_client_begins_again(tmp_path: Path) -> None:
    row = replace(unfinished(1), header_bytes=HEADER_BYTES)
    left(tmp_path, (row, label(row).header.over(0)[:1000]))
    async with running(tmp_path) as server:
        async with client(server) as talk:
            assert await talk.start("recording-1") == Ready(offset=0)
            await talk.audio(AUDIO)
            done = await talk.stop(16_000)
        assert isinstance(done, Completed)
        assert (await server.http.get(done.url)).content[HEADER_BYTES:] == AUDIO


async def test_a_file_of_an_earlier_version_keeps_its_layout_and_is_followed_and_finished_in_it(
    tmp_path: Path,
) -> None:
    # Its audio begins at byte 80, and the listener's does too.
    left(tmp_path, (unfinished(1), wav.header(MONO, 16_000) + AUDIO))
    async with running(tmp_path) as server:
        async with client(server) as talk:
            assert await talk.start("recording-1") == Ready(offset=16_000)
            snapshot = (await server.http.get("/v1/recordings/recording-1/file.wav?follow=false")).content
            assert snapshot == wav.header(MONO, 16_000) + AUDIO
            await talk.audio(AUDIO)
            done = await talk.stop(32_000)
        assert isinstance(done, Completed)
        assert (await server.http.get(done.url)).content == wav.header(MONO, 32_000) + AUDIO * 2
        row = await server.json("/v1/recordings/recording-1")
    # The hash of the audio, which no earlier run kept, was made at the end.
    assert row["audio_sha256"] == hashlib.sha256(AUDIO * 2).hexdigest()


async def test_an_orphan_without_any_file_has_failed_and_leaves_nothing(tmp_path: Path) -> None:
    left(tmp_path, (unfinished(1), None), (unfinished(2), b""))
    async with running(tmp_path, wavstream_orphan_seconds=0.1) as server:
        await server.one("recording-1", "failed")
        await server.one("recording-2", "failed")
    assert [each for each in (tmp_path / "recordings").rglob("*") if each.is_file()] == []


HOUR = 3600.0


def written(data_dir: Path, row: Recording, *, ago: float) -> float:
    """Let the file be as old as that; when it was written."""
    at = float(int(time.time() - ago))
    os.utime(data_dir / "recordings" / row.path, (at, at))
    return at


async def test_a_recording_stopped_when_its_audio_did_and_not_at_the_restart(
    tmp_path: Path, logged: list[Any]
) -> None:
    # One second of audio came in ten; then the server was away for an hour of the twenty-four it is kept.
    switch, orphan = unfinished(1, dialect="/ws"), unfinished(2)
    began = float(int(time.time() - HOUR)) - 10
    found = [(replace(each, started_at=began), bytes(80) + AUDIO) for each in (switch, orphan)]
    left(tmp_path, *found)
    stopped = [written(tmp_path, row, ago=HOUR) for row in (switch, orphan)]
    async with running(tmp_path, wavstream_orphan_seconds=0.1) as server:
        for number, at in enumerate(stopped, 1):
            row = await server.one(f"recording-{number}", "completed")
            assert (row["stopped_at"], row["expires_at"]) == (at, at + 24 * HOUR)
    gaps = [each["gap_seconds"] for each in logged if each["event"] == "recording ended"]
    assert gaps == [at - began - 1.0 for at in stopped]  # nine seconds or so, and not an hour


async def test_restarts_while_a_client_is_waited_for_do_not_move_the_stop(tmp_path: Path) -> None:
    row = unfinished(1)
    left(tmp_path, (row, bytes(80) + AUDIO))
    stopped = written(tmp_path, row, ago=HOUR)
    for _ in range(2):
        async with running(tmp_path) as server:
            assert (await server.recordings())[0]["state"] == "recording"
    async with running(tmp_path, wavstream_orphan_seconds=0.1) as server:
        assert (await server.one("recording-1", "completed"))["stopped_at"] == stopped


@pytest.mark.parametrize(("began_ago", "written_ago"), [(10.0, HOUR), (HOUR, -HOUR)])
async def test_a_file_of_an_impossible_time_stopped_neither_before_its_start_nor_in_the_future(
    tmp_path: Path, began_ago: float, written_ago: float
) -> None:
    row = replace(unfinished(1, dialect="/ws"), started_at=time.time() - began_ago)
    left(tmp_path, (row, bytes(80) + AUDIO))
    written(tmp_path, row, ago=written_ago)
    async with running(tmp_path) as server:
        ended = await server.one("recording-1", "completed")
        assert row.started_at <= ended["stopped_at"] <= time.time()


async def test_an_orphan_stopped_when_its_client_went(tmp_path: Path) -> None:
    async with running(tmp_path, wavstream_orphan_seconds=1.0) as server:
        async with client(server) as talk:
            await talk.start("recording-1", metadata={"started_at": 1.0})
            await talk.audio(AUDIO)
            await talk.acknowledged(16_000)
            began = time.time()
        ended = await server.one("recording-1", "completed")
        # It was waited for a whole second, and that second is over by now.
        assert ended["stopped_at"] <= time.time() - 1.0
        assert ended["stopped_at"] >= began
