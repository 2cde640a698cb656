"""A server that stops, or is killed, in mid-recording, and the one that comes after it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import soundfile
import trio

from tests.wavstream.clients import audio, client, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, http_client, running, settings, the_file
from wavstream.chunks import HEADER_BYTES
from wavstream.process import lifecycle
from wavstream.process.settings import parse_address
from wavstream.protocol import Completed, Ready
from wavstream.service import Listening, serve

ID = "recording-1"
SECOND = bytes(range(250)) * 64
SERVE = """
from functools import partial
from wavstream.process import lifecycle
from wavstream.service import serve
from wavstream.settings import ServerSettings
lifecycle.run(partial(serve, ServerSettings.load()))
"""


@pytest.mark.contract("v1-ready")
async def test_a_recording_goes_on_over_a_restart_in_its_middle(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        async with client(server) as talk:
            await talk.start(ID, metadata={"session": "s"})
            await talk.audio(SECOND)
            await talk.acknowledged(16_000)
            await talk.audio(SECOND)  # what is on its way at the stop may be kept or not
            server.stopping.set()
        path = the_file(tmp_path)
    # In between, the file is right: its header says what is in it.
    kept = soundfile.info(str(path)).frames
    assert kept in (8000, 16_000)
    assert path.stat().st_size == HEADER_BYTES + 2 * kept
    async with running(tmp_path) as server:
        async with client(server) as talk:
            assert await talk.start(ID) == Ready(offset=2 * kept)
            await talk.audio((SECOND * 3)[2 * kept :])
            done = await talk.stop(48_000)
        assert isinstance(done, Completed)
        assert (await server.http.get(done.url)).content[HEADER_BYTES:] == SECOND * 3
        row = await server.json(f"/v1/recordings/{ID}")
        assert (row["metadata"], row["reason"], row["duration"]) == ({"session": "s"}, "stopped", 3.0)


async def test_a_server_that_is_cancelled_leaves_what_came_on_the_disk(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        listening: Listening = await nursery.start(partial(serve, settings(tmp_path), stopping=trio.Event()))
        async with http_client(listening) as http:
            server = Server(listening, tmp_path, trio.Event(), http)
            async with client(server) as talk:
                await talk.start(ID)
                await talk.audio(SECOND)
                await talk.acknowledged(16_000)
                nursery.cancel_scope.cancel()
    async with running(tmp_path) as server, client(server) as talk:
        assert await talk.start(ID) == Ready(offset=16_000)


async def test_many_calls_cut_off_by_a_cancelled_server_are_all_finished(
    tmp_path: Path, logged: list[Any]
) -> None:
    calls = 40
    async with trio.open_nursery() as nursery:
        listening: Listening = await nursery.start(partial(serve, settings(tmp_path), stopping=trio.Event()))
        async with http_client(listening) as http, AsyncExitStack() as streams:
            server = Server(listening, tmp_path, trio.Event(), http)
            for number in range(calls):
                stream = await streams.enter_async_context(await trio.open_tcp_stream(*listening.ingest))
                await stream.send_all(upgrade("/ws") + text(f"call-{number}") + audio(SECOND))
            await server.until(lambda found: len(found) == calls)
            nursery.cancel_scope.cancel()
    assert "connection failed" not in {entry["event"] for entry in logged}
    async with running(tmp_path) as server:
        rows = await server.ended(calls)
    assert {(row["state"], row["duration"]) for row in rows} == {("completed", 1.0)}


async def test_a_recording_whose_client_stays_away_after_the_restart_is_finished(tmp_path: Path) -> None:
    async with running(tmp_path) as server, client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
    async with running(tmp_path, wavstream_orphan_seconds=0.1) as server:
        row = await server.one(ID, "completed")
        assert (row["reason"], row["duration"]) == ("interrupted", 1.0)
        assert server.file(row).read_bytes()[HEADER_BYTES:] == SECOND


@dataclass(frozen=True)
class Child:
    """A server in a process of its own."""

    process: trio.Process
    server: Server


@asynccontextmanager
async def child(data_dir: Path) -> AsyncIterator[Child]:
    environment = os.environ | {
        "DATA_DIR": str(data_dir),
        "WAVSTREAM_INGEST": "127.0.0.1:0",
        "WAVSTREAM_HTTP": "127.0.0.1:0",
    }
    process = await trio.lowlevel.open_process(
        [sys.executable, "-c", SERVE], env=environment, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        ready = await line(process.stderr, "ready")
        listening = Listening(
            parse_address(ready["ingest"]), parse_address(ready["http"]), ready["public_url"]
        )
        async with http_client(listening) as http:
            yield Child(process, Server(listening, data_dir, trio.Event(), http))
    finally:
        process.kill()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + BOUND_SECONDS):
            await process.wait()
            await process.stderr.aclose()


async def line(errors: trio.abc.ReceiveStream, event: str) -> dict[str, str]:
    """The line of a child's log with that event. What it logs later is little, and fits into the pipe."""
    log = b""
    with trio.fail_after(BOUND_SECONDS):
        while True:
            chunk = await errors.receive_some()
            assert chunk, log.decode()
            log += chunk
            for each in log.splitlines():
                if each.endswith(b"}") and json.loads(each)["event"] == event:
                    found: dict[str, str] = json.loads(each)
                    return found


