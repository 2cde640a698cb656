"""Card data: what is said in a pause is in no file and in nobody's ear, and shortens nothing."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import trio

from daemon.caller.compare import compare
from daemon.client import Client
from daemon.media.codecs import Samples
from tests import web
from tests.end_to_end.house import PATIENCE_SECONDS, House, dump, opened, spoken_seconds
from tests.end_to_end.test_calls import speaking

MARGIN = 160
"""Samples: the pause as the API tells it, and the commands' own way, agree to a packet."""


async def downloaded(url: str) -> tuple[Samples, int]:
    async with web.client() as http:
        answer = await http.get(url)
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16")
    return np.asarray(samples, np.int16), rate


async def completed(client: Client, session_uuid: str) -> dict[str, Any]:
    with trio.fail_after(PATIENCE_SECONDS):
        while True:
            recording: dict[str, Any] = (await client.show(session_uuid))["recording"]
            if recording["state"] == "completed":
                return recording
            await trio.sleep(0.05)


async def metadata(house: House, recording_id: str) -> dict[str, Any]:
    """What wavstream keeps of a recording beside its audio."""
    async with web.client() as http:
        answer = await http.get(
            f"{house.downloads_url}/v1/recordings/{recording_id}",
            headers={"Authorization": f"Bearer {house.token}"},
        )
    kept: dict[str, Any] = answer.json()["metadata"]
    return kept


@pytest.mark.contract("record-pause")
async def test_what_is_said_in_a_pause_is_exact_silence_live_and_in_the_file(tmp_path: Path) -> None:
    talk = spoken_seconds(6)
    live = bytearray()
    async with opened(tmp_path) as house, house.application() as client, trio.open_nursery() as nursery:
        session = await client.create_session()
        uuid = session.session_uuid

        async def listen() -> None:
            async with client.follow(uuid) as pieces:
                async for piece in pieces:
                    live.extend(piece)

        await client.command(uuid, "record/start")
        async with speaking(session, talk):
            nursery.start_soon(listen)
            await trio.sleep(1.2)  # something to hear before it, in it and after it
            await client.command(uuid, "record/pause")
            assert (await client.show(uuid))["recording"]["paused"]
            await trio.sleep(1.0)
            await client.command(uuid, "record/resume")
            await trio.sleep(1.0)
            await client.command(uuid, "record/stop")
            await trio.sleep(0.1)  # the packet with the last samples before the stop has still to be sent
        recording = await completed(client, uuid)
        samples, rate = await downloaded(recording["recording_url"])

        ((start, end),) = recording["pauses"]
        assert not recording["paused"]
        assert 0.9 < end - start < 2.0
        first, last = round(start * rate), round(end * rate)
        assert not np.any(samples[first + MARGIN : last - MARGIN])
        assert (await metadata(house, recording["recording_id"]))["pauses"] == [[first / rate, last / rate]]
        assert abs(recording["duration"] - (recording["stopped_at"] - recording["started_at"])) < 0.02

        found = compare(samples, talk.heard, near=0, speech=range(4000))
        assert found.offset is not None, dump(house)
        expected = np.zeros(len(samples), np.int16)
        heard = talk.heard[: len(samples) - found.offset]
        expected[found.offset : found.offset + len(heard)] = heard
        differs = np.flatnonzero(samples != expected)
        assert first - MARGIN <= differs[0]
        assert differs[-1] < last + MARGIN
        assert recording["audio"]["caller"]["masked"] > 0.8 * rate
    header = len(live) - 2 * len(samples)
    assert 44 <= header <= 4096
    assert np.array_equal(np.frombuffer(bytes(live[header:]), np.int16), samples)
