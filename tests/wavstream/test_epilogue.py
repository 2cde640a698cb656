"""A recording's life in one line of the log."""

from pathlib import Path
from typing import Any, cast

import pytest
import trio

from storage.recordings import Recording
from tests.wavstream.clients import audio, client, close, exchange, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from wavstream.epilogue import epilogue
from wavstream.files import RecordingFile
from wavstream.label import wav_format
from wavstream.live import LiveRecording
from wavstream.protocol import Completed

SECOND = bytes(range(250)) * 64
ID = "recording-1"


async def the_line(logged: list[Any]) -> dict[str, Any]:
    """The only line, once it is there: the row is what a client sees first."""
    with trio.fail_after(BOUND_SECONDS):
        while "recording ended" not in [each["event"] for each in logged]:  # noqa: ASYNC110 - no event comes
            await trio.sleep(0.01)
    [line] = [each for each in logged if each["event"] == "recording ended"]
    found: dict[str, Any] = line
    return found


async def test_a_switchs_recording_is_one_line_at_its_end(server: Server, logged: list[Any]) -> None:
    key = text('{"event": "dtmf", "dtmf": "5"}')
    parts = text('{"callSid": "call-1"}') + audio(SECOND) + key + key + text("note") + close()
    await exchange(server.listening.ingest, [upgrade("/fork") + parts])
    [row] = await server.ended(1)
    line = await the_line(logged)
    assert (line["recording"], line["name"], line["reason"]) == (row["recording_id"], "call-1", "stopped")
    assert (line["format"], line["duration"], line["size"]) == ("pcm16 8000 Hz 1 ch", 1.0, row["size"])
    assert (line["audio_bytes"], line["notes"], line["marks"], line["gaps"]) == (16_000, 1, 2, 0)


async def test_it_says_how_often_a_client_went_away(server: Server, logged: list[Any]) -> None:
    for offset in (0, 16_000):
        async with client(server) as talk:
            await talk.start(ID, metadata={"marks": 5})
            await talk.audio(SECOND)
            await talk.acknowledged(offset + 16_000)
    async with client(server) as talk:
        await talk.start(ID)
        assert isinstance(await talk.stop(32_000), Completed)
    line = await the_line(logged)
    assert (line["gaps"], line["marks"], line["duration"]) == (2, 0, 2.0)


async def test_a_recording_without_audio_has_its_line_too(tmp_path: Path, logged: list[Any]) -> None:
    async with running(tmp_path, wavstream_orphan_seconds=0.1) as server:
        async with client(server) as talk:
            await talk.start(ID)
        await server.one(ID, "failed")
    line = await the_line(logged)
    assert (line["state"], line["duration"], line["audio_bytes"]) == ("failed", None, 0)


@pytest.mark.parametrize(
    ("stopped_at", "duration", "missing"),
    [(110.0, 10.0, 0.0), (110.0, 7.5, 2.5), (103.0, 10.0, 0.0), (110.0, None, 10.0)],
)
def test_the_audio_that_is_missing_is_the_time_that_it_is_shorter(
    stopped_at: float, duration: float | None, missing: float
) -> None:
    """It began at 100.0; what was fed faster than it was spoken lacks nothing."""
    row = Recording(
        recording_id=ID,
        token="0" * 32,
        state="completed",
        sample_rate=8000,
        channels=1,
        encoding="pcm16",
        started_at=100.0,
        stopped_at=stopped_at,
        duration=duration,
    )
    file = RecordingFile(cast("Any", None), row.path, wav_format(row))  # nothing is written
    assert epilogue(LiveRecording(row, file, resumable=True), row)["gap_seconds"] == missing
