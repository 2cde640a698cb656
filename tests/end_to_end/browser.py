"""A headless Chromium, driven by WebDriver (W3C), and a small application for it to look at."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import httpx
import trio

from tests.end_to_end.house import PATIENCE_SECONDS

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
PASSED_ON = ("range", "if-range", "if-none-match")
ANSWERED = ("content-type", "content-length", "content-range", "accept-ranges", "cache-control", "etag")
MOST_HEAD_BYTES = 65_536


class Page:
    """A page that is open in the browser."""

    def __init__(self, http: httpx.AsyncClient, session: str) -> None:
        self._http = http
        self._session = session

    async def go(self, url: str) -> None:
        """Open another page."""
        await self._ask("url", {"url": url})

    async def run(self, script: str) -> Any:
        """What a script returns in it."""
        return await self._ask("execute/sync", {"script": script, "args": []})

    async def until(self, script: str) -> None:
        """Wait until a script's value is true."""
        with trio.fail_after(PATIENCE_SECONDS):
            while not await self.run(f"return {script}"):  # noqa: ASYNC110 - the browser is asked
                await trio.sleep(0.05)

    async def _ask(self, path: str, body: Mapping[str, object]) -> Any:
        answer = await self._http.post(f"/session/{self._session}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A browser with an empty profile, until the end of the block."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    driver = await trio.lowlevel.open_process([str(DRIVER), "--port=0"], stdout=PIPE, env=environment)
    try:
        port = await _port(driver)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=2 * PATIENCE_SECONDS
        ) as http:
            options = {"binary": CHROMIUM, "args": [*ARGUMENTS, f"--user-data-dir={folder}"]}
            wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
            answer = await http.post("/session", json=wanted)
            assert answer.status_code == 200, answer.text
            session = answer.json()["value"]["sessionId"]
            try:
                yield Page(http, session)
            finally:
                with trio.move_on_after(PATIENCE_SECONDS, shield=True):
                    await http.delete(f"/session/{session}")
    finally:
        driver.kill()
        with trio.CancelScope(shield=True):
            await driver.wait()


async def _port(driver: trio.Process) -> int:
    assert driver.stdout is not None
    said = b""
    with trio.fail_after(PATIENCE_SECONDS):
        while (found := re.search(rb"success[a-z]* on port (\d+)", said)) is None:
            said += await driver.stdout.receive_some()
    return int(found[1])


class Front:
    """What an application's own web server does: it shows a page, and fetches the sound with its key.

    A browser's <audio> cannot send the headers that the daemon's API wants, and must not know the key.
    """

    def __init__(self, page: str, upstream: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self._page = page
        self._upstream = upstream  # path here: URL there
        self._headers = headers

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one request."""
        try:
            async with stream:
                head = b""
                while b"\r\n\r\n" not in head and len(head) < MOST_HEAD_BYTES:
                    head += await stream.receive_some() or b"\r\n\r\n"
                await self._answer(stream, head.decode("latin-1"))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # a browser takes what it needs, and goes

    async def _answer(self, stream: trio.SocketStream, head: str) -> None:
        first, *lines = head.split("\r\n")
        path = first.split(" ")[1]
        if path not in self._upstream:
            await stream.send_all(_head(200, {"content-type": "text/html"}) + self._page.encode())
            return
        said = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        asked = {name: said[name] for name in PASSED_ON if name in said}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http,
            http.stream("GET", self._upstream[path], headers={**self._headers, **asked}) as answer,
        ):
            given = {name: answer.headers[name] for name in ANSWERED if name in answer.headers}
            await stream.send_all(_head(answer.status_code, given))
            async for piece in answer.aiter_raw():
                await stream.send_all(piece)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    """The head of an answer whose end is the connection's, as HTTP/1.1 allows."""
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode()
