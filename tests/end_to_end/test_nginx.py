"""A real nginx in front of wavstream, as docs/nginx.md has it: it sends the files, wavstream says which."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio

from tests.wavstream.clients import audio, close, exchange, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running

PAGE = Path(__file__).parents[2] / "docs/nginx.md"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SECOND = bytes(range(250)) * 64
FRAME = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    default_type application/octet-stream;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def configuration(folder: Path, server: Server) -> str:
    """The page's own lines, on a socket of ours and with our addresses in place of those that it names."""
    [lines] = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for theirs, ours in (
        ("listen 443 ssl;", f"listen unix:{folder}/nginx.sock;"),
        ("127.0.0.1:8081", str(server.listening.http)),
        ("/var/lib/wavstream", str(server.data_dir)),
    ):
        assert theirs in lines
        lines = lines.replace(theirs, ours)
    user = "user root;" if os.geteuid() == 0 else ""
    return user + FRAME.format(folder=folder, server=lines)


@asynccontextmanager
async def in_front_of(server: Server, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an nginx that runs until the end of the block."""
    (folder / "nginx.conf").write_text(configuration(folder, server))
    command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    async with trio.open_nursery() as nursery:
        process = await nursery.start(trio.run_process, command)
        try:
            with trio.fail_after(BOUND_SECONDS):
                while not (folder / "nginx.pid").exists():  # noqa: ASYNC110 - a file is all that it gives
                    await trio.sleep(0.02)
            transport = httpx.AsyncHTTPTransport(uds=str(folder / "nginx.sock"))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://recordings.example.com", timeout=BOUND_SECONDS
            ) as http:
                yield http
        finally:
            process.terminate()


async def recorded(server: Server) -> str:
    """The path of a recording of ten seconds."""
    call = upgrade("/ws?token=s3cret") + text("call-0001.wav") + audio(SECOND * 10) + close()
    await exchange(server.listening.ingest, [call])
    headers = {"Authorization": "Bearer s3cret"}
    with trio.fail_after(BOUND_SECONDS):
        while True:
            found = (await server.http.get("/v1/recordings?state=completed", headers=headers)).json()
            if found["recordings"]:
                return str(found["recordings"][0]["url"]).removeprefix("https://recordings.example.com")
            await trio.sleep(0.02)


@pytest.mark.contract("url-accel")
async def test_nginx_sends_the_files_that_wavstream_names_until_they_expire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    data, folder = tmp_path / "data", tmp_path / "n"
    folder.mkdir()
    async with (
        running(
            data,
            wavstream_token="s3cret",
            wavstream_accel_prefix="/protected",
            wavstream_public_url="https://recordings.example.com",
        ) as server,
        in_front_of(server, folder) as http,
    ):
        path = await recorded(server)
        [file] = data.glob("recordings/*/*/*.wav")
        whole = file.read_bytes()

        got = await http.get(path)
        assert (got.status_code, got.content) == (200, whole)
        assert got.headers["server"].startswith("nginx")
        assert "x-accel-redirect" not in got.headers
        assert got.headers["content-type"] == "audio/wav"
        assert got.headers["cache-control"] == "private, no-cache, no-transform"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["content-disposition"].startswith('inline; filename="call-0001-')

        head = await http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole))
        part = await http.get(path, headers={"Range": "bytes=100-199", "If-Range": got.headers["etag"]})
        assert (part.status_code, part.content) == (206, whole[100:200])
        several = await http.get(path, headers={"Range": "bytes=0-3,8-11"})
        assert several.headers["content-type"].startswith("multipart/byteranges")
        assert (await http.get(path, headers={"Range": "bytes=999999999-"})).status_code == 416
        same = await http.get(path, headers={"If-None-Match": got.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")

        # The files themselves are nobody's to ask for.
        key = file.relative_to(data / "recordings").as_posix()
        assert (await http.get(f"/protected/{key}")).status_code == 404
        assert (await http.get("/v1/recordings")).status_code == 401

        now += 86_400
        assert file.exists()
        for method in ("GET", "HEAD"):
            gone = await http.request(method, path)
            assert (gone.status_code, gone.content) == (404, b"")
            assert "location" not in gone.headers
