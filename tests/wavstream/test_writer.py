"""What comes is written, in spite of a disk that fails."""

from pathlib import Path
from typing import Any

import pytest
import soundfile
import trio

from storage.objects import DirectoryStore
from tests.wavstream.clients import Client, audio, client, text, upgrade
from tests.wavstream.disk import Disk
from tests.wavstream.servers import BOUND_SECONDS, Server, running, the_file
from wavstream import finisher, live, protocol
from wavstream.chunks import HEADER_BYTES
from wavstream.files import RecordingFile
from wavstream.protocol import Completed, Ready
from wavstream.wav import WavFormat

SECOND = bytes(range(250)) * 64


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


async def heard(logged: list[Any], event: str, **fields: object) -> dict[str, Any]:
    """The log entry, once it is there."""
    with trio.fail_after(BOUND_SECONDS):
        while True:
            for entry in logged:
                if entry["event"] == event and fields.items() <= entry.items():
                    found: dict[str, Any] = entry
                    return found
            await trio.sleep(0.01)


async def nothing_more(talk: Client, offset: int) -> None:
    """No ack goes beyond that, for as long as several beats and acks take."""
    with trio.move_on_after(1.2):
        while True:
            message = await talk.hear()
            assert isinstance(message, protocol.Ack)
            assert message.offset <= offset


async def test_a_full_disk_acknowledges_no_more_than_it_took_and_all_goes_on_when_there_is_room(
    server: Server, disk: Disk, logged: list[Any]
) -> None:
    async with client(server) as sick, client(server) as well:
        await sick.start("recording-sick")
        await well.start("recording-well")
        await sick.audio(SECOND)
        await sick.acknowledged(16_000)
        path = server.file(await server.json("/v1/recordings/recording-sick"))
        disk.room, disk.full = 1000, lambda file: file == path
        await sick.audio(SECOND)
        await well.audio(SECOND)
        entry = await heard(logged, "cannot write", recording="recording-sick")
        assert entry["log_level"] == "error"
        assert "No space left" in entry["error"]
        await nothing_more(sick, 17_000)
        assert path.read_bytes()[HEADER_BYTES:] == SECOND + SECOND[:1000]
        assert (await server.http.get("/ready")).status_code == 503
        # Many beats later it has been said once, and the other recording knows nothing of it.
        assert len([each for each in logged if each["event"] == "cannot write"]) == 1
        assert isinstance(await well.stop(16_000), Completed)
        disk.full = lambda _file: False
        await sick.acknowledged(32_000)
        await heard(logged, "writing again", recording="recording-sick")
        done = await sick.stop(32_000)
    assert isinstance(done, Completed)
    assert (await server.http.get(done.url)).content[HEADER_BYTES:] == SECOND * 2


@pytest.mark.contract("v1-completed")
async def test_a_recording_that_cannot_be_finished_is_finished_when_the_disk_is_well(
    server: Server, disk: Disk, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finisher, "_RETRY_SECONDS", (0.05,))
    async with client(server) as talk:
        await talk.start("recording-1")
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        disk.full = lambda file: file.suffix == ".wav"
        async with trio.open_nursery() as nursery:

            async def recover() -> None:
                await heard(logged, "cannot finish", recording="recording-1")
                assert (await server.json("/v1/recordings/recording-1"))["state"] == "recording"
                disk.full = lambda _file: False

            nursery.start_soon(recover)
            done = await talk.stop(16_000)
    assert isinstance(done, Completed)
    assert (await server.http.get(done.url)).content[HEADER_BYTES:] == SECOND


async def test_a_client_that_waits_too_long_for_the_end_is_told_to_come_back(
    server: Server, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finisher, "_RETRY_SECONDS", (0.05,))
    monkeypatch.setattr("wavstream.ingest.resumable.COMPLETED_SECONDS", 0.2)
    async with client(server) as talk:
        await talk.start("recording-1")
        await talk.audio(SECOND)
        disk.full = lambda file: file.suffix == ".wav"
        answer = await talk.stop(16_000)
        assert isinstance(answer, protocol.Error)
        assert answer.code == "unavailable"
    disk.full = lambda _file: False
    await server.one("recording-1", "completed")
    async with client(server) as talk:
        assert isinstance(await talk.start("recording-1"), Completed)


