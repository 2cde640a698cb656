"""Disks that are really full, or hang: every byte is there when they are well again."""

import os
import resource
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import soundfile
import trio

from tests.wavstream.clients import Client, client
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from tests.wavstream.test_restart import child
from wavstream import finisher, live, protocol, recordings
from wavstream.chunks import HEADER_BYTES
from wavstream.protocol import Completed

KILOBYTE = 1024
PIECE = bytes(range(256)) * 64  # 16 KiB
PIECES = 48  # 768 KiB a recording


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system may be mounted here: that takes root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def send(talk: Client, pieces: int) -> None:
    for _ in range(pieces):
        await talk.audio(PIECE)


async def stuck(server: Server, words: str) -> None:
    """Wait until `/ready` says so."""
    with trio.fail_after(BOUND_SECONDS):
        while words not in (await server.http.get("/ready")).text:  # noqa: ASYNC110 - no event comes
            await trio.sleep(0.02)


async def assert_whole(server: Server, done: protocol.Message, pieces: int) -> None:
    assert isinstance(done, Completed), done
    assert (await server.http.get(done.url)).content[HEADER_BYTES:] == PIECE * pieces


async def acknowledged_is_kept(talk: Client, path: Path) -> None:
    """All acks so far name no more than the file has, and its header opens."""
    most = 0
    with trio.move_on_after(0.5):
        while True:
            message = await talk.connection.get_message()
            said = protocol.decode(str(message))
            assert isinstance(said, protocol.Ack)
            most = max(most, said.offset)
    data = await trio.to_thread.run_sync(_audio, path)
    assert most <= len(data)
    assert data == (PIECE * PIECES)[: len(data)]
    assert soundfile.info(str(path)).frames <= len(data) // 2


async def test_two_recordings_fill_a_real_disk_and_are_whole_when_there_is_room(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PENDING_SECONDS", 120.0)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "recordings").symlink_to(small)
    ballast = small / "ballast"
    ballast.write_bytes(bytes(1200 * KILOBYTE))  # 848 KiB are left, and 1,536 KiB will come
    settings = {"wavstream_disk_refuse_mb": 0, "wavstream_disk_warn_mb": 0}
    monkeypatch.setattr("wavstream.space.RESERVE_SECONDS", 0.0)
    async with (
        running(tmp_path / "data", **settings) as server,
        client(server) as one,
        client(server) as two,
    ):
        for number, talk in enumerate((one, two)):
            await talk.start(f"recording-{number}")
        async with trio.open_nursery() as nursery:
            for talk in (one, two):
                nursery.start_soon(send, talk, PIECES)
        await stuck(server, "cannot be written")
        for number, talk in enumerate((one, two)):
            row = await server.json(f"/v1/recordings/recording-{number}")
            await acknowledged_is_kept(talk, server.file(row))
        ballast.unlink()
        for talk in (one, two):
            await assert_whole(server, await talk.stop(len(PIECE) * PIECES), PIECES)


async def test_a_recording_that_ends_on_a_full_disk_with_its_catalogue_completes_when_there_is_room(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finisher, "_RETRY_SECONDS", (0.05,))
    monkeypatch.setattr("wavstream.space.RESERVE_SECONDS", 0.0)
    ballast = small / "ballast"
    settings = {"wavstream_disk_refuse_mb": 0, "wavstream_disk_warn_mb": 0}
    async with running(small, **settings) as server, client(server) as talk:
        await talk.start("recording-1")
        await send(talk, 4)
        await talk.acknowledged(4 * len(PIECE))
        fill(ballast)
        async with trio.open_nursery() as nursery:

            async def make_room() -> None:
                await stuck(server, "cannot be written")
                ballast.unlink()

            await send(talk, 4)
            nursery.start_soon(make_room)
            await assert_whole(server, await talk.stop(8 * len(PIECE)), 8)


def fill(ballast: Path) -> None:
    """Until not one byte more has room."""
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return


async def test_a_server_that_may_write_no_more_goes_on_when_it_may_again(tmp_path: Path) -> None:
    """Without root: a limit of the process stands for the disk's end (EFBIG in place of ENOSPC)."""
    async with child(tmp_path) as killed:
        server, pid = killed.server, killed.process.pid
        async with client(server) as talk:
            await talk.start("recording-1")
            await send(talk, 4)
            await talk.acknowledged(4 * len(PIECE))
            # Of 768 KiB 400 find room. The catalogue's files stay below that.
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (400 * KILOBYTE, hard))
            await send(talk, PIECES - 4)
            await stuck(server, "cannot be written")
            row = await server.json("/v1/recordings/recording-1")
            assert server.file(row).stat().st_size == 400 * KILOBYTE
            await acknowledged_is_kept(talk, server.file(row))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            await assert_whole(server, await talk.stop(len(PIECE) * PIECES), PIECES)


async def test_a_disk_that_hangs_makes_the_sender_wait_and_is_told_of(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PENDING_SECONDS", 1.0)
    monkeypatch.setattr(recordings, "STUCK_SECONDS", 0.2)
    well, real = threading.Event(), os.pwritev

    def pwritev(file: int, chunks: Sequence[bytes], offset: int) -> int:
        well.wait()
        return real(file, chunks, offset)

    monkeypatch.setattr(os, "pwritev", pwritev)
    count = 1024  # 16 MiB: more than the sockets' buffers take
    try:
        async with client(server) as talk:
            await talk.start("recording-1")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send, talk, count)
                await stuck(server, "the disk has taken no write for")
                assert nursery.child_tasks
                assert (await server.http.get("/health")).status_code == 200
                well.set()
            await assert_whole(server, await talk.stop(count * len(PIECE)), count)
    finally:
        well.set()


def _audio(path: Path) -> bytes:
    return path.read_bytes()[HEADER_BYTES:]
