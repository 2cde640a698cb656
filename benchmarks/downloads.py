"""What downloads cost: how fast a finished file goes out, and how soon followers hear what has come.

The server runs in this process, as it does in earnest; curl fetches, in a process of its own. The followers
run here as well: what they wait for each other is in their times.
"""

import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import httpx
import structlog
import trio

from benchmarks.ingest import Load, _call, _frame
from storage import recordings
from storage.catalog import Catalog
from storage.objects import DirectoryStore
from storage.recordings import Recording
from wavstream.process import cadence
from wavstream.service import Listening, serve
from wavstream.settings import ServerSettings

FILE_BYTES = 1 << 30
FOLLOWERS = 50
PIECES = 10
PIECE = bytes(3200)
"""A fifth of a second."""
PIECE_SECONDS = 0.37
"""From one to the next: on another place of the beat each time."""
TOKEN = "0" * 32


def rows() -> Iterable[tuple[str, float, str]]:
    """(name, value, unit) of each measurement."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    speed, cost = trio.run(_download)
    yield "download of 1 GiB, one client", speed / 1e6, "MB/s"
    yield "download, CPU of the server", cost * 1e3, "ms per 100 MB"
    for period in (0.1, 0.4):
        with patch.multiple(cadence, SECONDS_BY_LOAD=(), SLOWEST_SECONDS=period):
            lags = trio.run(_follow)
        name = f"{FOLLOWERS} followers, {period} s beats: from the socket to their hands"
        yield f"{name}, median", statistics.median(lags) * 1e3, "ms"
        yield f"{name}, worst of {len(lags)}", max(lags) * 1e3, "ms"


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[Listening]:
    settings = ServerSettings.load(
        data_dir=folder, wavstream_ingest="127.0.0.1:0", wavstream_http="127.0.0.1:0"
    )
    stopping = trio.Event()
    async with trio.open_nursery() as nursery:
        listening: Listening = await nursery.start(partial(serve, settings, stopping=stopping))
        yield listening
        stopping.set()


async def _download() -> tuple[float, float]:
    """Bytes a second that curl sees, and CPU seconds of the server for 100 MB."""
    with tempfile.TemporaryDirectory() as name:
        _put(Path(name))
        async with _running(Path(name)) as listening:
            url = f"http://{listening.http}/recordings/{TOKEN}.wav"
            command = ["curl", "-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{json}", url]
            busy = time.process_time()
            done = await trio.run_process(command, capture_stdout=True)
            busy = time.process_time() - busy
    said = json.loads(done.stdout)
    if said["size_download"] != FILE_BYTES:
        raise RuntimeError("the file did not come whole")
    return said["speed_download"], busy / FILE_BYTES * 1e8


def _put(folder: Path) -> None:
    """A finished recording that is all silence, and a hole on the disk."""
    row = Recording(
        recording_id="benchmark",
        token=TOKEN,
        state="completed",
        sample_rate=8000,
        channels=1,
        encoding="pcm16",
        started_at=0.0,
        stopped_at=1.0,
        size=FILE_BYTES,
        sha256="0" * 64,
    )
    catalog = Catalog.open(f"sqlite:///{folder / 'wavstream.db'}")
    catalog.migrate()
    with catalog.transaction() as tx:
        recordings.insert(tx, row)
    catalog.close()
    file = DirectoryStore(folder / "recordings").create(row.path)
    os.ftruncate(file, FILE_BYTES)
    os.close(file)


async def _follow() -> list[float]:
    """Seconds from the sending of each piece until each follower has all of it."""
    lags: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        async with (
            _running(Path(name)) as listening,
            httpx.AsyncClient(trust_env=False, timeout=30, limits=httpx.Limits()) as http,
            trio.open_nursery() as nursery,
        ):
            call = await trio.to_thread.run_sync(_call, listening.ingest.port, Load("/ws", 1), 0)
            call.sendall(_frame(2, PIECE))
            url = await _live(http, listening)
            sent: list[float] = []
            for _ in range(FOLLOWERS):
                await nursery.start(listen, http, url, sent, lags)
            for _ in range(PIECES):
                await trio.sleep(PIECE_SECONDS)
                sent.append(trio.current_time())
                call.sendall(_frame(2, PIECE))
            call.close()
    return lags


async def _live(http: httpx.AsyncClient, listening: Listening) -> str:
    base = f"http://{listening.http}/v1/recordings"
    with trio.fail_after(30):
        while not (found := (await http.get(base)).json()["recordings"]):  # noqa: ASYNC110 - asked as operators do
            await trio.sleep(0.05)
    return f"{base}/{found[0]['recording_id']}/file.wav"


async def listen(
    http: httpx.AsyncClient,
    url: str,
    sent: list[float],
    lags: list[float],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    heard, known, ready = 0, 0, False
    async with http.stream("GET", url) as live:
        async for piece in live.aiter_raw():
            heard += len(piece)
            if not ready and heard > len(PIECE):
                ready = True
                task_status.started()
            while known < len(sent) and heard >= (known + 2) * len(PIECE):  # the first was there before
                lags.append(trio.current_time() - sent[known])
                known += 1
