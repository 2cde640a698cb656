"""Room on the disk: a warning, then no new recordings, and those that run go on."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from tests.daemon.running import both, speak
from tests.wavstream.clients import audio, client, close, close_code, exchange, frames, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from tests.wavstream.test_writer import heard
from wavstream import space
from wavstream.chunks import HEADER_BYTES
from wavstream.protocol import Completed, Error, Ready
from wavstream.space import Level, Marks

SECOND = bytes(range(250)) * 64
MB = 1_000_000
MARKS = Marks(warning=5000 * MB, refusal=500 * MB)


class Disk:
    """What a disk says of its room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free_mb = 10_000
        monkeypatch.setattr(os, "statvfs", self.statvfs)
        monkeypatch.setattr(space, "CHECK_SECONDS", 0.02)

    def statvfs(self, _path: object) -> SimpleNamespace:
        return SimpleNamespace(f_frsize=MB, f_bavail=self.free_mb, f_bfree=self.free_mb, f_blocks=20_000)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize(
    ("free_mb", "level"),
    [(5000, Level.ROOM), (4999, Level.WARNING), (500, Level.WARNING), (499, Level.FULL), (0, Level.FULL)],
)
def test_there_are_two_marks(free_mb: int, level: Level) -> None:
    assert MARKS.level(free_mb * MB, 0, Level.ROOM) is level


def test_the_marks_rise_by_half_an_hour_of_what_runs() -> None:
    # 200 calls of 16,000 bytes a second are 3.2 MB a second, and 5,760 MB in half an hour.
    rate = 200 * 16_000
    assert MARKS.level(6261 * MB, rate, Level.ROOM) is Level.WARNING
    assert MARKS.level(6259 * MB, rate, Level.ROOM) is Level.FULL


def test_a_mark_is_left_only_when_a_tenth_more_is_free() -> None:
    assert MARKS.level(549 * MB, 0, Level.FULL) is Level.FULL
    assert MARKS.level(551 * MB, 0, Level.FULL) is Level.WARNING
    assert MARKS.level(5499 * MB, 0, Level.FULL) is Level.WARNING
    assert MARKS.level(5501 * MB, 0, Level.WARNING) is Level.ROOM


async def ready(server: Server, status: int) -> Any:
    """What `/ready` says, once its status is that."""
    with trio.fail_after(BOUND_SECONDS):
        while (answer := await server.http.get("/ready")).status_code != status:  # noqa: ASYNC110 - no event comes
            await trio.sleep(0.01)
    return answer.json()


async def refused(server: Server) -> float:
    """How many starts have been."""
    lines = (await server.http.get("/metrics")).text.splitlines()
    [count] = [line.split()[1] for line in lines if line.startswith("wavstream_starts_refused_total ")]
    return float(count)


async def test_each_step_is_one_line_in_the_log_and_a_number_for_prometheus(
    disk: Disk, server: Server, logged: list[Any]
) -> None:
    disk.free_mb = 4000
    assert (await heard(logged, "the disk fills"))["log_level"] == "warning"
    assert (await server.http.get("/ready")).status_code == 200
    disk.free_mb = 400
    await heard(logged, "no new recordings: make room, or the running ones stop next")
    said = await ready(server, 503)
    assert said == {
        "success": False,
        "error": "the disk is nearly full: 400 MB free, of which what runs may need 0",
    }
    metrics = (await server.http.get("/metrics")).text.splitlines()
    assert "wavstream_disk_free_bytes 4e+08" in metrics
    assert "wavstream_disk_size_bytes 2e+10" in metrics
    assert "wavstream_disk_low 2.0" in metrics
    disk.free_mb = 10_000
    await heard(logged, "there is room again")
    await ready(server, 200)
    assert len([each for each in logged if each["event"] == "the disk fills"]) == 1


async def test_a_disk_that_cannot_be_asked_takes_nothing_new(
    disk: Disk, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_path: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "statvfs", broken)
    assert "cannot be asked" in (await ready(server, 503))["error"]


