"""Downloads over HTTP: finished files by their URL, and a running one as it stands."""

import hashlib
import io
import os
import re
import subprocess
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import soundfile
import trio

from tests.installed import needs
from tests.wavstream.clients import audio, client, close, exchange, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from wavstream import sweeper
from wavstream.chunks import HEADER_BYTES
from wavstream.downloads.bodies import READ_BYTES
from wavstream.downloads.source import Source, SourceError
from wavstream.protocol import Completed

ID = "recording-1"
SECOND = bytes(range(250)) * 64
LAST = HEADER_BYTES + 16_000 - 1
"""The number of the last byte of a file of one second."""


async def recorded(server: Server, data: bytes = SECOND, *, query: str = "") -> Completed:
    async with client(server, query=query) as talk:
        await talk.start(ID)
        for place in range(0, len(data), 1 << 20):
            await talk.audio(data[place : place + (1 << 20)])
        done = await talk.stop(len(data))
    assert isinstance(done, Completed)
    return done


@pytest.mark.contract("url-http")
async def test_head_says_what_get_sends(server: Server) -> None:
    done = await recorded(server)
    get, head = await server.http.get(done.url), await server.http.head(done.url)
    assert (get.status_code, head.status_code, head.content) == (200, 200, b"")
    for name in ("content-type", "content-length", "accept-ranges", "etag", "last-modified"):
        assert get.headers[name] == head.headers[name]
    assert get.headers["content-type"] == "audio/wav"
    assert get.headers["content-length"] == str(len(get.content)) == str(done.size)
    assert get.headers["etag"] == f'"{done.sha256}"'
    stopped = datetime.fromtimestamp((await server.json(f"/v1/recordings/{ID}"))["stopped_at"], UTC)
    assert parsedate_to_datetime(get.headers["last-modified"]) == stopped.replace(microsecond=0)


