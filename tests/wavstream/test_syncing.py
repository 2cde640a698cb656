"""What was written reaches the disk in time, and a sync that fails loses nothing and is not hidden."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from storage.objects import DirectoryStore
from tests.wavstream.clients import client
from tests.wavstream.servers import BOUND_SECONDS, Server, running, the_file
from tests.wavstream.test_live import MONO, ROW
from tests.wavstream.test_writer import heard
from wavstream import finisher, live, syncing
from wavstream.chunks import HEADER_BYTES
from wavstream.files import RecordingFile
from wavstream.live import LiveRecording
from wavstream.protocol import Completed, Ready

SECOND = bytes(range(250)) * 64


class Syncs:
    """Stands before syncfs: counts, and does something first where it is told to. In the sync's thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.first: Callable[[], None] = lambda: None
        self.done = 0
        self._real = syncing.sync_filesystem
        monkeypatch.setattr(syncing, "sync_filesystem", self._sync)

    def _sync(self, folder: int) -> None:
        self.first()
        self._real(folder)
        self.done += 1

    async def reach(self, count: int) -> None:
        """Wait until so many are done."""
        with trio.fail_after(BOUND_SECONDS):
            while self.done < count:  # noqa: ASYNC110 - counted in a thread
                await trio.sleep(0.01)


