"""A recording in memory, and its file, without a server."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from storage.objects import DirectoryStore
from storage.recordings import Recording
from wavstream import wav
from wavstream.files import RecordingFile, remaining
from wavstream.live import PENDING_SECONDS, LiveRecording
from wavstream.wav import WavFormat

MONO = WavFormat("pcm16", 8000, 1)
ROW = Recording(
    recording_id="recording-1",
    token="0123456789abcdef" * 2,
    state="recording",
    sample_rate=8000,
    channels=1,
    encoding="pcm16",
    started_at=0,
)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


@pytest.fixture
def recording(store: DirectoryStore) -> LiveRecording:
    return LiveRecording(ROW, RecordingFile(store, ROW.path, MONO), resumable=True)


def write(recording: LiveRecording, data: bytes) -> None:
    """As the writer does it."""
    recording.append(data)
    recording.file.append(recording.pending)
    recording.kept()


@given(st.lists(st.binary(max_size=5), max_size=6), st.integers(0, 30))
def test_what_remains_is_what_was_not_taken(chunks: Sequence[bytes], taken: int) -> None:
    whole = b"".join(chunks)
    assert b"".join(remaining(chunks, min(taken, len(whole)))) == whole[taken:]


async def test_whoever_waits_for_more_is_woken_when_it_is_in_the_file(recording: LiveRecording) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recording.beyond, 3)
        await trio.testing.wait_all_tasks_blocked()
        write(recording, b"abc")
        await trio.testing.wait_all_tasks_blocked()
        assert nursery.child_tasks
        write(recording, b"d")
    await recording.settled()
    assert recording.written == recording.received == 4
    recording.file.close()


async def test_whoever_waits_is_woken_by_the_end(recording: LiveRecording) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recording.beyond, 0)
        await trio.testing.wait_all_tasks_blocked()
        recording.ends()


async def test_memory_is_bounded_in_seconds(recording: LiveRecording) -> None:
    most = int(PENDING_SECONDS * MONO.byte_rate)
    recording.append(bytes(most))
    await recording.room()
    recording.append(b"ab")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recording.room)
        await trio.testing.wait_all_tasks_blocked()
        assert nursery.child_tasks
        write(recording, b"")
    assert not recording.pending
    recording.file.close()


def test_only_its_owner_can_leave_a_recording(recording: LiveRecording) -> None:
    older, newer = trio.CancelScope(), trio.CancelScope()
    recording.take(older)
    recording.take(newer)
    assert older.cancel_called
    assert not recording.leave(older)
    assert recording.leave(newer)
    assert recording.owner is None
    assert not recording.owned.is_set()


@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.lists(st.binary(max_size=40), max_size=5), max_size=5), st.booleans())
def test_a_file_holds_what_was_appended_whenever_it_was_closed(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], between: bool
) -> None:
    store = DirectoryStore(tmp_path_factory.mktemp("objects"))
    file = RecordingFile(store, ROW.path, MONO)
    for batch in batches:
        file.append(batch)
        if between:
            file.refresh_header(0)
            file.close()
    whole = b"".join(each for batch in batches for each in batch)
    whole = whole[: len(whole) // 2 * 2]
    finished = file.finish()
    assert store.path(ROW.path).read_bytes() == wav.header(MONO, len(whole)) + whole
    assert (finished.size, finished.duration) == (80 + len(whole), len(whole) / 16_000)
    again = RecordingFile(store, ROW.path, MONO, exists=True)
    again.recover()
    assert again.data_bytes == len(whole)
    assert again.finish() == finished


@profile(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.lists(st.binary(max_size=9), max_size=5), max_size=5), st.integers(0, 5))
def test_the_hash_of_the_audio_is_kept_running_whatever_the_disk_takes_at_a_time(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], at_a_time: int
) -> None:
    file = RecordingFile(DirectoryStore(tmp_path_factory.mktemp("objects")), ROW.path, MONO)
    with pytest.MonkeyPatch.context() as patch:
        write = os.pwrite
        if at_a_time:
            patch.setattr(os, "pwritev", lambda fd, parts, at: write(fd, b"".join(parts)[:at_a_time], at))
        for batch in batches:
            file.append([chunk for chunk in batch if chunk])
    whole = b"".join(each for batch in batches for each in batch)
    whole = whole[: len(whole) // 2 * 2]
    assert file.finish().audio_sha256 == hashlib.sha256(whole).hexdigest()


def test_more_chunks_than_one_write_takes_are_all_written(store: DirectoryStore) -> None:
    file = RecordingFile(store, ROW.path, MONO)
    file.append([b"ab"] * 2500)  # Linux takes 1024 at a time
    assert file.data_bytes == 5000
    file.close()


def test_the_header_follows_a_second_behind(store: DirectoryStore) -> None:
    file = RecordingFile(store, ROW.path, MONO)
    assert not file.header_is_due(100.0)  # there is no file yet
    file.append([b"ab"])
    assert file.header_is_due(100.0)
    file.refresh_header(100.0)
    file.append([b"cd"])
    assert not file.header_is_due(100.9)
    assert file.header_is_due(101.0)
    assert wav.parse(store.path(ROW.path).read_bytes()).data_bytes == 2
    file.sync()
    assert wav.parse(store.path(ROW.path).read_bytes()).data_bytes == 4
    file.close()