@pytest.mark.contract("url-ranges")
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=100-", 100, LAST), (f"bytes=-{HEADER_BYTES}", 16_000, LAST)],
)
async def test_a_range_is_a_206_with_just_these_bytes(
    server: Server, asked: str, first: int, last: int
) -> None:
    done = await recorded(server)
    whole = (await server.http.get(done.url)).content
    answer = await server.http.get(done.url, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{LAST + 1}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.content == whole[first : last + 1]


@pytest.mark.contract("url-ranges")
async def test_several_ranges_are_a_multipart(server: Server) -> None:
    done = await recorded(server)
    answer = await server.http.get(done.url, headers={"Range": "bytes=0-3,8-11"})
    assert answer.status_code == 206
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    parts = answer.content.split(f"--{boundary}".encode())
    assert [part.partition(b"\r\n\r\n")[2] for part in parts[1:-1]] == [b"RIFF\r\n", b"WAVE\r\n"]
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.contract("url-ranges")
async def test_a_range_past_the_end_is_a_416(server: Server) -> None:
    done = await recorded(server)
    answer = await server.http.get(done.url, headers={"Range": f"bytes={LAST + 1}-"})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{LAST + 1}"


@pytest.mark.contract("url-ranges")
async def test_a_client_that_has_the_file_is_not_sent_it_again(server: Server) -> None:
    done = await recorded(server)
    answer = await server.http.get(done.url, headers={"If-None-Match": f'"{done.sha256}"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{done.sha256}"'


@pytest.mark.contract("url-ranges")
async def test_a_range_of_another_file_is_answered_with_all_of_this_one(server: Server) -> None:
    done = await recorded(server)
    for tag, status in ((f'"{done.sha256}"', 206), ('"another"', 200)):
        answer = await server.http.get(done.url, headers={"Range": "bytes=0-3", "If-Range": tag})
        assert answer.status_code == status


async def test_a_condition_that_does_not_hold_is_a_412(server: Server) -> None:
    done = await recorded(server)
    answer = await server.http.get(done.url, headers={"If-Match": '"another"'})
    assert (answer.status_code, answer.content) == (412, b"")
    assert answer.headers["etag"] == f'"{done.sha256}"'


async def test_nobody_keeps_a_copy_that_may_be_played_unasked_nor_guesses_what_it_is(server: Server) -> None:
    done = await recorded(server)
    tag = {"If-None-Match": f'"{done.sha256}"'}
    for answer in (await server.http.get(done.url), await server.http.get(done.url, headers=tag)):
        assert answer.headers["cache-control"] == "private, no-cache, no-transform"
        assert answer.headers["x-content-type-options"] == "nosniff"
    gone = await server.http.get(done.url.replace("/recordings/", "/recordings/0"))
    assert gone.headers["cache-control"] == "no-store"


async def test_a_browser_plays_it_or_saves_it_under_its_name_and_date(server: Server, tmp_path: Path) -> None:
    call = upgrade("/ws") + text("call-0001.wav") + audio(SECOND) + close()
    await exchange(server.listening.ingest, [call])
    [row] = await server.ended(1)
    began = datetime.fromtimestamp(row["started_at"], UTC)
    name = f"call-0001-{began:%Y%m%dT%H%M%SZ}.wav"
    played, saved = await server.http.get(row["url"]), await server.http.get(f"{row['url']}?download")
    assert played.headers["content-disposition"] == f'inline; filename="{name}"'
    assert saved.headers["content-disposition"] == f'attachment; filename="{name}"'
    needs("curl")
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "-OJ", f"{row['url']}?download"]
    await trio.run_process(command, cwd=tmp_path)
    assert (tmp_path / name).read_bytes() == played.content


async def test_curl_gets_what_the_standard_says(server: Server, tmp_path: Path) -> None:
    needs("curl")
    done = await recorded(server)
    whole = (await server.http.get(done.url)).content

    async def curl(*asked: str) -> tuple[str, bytes]:
        command = [
            "curl",
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--write-out",
            "%{stderr}%{http_code}",
        ]
        ran = await trio.run_process([*command, *asked, done.url], capture_stdout=True, capture_stderr=True)
        return ran.stderr.decode(), ran.stdout

    assert await curl() == ("200", whole)
    assert await curl("--range", "100-199") == ("206", whole[100:200])
    assert await curl("--range", "-80") == ("206", whole[-80:])
    assert await curl("--range", f"{len(whole)}-") == ("416", b"")
    (tmp_path / "part").write_bytes(whole[:5000])
    resume = ("--continue-at", "-", "--output", str(tmp_path / "part"))
    assert await curl(*resume) == ("206", b"")
    assert (tmp_path / "part").read_bytes() == whole
    status, head = await curl("--head")
    assert status == "200"
    assert f"content-length: {len(whole)}".encode() in head.lower()
    tags = tmp_path / "tags"
    await curl("--etag-save", str(tags))
    assert await curl("--etag-compare", str(tags)) == ("304", b"")
    assert await curl("--time-cond", "Fri, 01 Jan 2100 00:00:00 GMT") == ("304", b"")
    assert await curl("--time-cond", "-Sun, 06 Nov 1994 08:49:37 GMT") == ("412", b"")


async def test_a_server_in_front_is_told_which_file_to_send_and_to_send_nothing_that_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    async with running(tmp_path, wavstream_accel_prefix="/protected/") as server:
        done = await recorded(server)
        row = await server.json(f"/v1/recordings/{ID}")
        for method, length in (("GET", 0), ("HEAD", done.size)):
            answer = await server.http.request(method, done.url, headers={"Range": "bytes=0-3"})
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["content-length"] == str(length)
            key = row["path"].removeprefix("recordings/")
            assert answer.headers["x-accel-redirect"] == f"/protected/{key}"
            assert answer.headers["content-type"] == "audio/wav"
        # The daemon asks us ourselves.
        assert len((await server.http.get(f"/v1/recordings/{ID}/file.wav")).content) == done.size
        now += 86_400
        answer = await server.http.get(done.url)
        assert (answer.status_code, "x-accel-redirect" in answer.headers) == (404, False)
        now -= 1
        server.file(row).unlink()
        assert (await server.http.get(done.url)).status_code == 404


@pytest.mark.contract("url-capability")
async def test_a_url_with_any_character_changed_is_a_404_that_says_nothing(server: Server) -> None:
    done = await recorded(server)
    path = done.url.removeprefix(str(server.http.base_url).rstrip("/"))
    changed = [
        path[:place] + ("0" if path[place] == "1" else "1") + path[place + 1 :]
        for place in range(1, len(path))
    ]
    for other in [*changed, path.upper(), path + "x", path + "/", path[:-1], path.replace("/r", "//r", 1)]:
        answer = await server.http.get(other)
        assert (answer.status_code, answer.content) == (404, b""), other
        assert "location" not in answer.headers
        assert "content-type" not in answer.headers


@pytest.mark.parametrize("token", ["0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 32])
async def test_a_token_that_was_never_given_is_a_404(server: Server, token: str) -> None:
    answer = await server.http.get(f"/recordings/{token}.wav")
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.contract("url-valid-at-once")
async def test_a_running_recording_has_no_public_url_yet(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        row = await server.json(f"/v1/recordings/{ID}")
        token = Path(row["path"]).name
        assert (await server.http.get(f"/recordings/{token}")).status_code == 404
        assert row["url"] is None


@pytest.mark.contract("url-playback", "url-gone")
async def test_an_expired_url_is_a_404_before_the_file_is_swept(tmp_path: Path) -> None:
    async with running(tmp_path, recording_retention_hours=1 / 3600) as server:
        done = await recorded(server)
        assert done.expires_at is not None
        answers = [await server.http.get(done.url)]
        with trio.fail_after(BOUND_SECONDS):
            while (answer := await server.http.get(done.url)).status_code == 200:
                answers.append(answer)
                await trio.sleep(0.05)
        # 200 until the second, 404 from then on, however often it was read.
        assert datetime.now(UTC).timestamp() >= done.expires_at
        assert answers[-1].content[HEADER_BYTES:] == SECOND
        assert (answer.status_code, answer.content) == (404, b"")
        assert "location" not in answer.headers
        assert (await server.http.head(done.url)).status_code == 404
        assert (await server.http.get(f"/v1/recordings/{ID}/file.wav")).status_code == 404
        row = await server.json(f"/v1/recordings/{ID}")
        assert server.file(row).exists()  # the sweeper has not come by yet


@pytest.mark.contract("url-playback")
async def test_neither_reading_nor_a_restart_makes_a_url_last_longer(tmp_path: Path) -> None:
    async with running(tmp_path, recording_retention_hours=2 / 3600) as server:
        done = await recorded(server)
        path = done.url.removeprefix(str(server.http.base_url).rstrip("/"))
        for _ in range(3):
            await server.http.get(path)
    assert done.expires_at is not None
    async with running(tmp_path) as server:  # which keeps for 24 hours what it records itself
        asked, answer = time.time(), await server.http.get(path)
        with trio.fail_after(BOUND_SECONDS):
            while answer.status_code == 200:
                assert asked < done.expires_at
                await trio.sleep(0.05)
                asked, answer = time.time(), await server.http.get(path)
        assert time.time() >= done.expires_at
        assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.contract("url-under-way")
async def test_a_download_under_way_when_its_url_expires_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.05)
    data = SECOND * 1500  # 24 MB: more than the socket buffers hold of what is not read
    async with running(
        tmp_path, recording_retention_hours=8 / 3600
    ) as server:  # time enough to begin, also on a busy machine
        done = await recorded(server, data)
        async with server.http.stream("GET", done.url) as answer:
            assert answer.status_code == 200
            pieces = answer.aiter_raw()
            received = bytearray(await anext(pieces))
            await server.until(lambda found: found == [])
            with trio.fail_after(BOUND_SECONDS):
                # It is out of sight before it is off the disk, and no event comes of that.
                while any((tmp_path / "recordings").iterdir()):  # noqa: ASYNC110
                    await trio.sleep(0.01)
            assert (await server.http.get(done.url)).status_code == 404
            with trio.fail_after(BOUND_SECONDS):
                async for piece in pieces:
                    received += piece
    assert hashlib.sha256(received).hexdigest() == done.sha256


@pytest.mark.contract("url-capability")
async def test_whoever_has_the_url_needs_no_token_and_nobody_can_guess_it(tmp_path: Path) -> None:
    urls = []
    for folder in ("a", "b"):
        async with running(tmp_path / folder, wavstream_token="s3cret") as server:
            done = await recorded(server, query="?token=s3cret")
            assert (await server.http.get(done.url)).status_code == 200
            assert (await server.http.get(f"/v1/recordings/{ID}")).status_code == 401
            urls.append(done.url.rpartition("/")[2])
    one, other = urls
    assert one != other  # of the same recording_id: the name is drawn, not made from it
    # 32 hexadecimal digits are 128 bits.
    assert re.fullmatch(r"[0-9a-f]{32}\.wav", one)
    assert ID not in one


async def test_a_file_that_is_missing_is_a_404_and_a_line_in_the_log(
    server: Server, logged: list[Any]
) -> None:
    done = await recorded(server)
    server.file(await server.json(f"/v1/recordings/{ID}")).unlink()
    for url in (done.url, f"/v1/recordings/{ID}/file.wav"):
        assert (await server.http.get(url)).status_code == 404
    assert [each["recording"] for each in logged if each["event"] == "the file is missing"] == [ID, ID]


@pytest.mark.contract("url-elsewhere", "event-recording-completed")
async def test_a_store_elsewhere_shows_the_files_and_nothing_expires_here(tmp_path: Path) -> None:
    async with running(tmp_path, recording_base_url="https://cdn.example/calls/") as server:
        done = await recorded(server)
        row = await server.json(f"/v1/recordings/{ID}")
        assert done.url == f"https://cdn.example/calls/{row['path'].removeprefix('recordings/')}"
        assert done.expires_at is None


async def test_a_public_url_is_what_recordings_are_announced_under(tmp_path: Path) -> None:
    async with running(tmp_path, wavstream_public_url="https://rec.example/") as server:
        assert (await recorded(server)).url.startswith("https://rec.example/recordings/")


@pytest.mark.contract("file-snapshot")
async def test_a_snapshot_says_exactly_what_it_sends(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID)
        empty = await server.http.get(f"/v1/recordings/{ID}/file.wav?follow=false")
        assert (empty.status_code, len(empty.content)) == (200, HEADER_BYTES)
        await talk.audio(SECOND + b"\1")
        await talk.acknowledged(16_001)
        answer = await server.http.get(f"/v1/recordings/{ID}/file.wav?follow=false")
        part = await server.http.get(
            f"/v1/recordings/{ID}/file.wav?follow=false", headers={"Range": "bytes=-16000"}
        )
        whole = await server.http.get(
            f"/v1/recordings/{ID}/file.wav?follow=false", headers={"Range": "bytes=0-1", "If-Range": '"x"'}
        )
        head = await server.http.head(f"/v1/recordings/{ID}/file.wav?follow=false")
    assert answer.headers["content-length"] == head.headers["content-length"] == str(LAST + 1)
    assert answer.headers["cache-control"] == "no-store"
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16")
    assert (samples.tobytes(), rate) == (SECOND, 8000)
    assert (part.status_code, part.content) == (206, SECOND)
    assert part.headers["content-range"] == f"bytes {HEADER_BYTES}-{LAST}/{LAST + 1}"
    assert (whole.status_code, len(whole.content)) == (200, HEADER_BYTES + 16_000)


async def test_a_snapshot_with_an_odd_number_of_bytes_is_padded(server: Server) -> None:
    async with client(server) as talk:
        await talk.start(ID, encoding="alaw")
        await talk.audio(b"\xd5" * 101)
        await talk.acknowledged(101)
        answer = await server.http.get(f"/v1/recordings/{ID}/file.wav?follow=false")
    assert answer.content[HEADER_BYTES:] == b"\xd5" * 101 + b"\0"
    assert answer.headers["content-length"] == str(HEADER_BYTES + 102)


async def test_other_programs_open_a_copy_taken_in_mid_recording_and_the_finished_file(
    server: Server, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.wav"
    async with client(server) as talk:
        await talk.start(ID)
        for _ in range(3):
            await talk.audio(SECOND)
        await talk.acknowledged(48_000)
        # The header is brought up to date once a second.
        path = server.file(await server.json(f"/v1/recordings/{ID}"))
        with trio.fail_after(BOUND_SECONDS):
            while soundfile.info(str(path)).frames < 24_000:  # noqa: ASYNC110 - the file is watched as a copier would
                await trio.sleep(0.05)
        copy.write_bytes(path.read_bytes())
        assert durations(copy) == (24_000, 24_000, 3.0)
        assert isinstance(await talk.stop(48_000), Completed)
    assert durations(path) == (24_000, 24_000, 3.0)
    assert path.read_bytes()[HEADER_BYTES:] == SECOND * 3


def durations(path: Path) -> tuple[int, int, float]:
    """What soundfile, soxi (both in frames) and ffprobe (seconds) say."""
    needs("soxi", "ffprobe")
    soxi = subprocess.run(["soxi", "-s", str(path)], check=True, capture_output=True, text=True)
    show = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]
    ffprobe = subprocess.run([*show, str(path)], check=True, capture_output=True, text=True)
    assert (soxi.stderr, ffprobe.stderr) == ("", "")
    return soundfile.info(str(path)).frames, int(soxi.stdout), float(ffprobe.stdout)


async def test_a_finished_recording_is_the_file_whether_followed_or_not(server: Server) -> None:
    done = await recorded(server)
    for follow in ("true", "false"):
        answer = await server.http.get(f"/v1/recordings/{ID}/file.wav?follow={follow}")
        assert answer.headers["content-length"] == str(done.size)
    assert (await server.http.get(f"/v1/recordings/{ID}/file.wav?follow=perhaps")).status_code == 400


async def test_a_long_file_comes_whole(server: Server) -> None:
    # More than four reads of 256 KiB, and not a multiple of them.
    data = SECOND * 80
    done = await recorded(server, data)
    assert len(data) == 1_280_000 > 4 * READ_BYTES
    assert (await server.http.get(done.url)).content[HEADER_BYTES:] == data


def test_a_source_is_a_head_a_part_of_a_file_and_a_tail(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    source = Source(os.open(path, os.O_RDONLY), first=2, length=5, head=b"<<", tail=b">")
    assert source.size == 8
    read = [source.read(start, 100) for start in range(source.size)]
    assert read == [b"<<", b"<", b"23456", b"3456", b"456", b"56", b"6", b">"]
    assert source.read(2, 3) == b"234"
    path.write_bytes(b"0123")
    with pytest.raises(SourceError, match="shorter"):
        source.read(5, 1)
    source.close()
    with pytest.raises(SourceError, match="closed"):
        source.read(2, 1)