@pytest.mark.contract("v1-ack")
async def test_no_acknowledged_byte_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    spoken = SECOND * 4
    async with child(tmp_path) as killed:
        async with client(killed.server) as talk:
            assert await talk.start(ID) == Ready(offset=0)
            await talk.audio(spoken[:20_001])  # the kill finds half a sample in the file
            await talk.acknowledged(20_001)
            await talk.audio(spoken[20_001:30_000])
            killed.process.send_signal(signal.SIGKILL)
        with trio.fail_after(BOUND_SECONDS):
            assert await killed.process.wait() == -signal.SIGKILL
    async with child(tmp_path) as after:
        async with client(after.server) as talk:
            ready = await talk.start(ID)
            assert isinstance(ready, Ready)
            assert ready.offset in (20_001, 30_000)  # the second message may have been written or not
            path = the_file(tmp_path)
            assert soundfile.info(str(path)).frames == ready.offset // 2
            await talk.audio(spoken[ready.offset :])
            done = await talk.stop(len(spoken))
        assert isinstance(done, Completed)
        assert (await after.server.http.get(done.url)).content[HEADER_BYTES:] == spoken


async def test_a_switchs_recording_that_a_kill_cut_off_is_finished_at_the_next_start(tmp_path: Path) -> None:
    async with child(tmp_path) as killed:
        stream = await trio.open_tcp_stream(*killed.server.listening.ingest)
        await stream.send_all(upgrade("/ws") + text("call") + audio(SECOND))
        await killed.server.until(lambda found: bool(found) and found[0]["duration"] == 1.0)
        killed.process.send_signal(signal.SIGKILL)
        with trio.fail_after(BOUND_SECONDS):
            await killed.process.wait()
        await stream.aclose()
    async with running(tmp_path) as server:
        [row] = await server.ended(1)
        assert (row["name"], row["reason"], row["duration"]) == ("call", "interrupted", 1.0)
        assert server.file(row).read_bytes()[HEADER_BYTES:] == SECOND


async def test_a_signal_ends_a_server_within_its_grace_with_status_0(tmp_path: Path) -> None:
    async with child(tmp_path) as stopped, client(stopped.server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        stopped.process.send_signal(signal.SIGTERM)
        with trio.fail_after(lifecycle.GRACE_SECONDS):
            assert await stopped.process.wait() == 0
    path = the_file(tmp_path)
    assert soundfile.info(str(path)).frames == 8000


async def test_two_servers_do_not_share_a_data_directory(tmp_path: Path) -> None:
    in_use = pytest.raises(OSError, match="another wavstream server works there")
    async with running(tmp_path):
        with in_use:
            await serve(settings(tmp_path), stopping=trio.Event())


@pytest.mark.contract("listener-ingest")
async def test_a_port_that_is_taken_ends_the_start_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(tmp_path / "a") as server:
        taken = str(server.listening.ingest)
        with trio.fail_after(BOUND_SECONDS), pytest.RaisesGroup(OSError, flatten_subgroups=True):
            await serve(settings(tmp_path / "b", wavstream_ingest=taken), stopping=trio.Event())
    async with running(tmp_path / "b"):
        pass


@pytest.mark.parametrize("dialect", ["/ws", "/fork", "/jambonz"])
async def test_a_client_that_calls_itself_a_switch_may_come_back_all_the_same(
    tmp_path: Path, dialect: str
) -> None:
    async with running(tmp_path) as server, client(server) as talk:
        await talk.start(ID, metadata={"dialect": dialect, "session": "s"})
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
    async with running(tmp_path) as server:
        async with client(server) as talk:
            assert await talk.start(ID) == Ready(offset=16_000)
            await talk.audio(SECOND)
            assert isinstance(await talk.stop(32_000), Completed)
        row = await server.json(f"/v1/recordings/{ID}")
        assert (row["metadata"], row["duration"]) == ({"dialect": "/v1/stream", "session": "s"}, 2.0)