@pytest.fixture
def last_sync_loses(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The first fdatasync of a recording fails, and its audio is lost. The files of which that was."""
    real = os.fdatasync
    lost: list[Path] = []

    def fdatasync(file: int) -> None:
        path = Path(f"/proc/self/fd/{file}").readlink()
        if path.suffix == ".wav" and not lost:
            lost.append(path)
            lose_all_audio(path)
            raise OSError(errno.EIO, "Input/output error")
        real(file)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return lost


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Syncs:
    return Syncs(monkeypatch)


@contextmanager
def hanging(syncs: Syncs) -> Iterator[threading.Event]:
    """A disk that hangs in its sync, until the event is set or the block is left."""
    well = threading.Event()

    def wait() -> None:
        well.wait()

    syncs.first = wait
    try:
        yield well
    finally:
        well.set()


def lose_all_audio(path: Path) -> None:
    """What a disk does that fails: the pages are gone, and the kernel takes them for clean."""
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.write(bytes(size))


async def metric(server: Server, name: str) -> float:
    lines = (await server.http.get("/metrics")).text.splitlines()
    [value] = [float(line.split()[1]) for line in lines if line.split()[0] == name]
    return value


def written(store: DirectoryStore, data: bytes) -> LiveRecording:
    recording = LiveRecording(ROW, RecordingFile(store, ROW.path, MONO), resumable=True)
    recording.append(data)
    recording.file.append(recording.pending)
    recording.kept()
    return recording


async def test_a_sync_confirms_what_was_written_when_it_began(tmp_path: Path) -> None:  # noqa: ASYNC124 - its clock is Trio's
    recording = written(DirectoryStore(tmp_path), b"abcd")
    mark = recording.mark()
    assert mark is not None
    recording.append(b"ef")
    recording.file.append(recording.pending)
    recording.kept()
    recording.is_synced(mark)
    assert (recording.synced, b"".join(recording.unsynced)) == (4, b"ef")
    recording.file.close()


async def test_a_sync_that_began_before_another_failed_confirms_nothing(tmp_path: Path) -> None:  # noqa: ASYNC124 - its clock is Trio's
    recording = written(DirectoryStore(tmp_path), b"abcd")
    mark = recording.mark()
    assert mark is not None
    recording.sync_failed()
    assert recording.mark() is None  # first it is to be written again
    recording.written_again(recording.failed_syncs)
    recording.is_synced(mark)
    assert (recording.synced, b"".join(recording.unsynced)) == (0, b"abcd")
    recording.file.close()


async def test_what_is_written_again_while_another_sync_fails_stays_in_doubt(tmp_path: Path) -> None:  # noqa: ASYNC124 - its clock is Trio's
    recording = written(DirectoryStore(tmp_path), b"abcd")
    recording.sync_failed()
    began = recording.failed_syncs
    recording.sync_failed()
    recording.written_again(began)
    assert recording.doubtful
    recording.file.close()


async def test_whoever_waits_for_a_recording_that_ends_with_half_a_frame_is_let_go(tmp_path: Path) -> None:
    recording = written(DirectoryStore(tmp_path), b"ab")
    recording.append(b"c")  # the end leaves it out: half a sample is none
    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recording.settled)
            await trio.testing.wait_all_tasks_blocked()
            recording.ends()
    recording.file.close()


async def test_the_files_of_all_are_synced_together_and_memory_is_let_go(
    tmp_path: Path, syncs: Syncs
) -> None:
    async with (
        running(tmp_path, wavstream_sync_seconds=0.1) as server,
        client(server) as one,
        client(server) as two,
    ):
        await syncs.reach(1)  # of what an earlier run has left
        for number, talk in enumerate((one, two)):
            await talk.start(f"recording-{number}")
            await talk.audio(SECOND)
            await talk.acknowledged(16_000)
        await syncs.reach(2)
        assert await metric(server, "wavstream_sync_seconds_count") >= 1
        assert await metric(server, "wavstream_sync_errors_total") == 0
        assert await metric(server, "wavstream_ack_lag_seconds_count") >= 2


async def test_what_a_failed_sync_has_lost_is_written_again(
    tmp_path: Path, syncs: Syncs, logged: list[Any]
) -> None:
    async with running(tmp_path, wavstream_sync_seconds=0.1) as server, client(server) as talk:
        await talk.start("recording-1")
        failed = threading.Event()

        def fail_once() -> None:
            files = list(tmp_path.glob("recordings/*/*/*.wav"))
            if not failed.is_set() and files and files[0].stat().st_size > 16_000:
                failed.set()
                lose_all_audio(files[0])
                raise OSError(errno.EIO, "Input/output error")

        syncs.first = fail_once
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        entry = await heard(logged, "cannot sync")
        assert (entry["log_level"], "Input/output" in entry["error"]) == ("error", True)
        await heard(logged, "syncing again")
        assert the_file(tmp_path).read_bytes()[HEADER_BYTES:] == SECOND
        assert await metric(server, "wavstream_sync_errors_total") == 1
        await talk.audio(SECOND)
        done = await talk.stop(32_000)
        assert isinstance(done, Completed)
        assert (await server.http.get(done.url)).content[HEADER_BYTES:] == SECOND * 2


async def test_completed_is_not_said_of_audio_that_the_last_sync_lost(
    server: Server, monkeypatch: pytest.MonkeyPatch, last_sync_loses: list[Path], logged: list[Any]
) -> None:
    monkeypatch.setattr(finisher, "_RETRY_SECONDS", (0.05,))
    async with client(server) as talk:
        await talk.start("recording-1")
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        await talk.audio(SECOND)
        done = await talk.stop(32_000)
    assert isinstance(done, Completed)
    await heard(logged, "cannot finish")
    assert (await server.http.get(done.url)).content[HEADER_BYTES:] == SECOND * 2


async def test_a_sync_that_fails_at_the_stop_is_tried_again_with_all_that_it_may_have_lost(
    tmp_path: Path, last_sync_loses: list[Path]
) -> None:
    async with running(tmp_path) as server, client(server) as talk:
        await talk.start("recording-1")
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        server.stopping.set()
    assert len(last_sync_loses) == 1
    async with running(tmp_path) as server, client(server) as talk:
        assert await talk.start("recording-1") == Ready(offset=16_000)
        assert the_file(tmp_path).read_bytes()[HEADER_BYTES:] == SECOND


async def test_a_sync_that_hangs_holds_up_neither_the_writer_nor_the_stop(
    tmp_path: Path, syncs: Syncs
) -> None:
    with hanging(syncs):  # until `running` has seen the server stop
        async with running(tmp_path, wavstream_sync_seconds=0.1) as server, client(server) as talk:
            await talk.start("recording-1")
            for part in range(3):
                await talk.audio(SECOND)
                await talk.acknowledged(16_000 * (part + 1))
            done = await talk.stop(48_000)
            assert isinstance(done, Completed)
            assert (await server.http.get(done.url)).content[HEADER_BYTES:] == SECOND * 3


async def test_a_sync_that_hangs_stops_the_reading_before_the_memory_is_full(
    tmp_path: Path, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNSYNCED_SECONDS", 64.0)
    message, count = SECOND * 64, 16  # 16 MiB: more than the sockets' buffers take
    async with running(tmp_path, wavstream_sync_seconds=60) as server, client(server) as talk:
        with hanging(syncs) as well:
            await talk.start("recording-1")
            async with trio.open_nursery() as nursery:

                async def speak() -> None:
                    for _ in range(count):
                        await talk.audio(message)

                nursery.start_soon(speak)
                await trio.sleep(1)  # nothing tells that nothing happens
                kept = await metric(server, "wavstream_audio_written_bytes_total")
                # 64 s, and what one more read and one more pass brought
                assert kept <= 4 * len(message)
                assert nursery.child_tasks
                well.set()
        # The period is a minute: what let it go on is that it asked for a sync.
        done = await talk.stop(count * len(message))
        assert isinstance(done, Completed)
        assert (await server.http.get(done.url)).content[HEADER_BYTES:] == message * count