async def test_a_client_that_comes_back_while_the_disk_is_full_is_told_to_wait(
    server: Server, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wavstream.ingest.resumable.READY_SECONDS", 0.2)
    disk.full = lambda file: file.suffix == ".wav"
    async with client(server) as talk:
        await talk.start("recording-1")
        await talk.audio(SECOND)
    async with client(server) as talk:
        answer = await talk.start("recording-1")
        assert isinstance(answer, protocol.Error)
        assert answer.code == "unavailable"
    disk.full = lambda _file: False
    async with client(server) as talk:
        assert await talk.start("recording-1") == Ready(offset=16_000)


async def test_a_full_disk_stops_the_reading_before_the_memory_is_full(
    server: Server, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PENDING_SECONDS", 1.0)
    disk.full = lambda file: file.suffix == ".wav"
    message, count = SECOND * 64, 16  # 16 MiB: more than the sockets' buffers take
    sent = 0

    async def speak() -> None:
        nonlocal sent
        for _ in range(count):
            await talk.audio(message)
            sent += 1

    async with client(server) as talk:
        await talk.start("recording-1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak)
            await trio.sleep(1)  # nothing tells that nothing happens
            assert sent < count
            metrics = (await server.http.get("/metrics")).text
            assert "wavstream_audio_written_bytes_total 0.0" in metrics
            disk.full = lambda _file: False
        done = await talk.stop(count * len(message))
    assert isinstance(done, Completed)
    assert (await server.http.get(done.url)).content[HEADER_BYTES:] == message * count


async def test_a_disk_that_fails_at_the_stop_leaves_the_rest_to_the_client(
    tmp_path: Path, disk: Disk, logged: list[Any]
) -> None:
    async with running(tmp_path) as server, client(server) as talk:
        await talk.start("recording-1")
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        disk.full = lambda file: file.suffix == ".wav"
        await talk.audio(SECOND)
        await heard(logged, "cannot write")
        server.stopping.set()
    disk.full = lambda _file: False
    path = the_file(tmp_path)
    assert soundfile.info(str(path)).frames >= 0  # whatever its header says, it can be opened
    async with running(tmp_path) as server, client(server) as talk:
        assert await talk.start("recording-1") == Ready(offset=16_000)


async def test_a_switchs_recording_that_cannot_be_finished_at_the_stop_is_at_the_next_start(
    tmp_path: Path, disk: Disk, logged: list[Any]
) -> None:
    async with running(tmp_path) as server, await trio.open_tcp_stream(*server.listening.ingest) as stream:
        await stream.send_all(upgrade("/ws") + text("call") + audio(SECOND))
        await server.until(lambda found: bool(found) and found[0]["duration"] == 1.0)
        disk.full = lambda file: file.suffix == ".wav"
        server.stopping.set()
        await heard(logged, "cannot finish")
    disk.full = lambda _file: False
    async with running(tmp_path) as server:
        [row] = await server.ended(1)
        assert (row["name"], row["reason"], row["duration"]) == ("call", "interrupted", 1.0)


def test_a_header_that_the_disk_took_a_part_of_is_not_taken_for_written(tmp_path: Path, disk: Disk) -> None:
    store = DirectoryStore(tmp_path)
    key = "00/00/a.wav"
    file = RecordingFile(store, key, WavFormat("pcm16", 8000, 1))
    file.append([SECOND])
    disk.room, disk.full = 50, lambda _file: True
    with pytest.raises(OSError, match="No space left"):
        file.refresh_header(0)
    assert file.header_is_due(1)
    disk.full = lambda _file: False
    file.refresh_header(0)
    assert soundfile.info(str(store.path(key))).frames == 8000
    file.close()
