"""Recordings that the catalogue has not heard of when the server dies."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from storage.objects import DirectoryStore
from storage.recordings import Recording
from tests.wavstream.clients import audio, client, close, exchange, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from tests.wavstream.test_catalogue_failures import Outage
from tests.wavstream.test_recovery import AUDIO, left, unfinished
from tests.wavstream.test_restart import Child, child
from tests.wavstream.test_sidefile import until
from wavstream import finisher, registration, sidefile
from wavstream.chunks import HEADER_BYTES
from wavstream.label import label
from wavstream.protocol import Ready

SECOND = bytes(range(250)) * 64


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """No one else commits to the catalogue meanwhile."""
    with sqlite3.connect(data_dir / "wavstream.db", isolation_level=None, timeout=BOUND_SECONDS) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
    other.close()


def entries(data_dir: Path) -> list[Path]:
    return sorted((data_dir / "open").iterdir())


def files(data_dir: Path) -> dict[str, int]:
    """The recordings' files, by what their rows call them, with the bytes of audio in each."""
    found = data_dir.glob("recordings/*/*/*.wav")
    return {str(each.relative_to(data_dir)): each.stat().st_size - HEADER_BYTES for each in found}


async def kept(data_dir: Path, audio_bytes: list[int]) -> None:
    """Wait until the files hold so much audio."""
    with trio.fail_after(BOUND_SECONDS):
        while sorted(files(data_dir).values()) != audio_bytes:  # noqa: ASYNC110 - a file tells nobody
            await trio.sleep(0.01)


async def kill(killed: Child) -> None:
    killed.process.kill()
    with trio.fail_after(BOUND_SECONDS):
        await killed.process.wait()


async def assert_whole(server: Server, row: dict[str, Any], sent: bytes) -> None:
    answer = await server.http.get(row["url"])
    assert (answer.status_code, answer.content[HEADER_BYTES:]) == (200, sent)


async def test_calls_that_the_catalogue_has_not_heard_of_are_found_after_a_kill(tmp_path: Path) -> None:
    async with AsyncExitStack() as streams:
        async with child(tmp_path) as killed:
            with locked(tmp_path):
                for path, name in (("/ws", "call"), ("/fork", '{"callSid": "call"}')):
                    stream = await trio.open_tcp_stream(*killed.server.listening.ingest)
                    await streams.enter_async_context(stream)
                    await stream.send_all(upgrade(path) + text(name) + audio(SECOND) * 3)
                await kept(tmp_path, [48_000] * 2)
                await kill(killed)
        async with running(tmp_path) as server:
            for row in await server.ended(2):
                assert (row["state"], row["name"], row["reason"]) == ("completed", "call", "interrupted")
                await assert_whole(server, row, SECOND * 3)
            assert entries(tmp_path) == []


async def test_no_call_of_many_that_have_just_begun_is_left_behind(tmp_path: Path) -> None:
    """The kill comes with the first file, amid the others: some are there, some have no audio yet."""
    calls = 40
    async with AsyncExitStack() as streams:
        async with child(tmp_path) as killed:
            with locked(tmp_path):
                for _ in range(calls):
                    stream = await trio.open_tcp_stream(*killed.server.listening.ingest)
                    await streams.enter_async_context(stream)
                    await stream.send_all(upgrade("/ws") + audio(SECOND))
                with trio.fail_after(BOUND_SECONDS):
                    while not files(tmp_path):  # noqa: ASYNC110 - a file tells nobody
                        await trio.sleep(0.001)
                await kill(killed)
        begun = files(tmp_path)
        async with running(tmp_path) as server:
            ended = await server.ended(len(begun))
            whole = {row["path"] for row in ended if row["state"] == "completed"}
            assert whole == files(tmp_path).keys() == {path for path, there in begun.items() if there > 1}
            for row in ended:
                if row["path"] in whole:
                    await assert_whole(server, row, SECOND[: begun[row["path"]]])
        assert entries(tmp_path) == []


async def test_a_call_that_had_ended_is_found_as_it_ended(tmp_path: Path) -> None:
    async with child(tmp_path) as killed:
        with locked(tmp_path):
            await exchange(
                killed.server.listening.ingest, [upgrade("/ws") + text("call") + audio(SECOND) + close()]
            )
            await kept(tmp_path, [16_000])
            [side] = [tmp_path / Path(path).with_suffix(".json") for path in files(tmp_path)]
            stopped = await until(side, state="completed")
            await kill(killed)
    async with running(tmp_path) as server:
        [row] = await server.recordings()
        assert (row["reason"], row["stopped_at"]) == ("stopped", stopped["stopped_at"])
        await assert_whole(server, row, SECOND)
    assert entries(tmp_path) == []


