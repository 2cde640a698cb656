"""`wavstream rebuild` brings back a lost catalogue: real recordings, a real server, the same URLs."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.daemon.cli.conftest import Run
from tests.wavstream.clients import audio, client, close, exchange, text, upgrade
from tests.wavstream.servers import running
from wavstream.protocol import Completed, Ready

SECOND = bytes(range(250)) * 64


@pytest.fixture
def data_dir(run: Run) -> Path:
    """The folder that the command works in, by its default."""
    return Path("data")


def lose_the_catalogue(data_dir: Path) -> None:
    for path in data_dir.glob("wavstream.db*"):
        path.unlink()


def last_line(out: str) -> str:
    """What the command said, behind what the server logged."""
    return out.splitlines()[-1]


async def test_after_a_rebuild_the_same_urls_give_the_same_bytes(run: Run, data_dir: Path) -> None:
    async with running(data_dir) as server:
        async with client(server) as talk:
            await talk.start("recording-done", metadata={"started_at": 1e9, "n": [1]})
            await talk.audio(SECOND)
            done = await talk.stop(16_000, "hangup")
        assert isinstance(done, Completed)
        await exchange(server.listening.ingest, [upgrade("/ws") + text("call") + audio(SECOND) + close()])
        rows = await server.ended(2)
        content = (await server.http.get(done.url)).content
        async with client(server) as talk:
            await talk.start("recording-open", metadata={"session": "s"})
            await talk.audio(SECOND)
            await talk.acknowledged(16_000)
    lose_the_catalogue(data_dir)
    ran = run("rebuild")
    assert (ran.status, last_line(ran.out)) == (0, "2 completed, 1 unfinished, 0 known already")
    assert last_line(run("rebuild").out) == "0 completed, 0 unfinished, 3 known already"
    async with running(data_dir) as server:
        host = httpx.URL(f"http://{server.listening.http}")
        answer = await server.http.get(httpx.URL(done.url).copy_with(host=host.host, port=host.port))
        assert (answer.status_code, answer.content) == (200, content)
        found = {each["recording_id"]: each for each in await server.recordings()}
        for row in rows:  # the same in every field; the port alone is another
            again = found[row["recording_id"]]
            assert again | {"url": None} == row | {"url": None}
            assert again["url"].rpartition("/")[2] == row["url"].rpartition("/")[2]
        async with client(server) as talk:  # the unfinished one goes on
            assert await talk.start("recording-open") == Ready(offset=16_000)
            last = await talk.stop(16_000)
        assert isinstance(last, Completed)


async def test_a_rebuild_is_refused_while_a_server_works_there(run: Run, data_dir: Path) -> None:
    async with running(data_dir):
        ran = run("rebuild")
    assert ran.status == 1
    assert "another wavstream server works there" in ran.err


def test_without_recordings_there_is_nothing_to_rebuild(run: Run) -> None:
    ran = run("rebuild")
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert "no recordings there" in ran.err


def cut(side: Path) -> None:
    side.write_bytes(side.read_bytes()[:-20])


def lose_the_sound(side: Path) -> None:
    side.with_suffix(".wav").unlink()


def shorten_the_sound(side: Path) -> None:
    with side.with_suffix(".wav").open("r+b") as file:
        file.truncate(3000)


def lose(side: Path) -> None:
    side.unlink()


def move(side: Path) -> None:
    for each in (side, side.with_suffix(".wav")):
        each.rename(each.with_stem("0" * 32))


def say(**more: Any) -> Any:
    def change(side: Path) -> None:
        side.write_text(json.dumps(json.loads(side.read_text()) | more))

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, "no JSON"),
        (lose_the_sound, "its WAV file is missing"),
        (shorten_the_sound, "has 3000 bytes and not 18048"),  # a header of 2048, and 16,000 of audio
        (lose, "no side file"),
        (move, "not where its name says"),
        (say(version=2), "not of version 1"),
        (say(state="lost"), "state: "),
        (say(encoding="mp3"), "mp3 at 8000 Hz"),
        (say(header_bytes=81), "header_bytes: no chunk is 1 bytes long"),
        (say(started_at=float("inf")), "no catalogue can keep"),
        (say(name="\ud800"), "no catalogue can keep"),
    ],
)
async def test_what_cannot_be_used_is_named_and_harms_no_other(
    run: Run, data_dir: Path, damage: Any, words: str
) -> None:
    async with running(data_dir) as server:
        for name in ("one", "two"):
            await exchange(server.listening.ingest, [upgrade("/ws") + text(name) + audio(SECOND) + close()])
        rows = await server.ended(2)
    damage(server.file(rows[0]).with_suffix(".json"))
    lose_the_catalogue(data_dir)
    ran = run("rebuild")
    assert ran.status == 1
    assert "1 completed, 0 unfinished" in ran.out
    assert words in ran.err
    async with running(data_dir) as server:
        assert [each["name"] for each in await server.recordings()] == ["two"]
