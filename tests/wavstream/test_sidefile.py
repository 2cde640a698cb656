"""The side file beside a recording, from its first audio until it is gone."""

import errno
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from storage.recordings import Recording
from tests.wavstream.clients import audio, client, close, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running, the_file
from wavstream import sidefile
from wavstream.protocol import Completed
from wavstream.sidefile import SideFileError

ID = "recording-1"
SECOND = bytes(range(250)) * 64
ROW = Recording(
    recording_id=ID,
    token="ab" * 16,
    name="a \u20ac name",
    state="completed",
    sample_rate=8000,
    channels=1,
    encoding="pcm16",
    started_at=1e9,
    stopped_at=1e9 + 1,
    expires_at=1e9 + 2,
    duration=1.0,
    size=18_048,
    sha256="0" * 64,
    metadata={"notes": ["n"], "pauses": [[0.1, 0.2]]},
    header_bytes=2048,
)


def beside(data_dir: Path) -> Path:
    return the_file(data_dir).with_suffix(".json")


def read(path: Path) -> dict[str, Any]:
    """What it says; nothing where it is not there."""
    with suppress(FileNotFoundError):
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found
    return {}


async def until(path: Path, **said: object) -> dict[str, Any]:
    """What the side file says, once it says that."""
    with trio.fail_after(BOUND_SECONDS):
        while not said.items() <= (found := read(path)).items():  # noqa: ASYNC110 - a file tells nobody
            await trio.sleep(0.02)
        return found


def test_what_is_written_is_read_and_the_capability_is_not_in_it() -> None:
    said = sidefile.content(ROW)
    assert ROW.token.encode() not in said
    assert sidefile.read(said, token=ROW.token) == ROW


def test_fields_of_other_versions_are_passed_over_or_have_their_defaults() -> None:
    fields = json.loads(sidefile.content(ROW)) | {"colour": "red"}
    del fields["header_bytes"]
    assert sidefile.read(json.dumps(fields).encode(), token=ROW.token).header_bytes is None


@given(st.integers(0, 600), st.binary(min_size=1, max_size=3))
def test_a_damaged_side_file_is_read_or_refused_in_words(place: int, damage: bytes) -> None:
    said = sidefile.content(ROW)
    try:
        row = sidefile.read(said[:place] + damage + said[place + len(damage) :], token=ROW.token)
        assert row.token == ROW.token
    except SideFileError as wrong:
        assert str(wrong)  # noqa: PT017 - it may be raised or not


async def test_it_is_there_with_the_first_audio_and_knows_everything_in_the_end(
    server: Server, tmp_path: Path
) -> None:
    async with client(server) as talk:
        await talk.start(ID, metadata={"started_at": 1e9, "n": [1]})
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        path = beside(tmp_path)
        begun = await until(path, state="recording", recording_id=ID)
        assert (begun["started_at"], begun["metadata"]["n"], begun["sha256"]) == (1e9, [1], None)
        done = await talk.stop(16_000)
    assert isinstance(done, Completed)
    ended = json.loads(path.read_bytes())
    row = await server.json(f"/v1/recordings/{ID}")
    for name in row.keys() - {"url", "path", "held"}:
        assert ended[name] == row[name]
    assert (row["held"], ended["held_at"]) == (False, None)
    assert ended["audio_sha256"] == hashlib.sha256(SECOND).hexdigest()
    assert path.stem not in path.read_text()


async def test_a_name_that_comes_later_is_in_it_and_in_the_file(server: Server, tmp_path: Path) -> None:
    async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
        await stream.send_all(upgrade("/ws") + audio(SECOND))
        await server.until(lambda found: bool(found) and found[0]["duration"] == 1.0)
        await stream.send_all(text("later.wav"))
        await until(beside(tmp_path), name="later.wav")
        await stream.send_all(close())
        [row] = await server.ended(1)
    assert b"INAM\x0a\0\0\0later.wav\0" in server.file(row).read_bytes()[:2048]


async def test_no_url_leads_to_it(server: Server, tmp_path: Path) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        done = await talk.stop(16_000)
    assert isinstance(done, Completed)
    name = beside(tmp_path).name
    for path in (
        f"/recordings/{name}",
        f"/recordings/{name}.wav",
        f"/recordings/{name[:2]}/{name[2:4]}/{name}",
    ):
        assert (await server.http.get(path)).status_code == 404
    assert beside(tmp_path).stat().st_mode & 0o077 == 0


async def test_it_goes_with_its_recording(server: Server, tmp_path: Path) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        await talk.stop(16_000)
    assert (await server.http.delete(f"/v1/recordings/{ID}")).status_code == 204
    assert list((tmp_path / "recordings").iterdir()) == []


async def test_a_recording_without_audio_leaves_none(server: Server, tmp_path: Path) -> None:
    async with client(server) as talk:
        await talk.start(ID, encoding="pcm16")
        await talk.audio(b"\1")  # half a sample: the file is made, and taken away
        await talk.acknowledged(1)
        await until(beside(tmp_path), state="recording")
        await talk.stop(1)
    assert list((tmp_path / "recordings").iterdir()) == []


async def test_a_recording_ends_although_its_side_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with running(tmp_path) as server, client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        monkeypatch.setattr("storage.objects.DirectoryStore.replace", full)
        assert isinstance(await talk.stop(16_000), Completed)
    assert "cannot write the side file" in [each["event"] for each in logged]