async def gone(data_dir: Path) -> None:
    """Wait until the journal is empty."""
    with trio.fail_after(BOUND_SECONDS):
        while entries(data_dir):  # noqa: ASYNC110 - a folder tells nobody
            await trio.sleep(0.02)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    monkeypatch.setattr(registration, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(finisher, "_RETRY_SECONDS", (0.02,))
    return Outage(monkeypatch)


async def test_an_entry_is_there_while_the_row_is_not_and_goes_in_mid_call(
    server: Server, outage: Outage
) -> None:
    outage.lasts = True
    async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
        await stream.send_all(upgrade("/ws") + text("call") + audio(SECOND))
        await kept(server.data_dir, [16_000])
        [entry] = entries(server.data_dir)
        assert [entry.name] == [Path(path).stem for path in files(server.data_dir)]
        assert (entry.stat().st_mode & 0o077, entry.parent.stat().st_mode & 0o077) == (0, 0)
        outage.lasts = False
        await gone(server.data_dir)
        assert [row["state"] for row in await server.recordings()] == ["recording"]


async def test_an_entry_goes_with_the_end_of_a_call_that_was_shorter_than_the_outage(
    server: Server, outage: Outage
) -> None:
    outage.lasts = True
    await exchange(server.listening.ingest, [upgrade("/ws") + audio(SECOND) + close()])
    await kept(server.data_dir, [16_000])
    assert len(entries(server.data_dir)) == 1
    outage.lasts = False
    await server.ended(1)
    await gone(server.data_dir)


async def test_a_recording_whose_row_is_there_first_has_no_entry(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("wavstream.journal._write", never)
    async with client(server) as talk:  # who is told `ready` when the row is there
        await talk.start("recording-1")
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)


async def test_a_journal_that_cannot_be_written_stops_no_recording(
    server: Server, outage: Outage, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("wavstream.journal._write", full)
    outage.lasts = True
    await exchange(server.listening.ingest, [upgrade("/ws") + audio(SECOND) + close()])
    await kept(server.data_dir, [16_000])
    outage.lasts = False
    [row] = await server.ended(1)
    assert row["state"] == "completed"
    assert [each["event"] for each in logged].count("cannot write the journal") == 1


ROW = replace(unfinished(1, dialect="/ws"), name="entry", header_bytes=HEADER_BYTES)
WHOLE = label(ROW).header.over(len(AUDIO)) + AUDIO


def found(data_dir: Path, *, entry: bytes, side: bytes | None = None, wav: bytes | None = WHOLE) -> None:
    """A data directory as a kill left it, with one entry in its journal."""
    left(data_dir)
    store = DirectoryStore(data_dir / "recordings")
    (data_dir / "open").mkdir()
    (data_dir / "open" / ROW.token).write_bytes(entry)
    for key, content in ((ROW.path, wav), (ROW.side_path, side)):
        if content is not None:
            store.replace(key, content, durable=False)


@pytest.mark.parametrize(
    ("entry", "side", "name"),
    [
        (sidefile.content(ROW), None, "entry"),  # killed before the side file
        (sidefile.content(ROW), sidefile.content(replace(ROW, name="side")), "side"),  # which knows more
        (sidefile.content(ROW), b"{", "entry"),
        (b"", sidefile.content(replace(ROW, name="side")), "side"),  # the power was lost
        (sidefile.content(ROW), sidefile.content(replace(ROW, state="completed", size=1)), "entry"),
    ],
)
async def test_side_file_or_entry_say_what_a_recording_is(
    tmp_path: Path, entry: bytes, side: bytes | None, name: str
) -> None:
    found(tmp_path, entry=entry, side=side)
    async with running(tmp_path) as server:
        row = await server.one("recording-1", "completed")
        assert (row["name"], row["reason"], row["duration"]) == (name, "interrupted", 1.0)
        await assert_whole(server, row, AUDIO)
    assert entries(tmp_path) == []


async def test_a_daemons_recording_waits_for_it(tmp_path: Path) -> None:
    found(tmp_path, entry=sidefile.content(replace(ROW, metadata={})))
    async with running(tmp_path) as server, client(server) as talk:
        assert await talk.start("recording-1") == Ready(offset=16_000)


async def test_an_entry_without_a_file_is_forgotten(tmp_path: Path) -> None:
    found(tmp_path, entry=sidefile.content(ROW), wav=None)
    async with running(tmp_path) as server:
        assert (await server.recordings(), entries(tmp_path)) == ([], [])


@pytest.mark.parametrize(
    ("entry", "others"),
    [
        (b"", ()),  # nothing tells what the file is
        (sidefile.content(ROW), (replace(ROW, token="ef" * 16, state="completed"),)),  # its id is taken
    ],
)
async def test_a_file_of_which_nothing_can_be_told_is_left_alone_and_named_at_each_start(
    tmp_path: Path, logged: list[Any], entry: bytes, others: tuple[Recording, ...]
) -> None:
    left(tmp_path, *((each, None) for each in others))
    found(tmp_path, entry=entry)
    for starts in (1, 2):
        async with running(tmp_path) as server:
            warned = [each for each in logged if each["event"] == "a file that nothing tells of"]
            assert [each["path"] for each in warned] == [str(tmp_path / "recordings" / ROW.path)] * starts
            assert len(await server.recordings()) == len(others)
    assert (tmp_path / "recordings" / ROW.path).read_bytes() == WHOLE


async def test_an_entry_whose_row_is_there_is_forgotten_and_the_row_stays(tmp_path: Path) -> None:
    left(tmp_path, (replace(ROW, name="row"), None))
    found(tmp_path, entry=sidefile.content(ROW))
    async with running(tmp_path) as server:
        assert (await server.one("recording-1", "completed"))["name"] == "row"
        assert entries(tmp_path) == []