async def test_a_new_recording_is_told_to_come_back_while_a_running_one_goes_on(
    disk: Disk, server: Server
) -> None:
    async with client(server) as runs, client(server) as comes:
        await runs.start("recording-runs")
        await runs.audio(SECOND)
        await runs.acknowledged(16_000)
        disk.free_mb = 400
        await ready(server, 503)
        answer = await comes.start("recording-comes")
        assert isinstance(answer, Error)
        assert answer.code == "unavailable"
        # One recording: half an hour of 16,000 bytes a second.
        assert answer.message == "the disk is nearly full: 400 MB free, of which what runs may need 29"
        await runs.audio(SECOND)
        done = await runs.stop(32_000)
        assert isinstance(done, Completed)
        assert (await server.http.get(done.url)).content[HEADER_BYTES:] == SECOND * 2
        assert [row["recording_id"] for row in await server.recordings()] == ["recording-runs"]
        assert await refused(server) == 1
    disk.free_mb = 10_000
    await ready(server, 200)
    async with client(server) as comes:
        assert await comes.start("recording-comes") == Ready(offset=0)


async def test_a_recording_whose_client_comes_back_to_a_full_disk_goes_on(disk: Disk, server: Server) -> None:
    async with client(server) as talk:
        await talk.start("recording-1")
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
    disk.free_mb = 400
    await ready(server, 503)
    async with client(server) as talk:
        assert await talk.start("recording-1") == Ready(offset=16_000)


async def test_a_switch_is_closed_with_1013_and_words_and_leaves_nothing(disk: Disk, server: Server) -> None:
    disk.free_mb = 400
    await ready(server, 503)
    answer = await exchange(server.listening.ingest, [upgrade("/ws") + text("call") + audio(SECOND)])
    assert close_code(answer) == 1013
    words = frames(answer.partition(b"\r\n\r\n")[2])[-1][1][2:]
    assert words == b"the disk is nearly full: 400 MB free, of which what runs may need 0"
    assert await server.recordings() == []


async def test_a_running_call_is_not_cut_at_the_switch_of_its_file(disk: Disk, server: Server) -> None:
    stream = await trio.open_tcp_stream(*server.listening.ingest)
    async with stream:
        await stream.send_all(upgrade("/ws") + text("one") + audio(SECOND))
        await server.until(lambda found: bool(found) and found[0]["duration"] == 1.0)
        disk.free_mb = 400
        await ready(server, 503)
        await stream.send_all(text("two") + audio(SECOND) + close())
        rows = await server.ended(2)
    assert [(row["name"], row["duration"]) for row in rows] == [("one", 1.0), ("two", 1.0)]


async def test_a_call_that_begins_on_a_full_disk_is_recorded_whole_when_room_comes_back(
    disk: Disk, tmp_path: Path
) -> None:
    async with both(tmp_path) as (daemon, server), daemon.application() as application:
        disk.free_mb = 400
        await ready(server, 503)
        session = await application.created()
        await application.command(session["session_uuid"], "record/start")
        speak(session, packets=50)  # one second
        with trio.fail_after(BOUND_SECONDS):
            while await refused(server) == 0:  # noqa: ASYNC110 - no event comes
                await trio.sleep(0.02)
        disk.free_mb = 10_000
        [row] = await server.until(lambda found: bool(found) and found[0]["duration"] >= 1.0)
        await application.command(session["session_uuid"], "hangup")
        row = await server.one(row["recording_id"], "completed")
        heard_bytes = server.file(row).read_bytes()[-int(row["duration"] * 8000) * 2 :]
        # 50 packets of 160 samples each, none of which is silence from end to end.
        loud = sum(any(heard_bytes[at : at + 320]) for at in range(0, len(heard_bytes), 320))
        assert loud >= 50


async def test_a_server_that_finds_a_full_disk_starts_all_the_same(tmp_path: Path, disk: Disk) -> None:
    disk.free_mb = 0
    async with running(tmp_path) as server:
        assert (await server.http.get("/health")).status_code == 200
        await ready(server, 503)
